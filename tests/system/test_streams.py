"""Jobs as lines on one connection: a receipt each, through kill -9 and through a million of them.

SLUICE_SEED repeats a run, SLUICE_LINES says how many lines (1,000,000).
"""

import http.client
import json
import os
import random
import socket
import threading
import time
import unittest

from support import NO_ANSWER, Server

SEED = os.environ.get("SLUICE_SEED", str(int(time.time())))
LINES = int(os.environ.get("SLUICE_LINES", "1000000"))
HEAD = (b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n")


class Stream:
    """One request whose lines are sent while those of its answer are read."""

    def __init__(self, server, path="/ojs/v1/jobs"):
        self.socket = socket.create_connection(server.address, timeout=60)
        self.socket.sendall(HEAD % path.encode())
        self.answer = None

    def send(self, text):
        data = text.encode()
        self.socket.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def finish(self):
        self.socket.sendall(b"0\r\n\r\n")

    def lines(self):
        """Until the answer ends, or breaks off."""
        self.answer = http.client.HTTPResponse(self.socket, method="POST")
        self.answer.begin()
        assert self.answer.status == 200, self.answer.status
        while line := self.answer.readline():
            if line.strip():
                yield json.loads(line)

    def close(self):
        self.socket.close()


def id_of(number, rng):
    """A UUID of version 7 that says which line it is."""
    return f"0193{number:08x}"[:8] + f"-{number & 0xffff:04x}-7000-8{rng.randrange(4096):03x}-{number:012x}"


def line_of(number, job_id, durability):
    return json.dumps({"id": job_id, "type": "test.line", "args": [number],
                       "options": {"queue": "lines", "durability": durability}}) + "\n"


def stored_ids(client):
    ids, cursor = [], ""
    while True:
        status, page = client.get(f"/ojs/v1/jobs?queue=lines&limit=1000{cursor}")
        assert status == 200, page
        ids += [job["id"] for job in page["jobs"]]
        if not page["pagination"].get("has_more"):
            return ids
        cursor = "&cursor=" + page["pagination"]["next_cursor"]


class Killed(unittest.TestCase):
    def test_loses_and_doubles_no_line_that_has_a_receipt(self):
        print(f"SLUICE_SEED={SEED}", flush=True)
        rng = random.Random(SEED)
        count = 30_000
        ids = [id_of(n, rng) for n in range(count)]
        classes = [rng.choice(["fsync", "written", "written"]) for _ in range(count)]
        done, known, repeats = 0, {}, 0
        with Server("--workers", "0") as server:
            for round_ in range(4):
                stream = Stream(server)
                sender = threading.Thread(target=self.send, daemon=True,
                                          args=(stream, ids, classes, done))
                sender.start()
                stop_at = done + rng.randrange(500, 8_000) if round_ < 3 else count
                begun = done
                try:
                    for receipt in stream.lines():
                        number = begun + receipt["line"] - 1
                        if "error" in receipt:
                            self.assertEqual(receipt["error"]["code"], "duplicate", receipt)
                            repeats += 1
                        else:
                            known[number] = receipt["durability"]
                            self.assertEqual(receipt["id"], ids[number])
                        self.assertEqual(number, done, "receipts come in the order of the lines")
                        done += 1
                        if done == stop_at and stop_at < count:
                            server.kill()
                            break
                except NO_ANSWER:
                    pass
                stream.close()
                sender.join()
                if not server.running():
                    server.start()
                    there = set(stored_ids(server.client()))
                    gone = [n for n in known if ids[n] not in there]
                    self.assertEqual(gone, [], "these had a receipt")
            self.assertEqual(done, count)
            there = stored_ids(server.client())
            self.assertEqual(len(there), count)
            self.assertEqual(set(there), set(ids))
            print(f"{count} lines, {repeats} sent again that were there")
            self.assertGreater(repeats, 0, "no kill came between a commit and its receipts")

    @staticmethod
    def send(stream, ids, classes, begin):
        try:
            for start in range(begin, len(ids), 50):
                stream.send("".join(line_of(n, ids[n], classes[n])
                                    for n in range(start, min(start + 50, len(ids)))))
            stream.finish()
        except OSError:
            pass


class Long(unittest.TestCase):
    def test_a_million_lines_take_no_more_memory_than_some(self):
        with Server("--workers", "0") as server:
            sizes = []
            stream = Stream(server)
            threading.Thread(target=self.send, args=(stream,), daemon=True).start()
            begin = time.monotonic()
            received = 0
            for receipt in stream.lines():
                received += 1
                if received % (LINES // 10) == 0:
                    sizes.append(self.resident_mib(server))
                if received % 1000 == 0:
                    self.assertEqual(receipt["line"], received)
                    self.assertIn("id", receipt)
            taken = time.monotonic() - begin
            stream.close()
            self.assertEqual(received, LINES)
            print(f"{LINES} lines in {taken:.1f} s; MiB after each tenth: "
                  + " ".join(f"{size:.0f}" for size in sizes))
            # The first tenth fills what is bounded: the window of waiting jobs, caches, the log.
            self.assertLess(sizes[-1] - sizes[1], 24, "memory grows with the number of lines")
            status, stats = server.client().get("/ojs/v1/queues/lines/stats")
            self.assertEqual(status, 200)
            self.assertEqual(stats["stats"]["available"], LINES)

    @staticmethod
    def send(stream):
        for start in range(0, LINES, 500):
            stream.send("".join('{"type":"test.line","args":[%d],"options":{"queue":"lines"}}\n' % n
                                for n in range(start, min(start + 500, LINES))))
        stream.finish()

    @staticmethod
    def resident_mib(server):
        with open(f"/proc/{server.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmRSS"):
                    return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")


class Unread(unittest.TestCase):
    def test_who_reads_no_receipts_is_held_back_and_then_let_go(self):
        with Server("--workers", "0", "--http-write-deadline", "500ms") as server:
            stream = Stream(server)
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line = '{"type":"test.line","args":[],"options":{"queue":"lines"}}\n' * 1000
            with self.assertRaises(OSError):
                for _ in range(3000):
                    stream.send(line)
            stream.close()
            client = server.client()
            self.assertEqual(client.get("/readyz")[0], 200)
            status, stats = client.get("/ojs/v1/queues/lines/stats")
            self.assertEqual(status, 200)
            self.assertGreater(stats["stats"]["available"], 0)
            self.assertLess(stats["stats"]["available"], 3_000_000)


if __name__ == "__main__":
    unittest.main()
