"""Remote workers under faults: whatever dies, every job ends in the right state, nothing is lost,
no attempt is spent on an interruption. EXAMPLES and SQUARE_WORKER are set by ctest.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

from support import Server, clean_environment, wait_until

EXAMPLES = Path(os.environ.get("EXAMPLES", "../../client/examples"))
SQUARE_WORKER = os.environ.get("SQUARE_WORKER", "build/dev/bin/example_square_worker")
JOBS = 40


def address(server):
    host, port = server.address
    return f"http://{host}:{port}"


def start(server, *command):
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                            env={**clean_environment(), "SLUICE_URL": address(server)})


class EachExample(unittest.TestCase):
    """The same for each language: jobs are done, one that fails is told, SIGTERM drains."""

    def check(self, *command):
        with Server() as server:
            client = server.client()
            ids = [client.push("number.square", [n], queue="numbers")[1]["job"]["id"]
                   for n in range(JOBS)]
            bad = client.push("number.square", ["a"], queue="numbers",
                              retry={"max_attempts": 1})[1]["job"]["id"]
            worker = start(server, *command)
            try:
                ended = wait_until(lambda: client.job(bad)["state"] == "discarded" and all(
                    client.job(i)["state"] == "completed" for i in ids), 30)
                self.assertTrue(ended, [client.job(i)["state"] for i in [*ids, bad]])
                for n, job_id in enumerate(ids):
                    job = client.job(job_id)
                    self.assertEqual(float(job["result"]), n * n)
                    self.assertEqual(job["attempt"], 1)
                worker.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(10), 0, "SIGTERM drains")
            finally:
                worker.kill()
                worker.communicate()

    def test_cpp(self):
        self.check(SQUARE_WORKER)

    def test_python(self):
        lines = (EXAMPLES / "worker.py").read_text().splitlines()
        self.assertLessEqual(len(lines), 40)
        self.check(sys.executable, "-u", str(EXAMPLES / "worker.py"))

    def test_node(self):
        lines = (EXAMPLES / "worker.mjs").read_text().splitlines()
        self.assertLessEqual(len(lines), 40)
        if not shutil.which("node"):
            self.skipTest("node is not installed")
        self.check("node", str(EXAMPLES / "worker.mjs"))


class Faults(unittest.TestCase):
    def test_a_killed_server_loses_no_answer(self):
        """The worker waits, comes back, and what it had done counts."""
        with Server() as server:
            client = server.client()
            ids = []
            worker = start(server, SQUARE_WORKER)
            try:
                for _ in range(3):
                    ids += [client.push("number.square", [n], queue="numbers")[1]["job"]["id"]
                            for n in range(JOBS)]
                    server.kill()
                    client.close()
                    server.start()
                # A grant whose answer the kill swallowed comes back after the worker's 60 s.
                self.assertTrue(wait_until(
                    lambda: all(client.job(i)["state"] == "completed" for i in ids), 90))
                for job_id in ids:
                    self.assertEqual(client.job(job_id)["attempt"], 1)
                worker.send_signal(signal.SIGTERM)
                self.assertEqual(worker.wait(10), 0)
            finally:
                worker.kill()
                worker.communicate()

    def test_a_killed_worker_spends_no_attempt(self):
        """Its jobs come back once it has been silent for long enough."""
        with Server("--engine-worker-silence", "1s") as server:
            client = server.client()
            worker = start(server, SQUARE_WORKER)
            self.assertTrue(wait_until(lambda: self.completed(client), 10))
            worker.send_signal(signal.SIGSTOP)  # it holds what it fetches from now on
            waiting = client.push("number.square", [3], queue="numbers")[1]["job"]["id"]
            taken = wait_until(lambda: client.job(waiting)["state"] == "active", 10)
            self.assertTrue(taken, "a stopped worker's poll is still open")
            worker.kill()
            worker.communicate()
            self.assertTrue(wait_until(lambda: client.job(waiting)["state"] == "available", 10))
            job = client.job(waiting)
            self.assertEqual((job["attempt"], job["interruptions"]), (0, 1))
            second = start(server, SQUARE_WORKER)
            try:
                self.assertTrue(wait_until(
                    lambda: client.job(waiting)["state"] == "completed", 10))
                self.assertEqual(client.job(waiting)["attempt"], 1)
            finally:
                second.kill()
                second.communicate()

    @staticmethod
    def completed(client):
        job_id = client.push("number.square", [2], queue="numbers")[1]["job"]["id"]
        return wait_until(lambda: client.job(job_id)["state"] == "completed", 5)

    def test_a_stop_leaves_no_grant_behind(self):
        """A worker that ends while its poll waits never takes a job with it."""
        with Server() as server:
            client = server.client()
            for n in range(10):
                worker = start(server, SQUARE_WORKER)
                time.sleep(0.05 * n)
                worker.send_signal(signal.SIGTERM)
                job_id = client.push("number.square", [n], queue="numbers")[1]["job"]["id"]
                status = worker.wait(10)
                worker.communicate()
                self.assertIn(status, (0, -signal.SIGTERM))
                state = client.job(job_id)["state"]
                self.assertIn(state, ("available", "completed"))


if __name__ == "__main__":
    unittest.main()
