"""`sluice top` with the real server: what it counts is what happened, over a restart of the server,
and a terminal is given back as it was.
"""

import json
import os
import pty
import select
import signal
import subprocess
import time
import unittest

from support import Server, clean_environment, wait_until

SLUICE = os.environ.get("SLUICE", "build/dev/bin/sluice")
JOBS = 40


class Top(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.server.__enter__()
        self.addCleanup(self.server.remove)
        self.client = self.server.client()

    def start(self, *arguments, **streams):
        host, port = self.server.address
        top = subprocess.Popen(
            [SLUICE, "top", "--url", f"http://{host}:{port}", "--interval", "200ms", *arguments],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **streams},
            env={**clean_environment(), "TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self.addCleanup(self.end, top)
        return top

    @staticmethod
    def end(top):
        if top.poll() is None:
            top.kill()
        top.communicate()

    def push(self, job_type, *args, **options):
        status, body = self.client.push(job_type, list(args), **options)
        self.assertEqual(status, 201, body)

    def read(self, top, until):
        """The lines up to the first that `until` is content with."""
        lines = []
        while not lines or not until(lines[-1]):
            lines.append(json.loads(top.stdout.readline()))
        return lines

    @staticmethod
    def happened(lines, what):
        return round(sum(line["all"]["per_second"][what] * line["interval_s"] for line in lines))

    def test_counts_what_happens(self):
        self.push("waits", queue="slow")
        top = self.start("--json")
        lines = self.read(top, lambda line: line["all"]["backlog"]["available"] == 1)
        for number in range(JOBS):
            self.push("sluice.sleep", 5, queue="fast")
        self.push("sluice.fail", "no", queue="fast", retry={"max_attempts": 1})
        done = []
        while self.happened(done, "finished") < JOBS + 1:
            done += self.read(top, lambda line: True)
        self.assertEqual(self.happened(done, "in"), JOBS + 1)
        self.assertEqual(self.happened(done, "started"), JOBS + 1)
        self.assertEqual(self.happened(done, "failed"), 1)
        self.assertFalse(any(line["gap"] for line in lines + done))
        busy = [q for line in done for q in line["queues"] if q["name"] == "fast" and q["running_us"]]
        self.assertTrue(all(q["workers"] == 1 for q in busy), busy)
        self.assertGreaterEqual(max(q["running_us"]["p99"] for q in busy), 5000)
        slow = next(q for q in done[-1]["queues"] if q["name"] == "slow")
        self.assertTrue(slow["oldest_at_least"])
        self.assertGreater(slow["oldest_waiting_s"], 0)
        self.client.fetch("slow", worker_id="me")
        last = self.read(top, lambda line: line["all"]["backlog"]["available"] == 0)
        waited = [q["waiting_us"] for line in last for q in line["queues"] if q["waiting_us"]]
        self.assertGreater(waited[-1]["p50"], slow["oldest_waiting_s"] * 1e6)
        self.assertTrue(all(q["oldest_waiting_s"] is None for q in last[-1]["queues"]))
        top.send_signal(signal.SIGINT)
        self.assertEqual(top.wait(10), 0)

    def test_comes_back_after_a_restart_of_the_server(self):
        self.push("waits")
        top = self.start("--json")
        self.read(top, lambda line: line["connected"])
        self.server.kill()
        self.read(top, lambda line: not line["connected"])
        self.server.start()
        lines = self.read(top, lambda line: line["reconnected"])
        lines += self.read(top, lambda line: line["connected"])
        self.assertTrue(any(line["gap"] for line in lines), lines)
        self.assertEqual(lines[-1]["all"]["backlog"]["available"], 1)
        top.send_signal(signal.SIGINT)
        _, said = top.communicate(timeout=10)
        self.assertIn("waiting: ", said)
        self.assertIn("connected again", said)
        self.assertIn("gap: ", said)

    def test_gives_the_terminal_back(self):
        self.push("waits", queue="mail")
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        top = self.start(stdout=its, stderr=its, text=False)
        os.close(its)
        shown = b""

        def sees(what):
            nonlocal shown
            while select.select([ours], [], [], 0)[0]:
                try:
                    shown += os.read(ours, 65536)
                except OSError:  # nobody holds the other end any more
                    break
            return what in shown

        self.assertTrue(wait_until(lambda: sees(b"mail"), 10), shown)
        self.assertTrue(shown.startswith(b"\x1b[?1049h\x1b[?25l"), shown)
        self.assertFalse(sees(b"\x1b[?1049l"))
        top.send_signal(signal.SIGINT)
        self.assertEqual(top.wait(10), 0)
        self.assertTrue(wait_until(lambda: sees(b"\x1b[?25h\x1b[?1049l"), 10), shown)
        self.assertTrue(shown.endswith(b"\x1b[?25h\x1b[?1049l"), shown)

    def test_ends_with_three_when_nobody_is_there(self):
        self.server.kill()
        began = time.monotonic()
        top = self.start("--once")
        out, said = top.communicate(timeout=20)
        self.assertEqual((top.returncode, out), (3, ""))
        self.assertIn("cannot reach", said)
        self.assertLess(time.monotonic() - began, 10)


if __name__ == "__main__":
    unittest.main()
