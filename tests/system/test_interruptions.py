"""Whoever dies in the middle of a run: every job is in the right state, nothing is lost, no process
is left over, and no attempt is spent on what was not the job's own fault.

One row of MATRIX is one test with the real programs.
"""

import os
import signal
import subprocess
import tempfile
import unittest
from collections import namedtuple
from pathlib import Path

from support import Server, clean_environment, wait_until

SLUICE = os.environ.get("SLUICE", "build/dev/bin/sluice")
LONG = {"max_attempts": 3, "initial_interval": "PT60S"}

Row = namedtuple("Row", "runs fault state attempt interruptions ends")
KILL, TERM = signal.SIGKILL, signal.SIGTERM

# `runs`: a handler of the server, a command of the server, a command of `sluice work`.
# `ends`: whether the very run that was under way goes on and completes the job.
MATRIX = [
    #   runs       fault                 state        attempt interruptions ends
    Row("handler", ("server", KILL), "available", 0, 1, False),
    Row("handler", ("server", TERM), "available", 0, 0, False),
    Row("command", ("command", KILL), "retryable", 1, 0, False),
    Row("command", ("server", KILL), "available", 0, 1, False),
    Row("command", ("server", TERM), "available", 0, 0, False),
    Row("remote", ("command", KILL), "retryable", 1, 0, False),
    Row("remote", ("worker", KILL), "available", 0, 1, False),
    Row("remote", ("worker", TERM), "available", 0, 0, False),
    Row("remote", ("server", KILL), "active", 1, 0, True),
    Row("remote", ("server", TERM), "active", 1, 0, True),
]

TYPES = {"handler": ("sluice.sleep", [600_000]), "command": ("sluice.exec", ["wait"]),
         "remote": ("test.wait", [])}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Interruptions(unittest.TestCase):
    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-interruptions-"))
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(self.directory)], check=False))
        # Leaves its process id and that of a child, and waits until it may end.
        self.script = self.directory / "wait"
        self.script.write_text(
            "#!/bin/sh\n"
            f"sleep 600 & child=$!\necho $$ $child >{self.directory}/new\n"
            f"mv {self.directory}/new {self.directory}/pids\n"
            f"until [ -e {self.directory}/go ]; do sleep 0.05; done\nkill $child\necho 7\n")
        self.script.chmod(0o755)
        self.config = self.directory / "sluiced.toml"
        self.config.write_text('[exec]\ninsecure_no_auth = true\n[[exec.commands]]\nname = "wait"\n'
                               f'argv = ["{self.script}"]\ngrace = "100ms"\n')
        self.server = Server("--config", str(self.config), "--engine-worker-silence", "3s",
                             "--server-drain-grace", "100ms")
        self.addCleanup(self.server.remove)
        self.server.start()
        self.client = self.server.client()
        self.worker = None

    # -- what runs

    def start_worker(self):
        host, port = self.server.address
        self.worker = subprocess.Popen(
            [SLUICE, "work", "--url", f"http://{host}:{port}", "-q", "q", "-t", "test.*",
             "--grace", "100ms", "--", str(self.script)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=clean_environment())
        self.addCleanup(self.end_worker, self.worker)

    @staticmethod
    def end_worker(worker):
        if worker.poll() is None:
            worker.kill()
        worker.communicate()

    def push(self, runs):
        job_type, args = TYPES[runs]
        status, body = self.client.push(job_type, args, queue="q", retry=LONG)
        self.assertEqual(status, 201, body)
        return body["job"]["id"]

    def begin(self, row):
        """The job's id, and the processes that run it: none for a handler in the server."""
        if row.runs == "remote":
            self.start_worker()
        job_id = self.push(row.runs)
        self.assertTrue(wait_until(lambda: self.state(job_id) == "active", 20))
        if row.runs == "handler":
            return job_id, []
        file = self.directory / "pids"
        self.assertTrue(wait_until(file.exists, 20))
        pids = [int(pid) for pid in file.read_text().split()]
        # The control: without the fault they go on.
        self.assertTrue(all(alive(pid) for pid in pids))
        self.assertIn(pids[0], self.leftovers())
        return job_id, pids

    def leftovers(self):
        """Processes that run the command, by their command lines."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(self.script).encode() in line[:2]:
                found.append(int(entry.name))
        return found

    def state(self, job_id):
        return self.client.job(job_id)["state"]

    # -- what goes wrong

    def strike(self, row, pids):
        victim, number = row.fault
        if victim == "command":
            os.kill(pids[0], number)
        elif victim == "worker":
            self.worker.send_signal(number)
            self.worker.wait(30)
        else:
            self.client.close()
            self.server.kill(number)
            if number == TERM:
                self.assertEqual(self.server.wait(30), 0, self.server.last_words())
            # Without workers, so that what was given back stays as it is.
            usual = self.server.arguments
            self.server.arguments = (*usual, "--workers", "0")
            self.server.start()
            self.server.arguments = usual

    # -- what is left

    def check(self, row):
        job_id, pids = self.begin(row)
        behind = self.push(row.runs)  # waits its turn, or runs beside
        self.strike(row, pids)
        if row.ends:
            self.assertTrue(all(alive(pid) for pid in pids), "it knows nothing of the server")
        else:
            self.assertTrue(wait_until(lambda: not any(alive(pid) for pid in pids), 20), pids)
            if row.fault[0] != "command":  # else another run may have begun
                self.assertTrue(wait_until(lambda: not self.leftovers(), 20), self.leftovers())
        self.assertTrue(wait_until(lambda: self.state(job_id) == row.state, 20),
                        self.client.job(job_id))
        job = self.client.job(job_id)
        self.assertEqual((job["attempt"], job.get("interruptions", 0)),
                         (row.attempt, row.interruptions), job)
        self.assertEqual(len(job.get("errors", [])), 1 if row.state == "retryable" else 0, job)
        self.finish(row, job_id, behind)

    def finish(self, row, job_id, behind):
        """Everything starts again, and nothing is missing."""
        (self.directory / "go").touch()
        if row.fault[0] == "server":
            self.client.close()
            self.server.kill(KILL)
            self.server.start()
        if row.fault[0] == "worker":
            self.start_worker()
        for each in (job_id, behind):
            if row.runs == "handler":
                self.client.request("DELETE", f"/ojs/v1/jobs/{each}")
                self.assertEqual(self.state(each), "cancelled")
                continue
            ends = "retryable" if each == job_id and row.state == "retryable" else "completed"
            self.assertTrue(wait_until(lambda: self.state(each) == ends, 30),
                            self.client.job(each))
            self.assertEqual(self.client.job(each)["attempt"], 1)
        if row.ends:
            self.assertEqual(len(self.client.job(job_id)["attempts"]), 1, "it was one run")


def add_tests():
    for row in MATRIX:
        victim, number = row.fault
        how = "killed" if number == KILL else "asked_to_end"
        name = f"test_{row.runs}_when_its_{victim}_is_{how}"
        setattr(Interruptions, name, lambda self, row=row: self.check(row))


add_tests()

if __name__ == "__main__":
    unittest.main()
