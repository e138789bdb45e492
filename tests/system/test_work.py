"""`sluice work`: exit codes become states, and whatever dies in the middle, every job ends in the
right state, no command outlives its worker, no attempt is spent on an interruption.
"""

import json
import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import Server, clean_environment, wait_until

SLUICE = os.environ.get("SLUICE", "build/dev/bin/sluice")
EXAMPLES = Path(os.environ.get("EXAMPLES", "../../client/examples"))
RETRY_ONCE = {"max_attempts": 2, "initial_interval": "PT60S", "on_exhaustion": "discard"}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Work(unittest.TestCase):
    def setUp(self):
        self.server = Server("--engine-worker-silence", "1s")
        self.server.__enter__()
        self.addCleanup(self.server.remove)
        self.client = self.server.client()
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-work-"))
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(self.directory)], check=False))

    def start(self, *arguments):
        host, port = self.server.address
        worker = subprocess.Popen(
            [SLUICE, "work", "--url", f"http://{host}:{port}", "-q", "q",
             "--worker-silence", "1s", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment())
        self.addCleanup(self.end, worker)
        return worker

    @staticmethod
    def end(worker):
        if worker.poll() is None:
            worker.kill()
        worker.communicate()

    def push(self, *args, **options):
        status, body = self.client.push("t", list(args), queue="q", **options)
        self.assertEqual(status, 201, body)
        return body["job"]["id"]

    def sleeper(self, name, pause=60):
        """A command that leaves its process id, and that of a child, and takes its time."""
        return ["sh", "-c", f"sleep {pause} & echo $$ $! >{self.directory}/{name}; wait"]

    def pids(self, name):
        file = self.directory / name
        self.assertTrue(wait_until(lambda: file.exists() and file.read_text().strip(), 20))
        return [int(pid) for pid in file.read_text().split()]

    def assert_gone(self, pids):
        self.assertTrue(wait_until(lambda: not any(alive(pid) for pid in pids), 10), pids)

    def test_exit_codes_become_states(self):
        ids = {code: self.push(code, retry=RETRY_ONCE) for code in (0, 75, 65, 3)}
        worker = self.start("--until-empty", "--json", "--", "sh", "-c",
                            "code=$(sed 's/.*\"args\":.\\([0-9]*\\).*/\\1/'); echo said $code >&2;"
                            "echo '{\"n\":'$code'}'; exit $code")
        out, err = worker.communicate(timeout=60)
        self.assertEqual(worker.returncode, 8, err)
        states = {code: self.client.job(i)["state"] for code, i in ids.items()}
        self.assertEqual(states, {0: "completed", 75: "retryable", 65: "discarded", 3: "retryable"})
        self.assertEqual(self.client.job(ids[0])["result"], {"n": 0})
        self.assertTrue(self.client.job(ids[65])["dead_letter"])
        self.assertIn("said 3", self.client.job(ids[3])["error"]["message"])
        lines = {line["id"]: line for line in map(json.loads, out.splitlines())}
        self.assertEqual({i: line["state"] for i, line in lines.items()},
                         {i: states[code] for code, i in ids.items()})

    def test_the_shell_example_squares(self):
        job_id = self.push(12)
        bad = self.push("a")
        worker = self.start("--max-jobs", "2", "--", str(EXAMPLES / "square.sh"))
        worker.communicate(timeout=60)
        job = self.client.job(job_id)
        self.assertEqual((job["state"], job["result"], job["progress"]), ("completed", 144, 1))
        self.assertTrue(self.client.job(bad)["dead_letter"])

    def test_a_killed_command_has_failed(self):
        job_id = self.push(retry=RETRY_ONCE)
        self.start("--", *self.sleeper("a"))
        pids = self.pids("a")
        os.kill(pids[0], signal.SIGKILL)
        self.assertTrue(wait_until(lambda: self.client.job(job_id)["state"] == "retryable", 20))
        self.assertEqual(self.client.job(job_id)["attempt"], 1)
        self.assert_gone(pids)

    def test_a_killed_worker_takes_its_commands_along_and_spends_no_attempt(self):
        job_id = self.push()
        worker = self.start("--", *self.sleeper("a"))
        pids = self.pids("a")
        self.assertTrue(all(alive(pid) for pid in pids))
        worker.kill()
        self.assert_gone(pids)
        self.assertTrue(wait_until(lambda: self.client.job(job_id)["state"] == "available", 20))
        job = self.client.job(job_id)
        self.assertEqual((job["attempt"], job["interruptions"]), (0, 1))

    def test_a_killed_server_interrupts_nothing(self):
        job_id = self.push()
        worker = self.start("--max-jobs", "1", "--", "sh", "-c",
                            f"echo $$ >{self.directory}/a; until [ -e {self.directory}/go ];"
                            "do sleep 0.1; done; echo 7")
        self.pids("a")
        self.server.kill()
        self.client.close()
        (self.directory / "go").touch()  # the command ends while there is no server
        self.server.start()
        self.assertTrue(wait_until(lambda: self.client.job(job_id)["state"] == "completed", 20))
        job = self.client.job(job_id)
        self.assertEqual((job["attempt"], job["result"]), (1, 7))
        self.assertEqual(worker.wait(20), 0)

    def test_heartbeats_keep_a_lease_much_shorter_than_the_run(self):
        """The control: the same lease without heartbeats is lost meanwhile."""
        kept = self.push()
        self.start("--visibility-timeout", "600ms", "--", *self.sleeper("a", 3))
        self.pids("a")
        control = self.client.push("t", [], queue="other")[1]["job"]["id"]
        self.client.fetch("other", worker_id="silent", visibility_timeout_ms=600)
        self.assertTrue(wait_until(lambda: self.client.job(kept)["state"] == "completed", 20))
        self.assertNotIn("interruptions", self.client.job(kept))
        self.assertEqual(self.client.job(control)["interruptions"], 1)

    def test_the_first_signal_lets_commands_end(self):
        job_id = self.push()
        later = self.push()
        worker = self.start("--", *self.sleeper("a", 1))
        self.pids("a")
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(20), 0)
        self.assertEqual(self.client.job(job_id)["state"], "completed")
        self.assertEqual(self.client.job(later)["state"], "available")

    def test_the_second_signal_stops_commands_and_gives_jobs_back(self):
        job_id = self.push()
        worker = self.start("--", *self.sleeper("a"))
        pids = self.pids("a")
        worker.send_signal(signal.SIGINT)
        with self.assertRaises(subprocess.TimeoutExpired):
            worker.wait(0.5)
        self.assertTrue(all(alive(pid) for pid in pids))
        worker.send_signal(signal.SIGINT)
        self.assertEqual(worker.wait(20), 130)
        self.assert_gone(pids)
        job = self.client.job(job_id)
        self.assertEqual((job["state"], job["attempt"]), ("available", 0))
        self.assertNotIn("interruptions", job)

    def test_a_cancelled_job_has_its_command_stopped(self):
        job_id = self.push()
        self.start("--", *self.sleeper("a"))
        pids = self.pids("a")
        self.client.request("DELETE", f"/ojs/v1/jobs/{job_id}")
        self.assert_gone(pids)
        self.assertEqual(self.client.job(job_id)["state"], "cancelled")

    def test_says_what_is_wrong_with_the_line(self):
        self.assertEqual(self.start("--", "no-such-program").wait(20), 2)
        self.assertEqual(self.start().wait(20), 2)


if __name__ == "__main__":
    unittest.main()
