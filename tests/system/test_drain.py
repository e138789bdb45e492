"""SIGTERM under load: what runs is finished or given back, nothing is lost, the end is clean."""

import http.client
import resource
import signal
import time
import unittest

import history
from load import Load
from support import NO_ANSWER, Server, threads, wait_until

RUNNING = 30


class EventStream:
    """Reads GET /ojs/v1/events as a browser does."""

    def __init__(self, server, headers=None):
        self.connection = http.client.HTTPConnection(*server.address, timeout=20)
        self.connection.request("GET", "/ojs/v1/events",
                                headers={"Accept": "text/event-stream", **(headers or {})})
        self.answer = self.connection.getresponse()
        self.position = ""

    def next_event(self):
        while True:
            block = {}
            for line in iter(self.answer.readline, b"\n"):
                if not line:
                    raise EOFError("the stream has ended")
                name, _, value = line.decode().rstrip("\n").partition(": ")
                block[name] = value
            self.position = block.get("id", self.position)
            if "data" in block:
                return block

    def rest(self):
        return self.answer.read().decode()


class Drain(unittest.TestCase):
    def start_sleepers(self, server, ms):
        client = server.client()
        ids = []
        for _ in range(RUNNING):
            status, body = client.push("sluice.sleep", [ms], queue="sleepers")
            self.assertEqual(status, 201, body)
            ids.append(body["job"]["id"])
        started = wait_until(lambda: all(client.job(i)["state"] == "active" for i in ids), 10)
        self.assertTrue(started)
        return ids

    def test_under_load_loses_nothing_and_exits_zero(self):
        with Server("--workers", "64", "--server-drain-grace", "1s") as server:
            load = Load(server, "drain")
            short = self.start_sleepers(server, 3000)
            long = self.start_sleepers(server, 3_600_000)
            clients = [load.producer(n) for n in range(8)] + \
                      [load.worker(n, faults=False) for n in range(8)]
            with threads(*clients):
                time.sleep(2.3)  # the short sleepers end within the grace
                server.kill(signal.SIGTERM)
                begin = time.monotonic()
                self.assertEqual(server.wait(30), 0, server.last_words())
                print(f"drained in {time.monotonic() - begin:.2f} s")
                server.start()
                time.sleep(1)
            load.drain()

            print(history.summary(load.record.ops))
            self.assertEqual([], [str(v) for v in history.check(load.record.ops)[:20]])
            self.assertEqual(self.stored_without_an_answer(load), set())
            client = server.client()
            for job_id in short:
                self.assertEqual(client.job(job_id)["state"], "completed")
            for job_id in long:
                job = client.job(job_id)
                self.assertIn(job["state"], ("available", "active"))
                self.assertLessEqual(job["attempt"], 1, "the drain spent an attempt")
                self.assertNotIn("interruptions", job, "given back is not interrupted")

    def test_a_journal_that_fails_meanwhile_shows_in_the_exit_code(self):
        with Server("--workers", "64", "--server-drain-grace", "200ms") as server:
            self.start_sleepers(server, 3_600_000)
            resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (8192, 8192))
            server.kill(signal.SIGTERM)
            self.assertEqual(server.wait(30), 74, server.last_words())

    @staticmethod
    def stored_without_an_answer(load):
        """A drain answers what it has received. A connection that it closes while idle may cross
        with a request, but that was not carried out."""
        ops = load.record.ops
        answered = {op.nonce for op in ops if op.f == "enqueue" and op.outcome == history.OK}
        return {op.nonce for op in ops if op.f == "deliver"} - answered

    def test_stops_granting_at_once_and_ends_long_polls_empty(self):
        with Server("--workers", "1", "--server-drain-grace", "2s") as server:
            status, body = server.client().push("sluice.sleep", [1500], queue="q")
            self.assertEqual(status, 201, body)
            answers = []

            def poll(_):
                answers.append(server.client().fetch("nothing", wait_ms=60_000))

            with threads(poll):
                time.sleep(0.5)
                client = server.client()
                self.assertEqual(client.get("/readyz")[0], 200)
                server.kill(signal.SIGTERM)
                self.assertTrue(wait_until(lambda: answers, 1))
                self.assertEqual(answers[0][0], 200)
                self.assertEqual(answers[0][1]["jobs"], [])
            try:
                status, body = client.push("test.work", [1])
                self.assertEqual(status, 503, body)
                self.assertEqual(body["error"]["details"]["outcome"], "not_stored")
            except NO_ANSWER:
                pass  # the connection was closed: nothing was stored either
            self.assertEqual(server.wait(10), 0)

    def test_ends_streams_whole_and_a_reader_that_comes_back_hears_of_the_gap(self):
        with Server() as server:
            stream = EventStream(server)
            server.client().push("test.work", [1], queue="q")
            self.assertEqual(stream.next_event()["event"], "job.enqueued")
            server.kill(signal.SIGTERM)
            self.assertEqual(stream.rest(), "")  # raises when there is no last chunk
            self.assertEqual(server.wait(10), 0)
            server.start()
            again = EventStream(server, {"Last-Event-ID": stream.position})
            gap = again.next_event()
            self.assertEqual(gap["event"], "gap")
            self.assertIn(stream.position, gap["data"])
            server.client().push("test.work", [2], queue="q")
            self.assertEqual(again.next_event()["event"], "job.enqueued")

    def test_a_second_signal_ends_it_at_once(self):
        with Server("--workers", "64") as server:
            ids = self.start_sleepers(server, 3_600_000)
            server.kill(signal.SIGTERM)
            time.sleep(0.3)
            self.assertTrue(server.running(), "the grace of 25 s has not begun")
            server.kill(signal.SIGTERM)
            self.assertNotEqual(server.wait(2), 0)
            server.start()
            client = server.client()
            for job_id in ids:
                self.assertIn(client.job(job_id)["state"], ("available", "active"))


if __name__ == "__main__":
    unittest.main()
