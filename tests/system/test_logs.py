"""Logs of jobs in the real programs: followed while they grow, over a kill, and under a flood."""

import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from support import Server, clean_environment, wait_until

SLUICE = os.environ.get("SLUICE", "build/dev/bin/sluice")
TOKEN = "0123456789abcdef0123456789abcdef"
AUTHORIZED = {"Authorization": "Bearer " + TOKEN}

# Says one line, waits for a file, says another; the escape would turn a terminal red.
STEPS = """
import os, sys, time
print("begun \\x1b[31m", flush=True)
print("to stderr", file=sys.stderr, flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.01)
print("ended", flush=True)
"""

# More than any log takes.
FLOOD = """
import os
block = b"the same line again\\n" * 3000
for _ in range(4000): os.write(1, block)
"""
FLOOD_LINES = 3000 * 4000


class Logs(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-logs-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.go_on = self.directory / "go-on"
        (self.directory / "token").write_text(TOKEN)
        (self.directory / "steps.py").write_text(STEPS)
        (self.directory / "flood.py").write_text(FLOOD)
        config = self.directory / "sluiced.toml"
        config.write_text(f"""
[[exec.commands]]
name = "steps"
argv = ["/usr/bin/python3", "{self.directory}/steps.py", "{self.go_on}"]

[[exec.commands]]
name = "flood"
argv = ["/usr/bin/python3", "{self.directory}/flood.py"]

[[tokens]]
name = "t"
token_file = "{self.directory}/token"
scopes = ["admin"]
""")
        self.server = Server("--config", str(config))
        self.addCleanup(self.server.remove)
        self.server.start()
        self.client = self.server.client()

    def post(self, path, body):
        return self.client.request("POST", path, body, AUTHORIZED)

    def push(self, *args, type="sluice.exec", **options):
        status, body = self.post("/ojs/v1/jobs",
                                 {"type": type, "args": list(args), "options": options})
        self.assertEqual(status, 201, body)
        return body["job"]["id"]

    def fetch(self, queue):
        return self.post("/ojs/v1/workers/fetch", {"queues": [queue], "worker_id": "me"})[1][
            "jobs"][0]

    def log(self, job_id, query=""):
        return self.client.request("GET", f"/ojs/v1/jobs/{job_id}/log{query}", None, AUTHORIZED)

    def texts(self, job_id):
        return [line["text"] for line in self.log(job_id)[1]["lines"]]

    def state(self, job_id):
        return self.client.request("GET", f"/ojs/v1/jobs/{job_id}", None,
                                   AUTHORIZED)[1]["job"]["state"]

    def start_cli(self, *arguments):
        host, port = self.server.address
        environment = clean_environment()
        environment["SLUICE_TOKEN"] = TOKEN
        return subprocess.Popen([SLUICE, "-u", f"http://{host}:{port}", *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=environment)

    def test_a_command_is_followed_while_it_runs(self):
        job_id = self.push("steps")
        follower = self.start_cli("job", "logs", job_id, "-f")
        too_late = threading.Timer(30, follower.kill)
        too_late.start()
        self.addCleanup(too_late.cancel)
        # The first line comes while the command waits for what only this test can do.
        self.assertEqual(follower.stdout.readline(), "begun \x1b[31m\n")
        self.assertEqual(self.state(job_id), "active")
        self.assertIsNone(follower.poll())
        self.go_on.touch()
        out, err = follower.communicate(timeout=30)
        self.assertEqual(follower.returncode, 0, err)
        self.assertEqual(out, "ended\n")
        self.assertEqual(err, "to stderr\n")
        self.assertEqual(self.state(job_id), "completed")

        again = self.start_cli("job", "logs", job_id, "--json")
        out, err = again.communicate(timeout=30)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([line["number"] for line in lines], [1, 2, 3])
        self.assertEqual(sorted(line["stream"] for line in lines), ["stderr", "stdout", "stdout"])
        self.assertEqual(err, "")

    def test_a_flood_is_capped_and_the_log_says_so(self):
        job_id = self.push("flood")
        slowest = 0
        small = 0
        while self.state(job_id) not in ("completed", "discarded", "retryable"):
            begin = time.monotonic()  # the others go on
            self.push(small, type="test.other", queue="others")
            slowest = max(slowest, time.monotonic() - begin)
            small += 1
            time.sleep(0.01)
        self.assertEqual(self.state(job_id), "completed")
        self.assertGreater(small, 1, "the flood was over before anybody else came")
        print(f"{small} other jobs, the slowest answer took {slowest * 1000:.1f} ms")

        kept, dropped, notes, after, bytes_kept = 0, 0, [], 0, 0
        while True:
            status, page = self.log(job_id, f"?after={after}&limit=10000")
            self.assertEqual(status, 200, page)
            for line in page["lines"]:
                bytes_kept += len(line["text"]) + 64
                if line["stream"] == "note":
                    notes.append(line["text"])
                else:
                    kept += 1
            after = page["next"]
            if not page["more"]:
                break
        self.assertTrue(page["ended"])
        dropped = sum(int(note.split()[0]) for note in notes if note.endswith("dropped") and
                      note[0].isdigit())
        self.assertEqual(kept + dropped, FLOOD_LINES, notes)
        self.assertLess(bytes_kept, 6 << 20)
        self.assertTrue(any("log is full" in note for note in notes), notes)
        size = sum(f.stat().st_size for f in self.server.data.glob("sluice.db*"))
        self.assertLess(size, 100 << 20)
        # The control: a job that says little is not capped.
        self.go_on.touch()
        control = self.push("steps")
        self.assertTrue(wait_until(lambda: self.state(control) == "completed", 20))
        self.assertEqual(sorted(self.texts(control)), ["begun \x1b[31m", "ended", "to stderr"])

    def test_answered_lines_survive_a_kill_and_others_need_not(self):
        job_id = self.push(1, type="test.remote", queue="remote")
        job = self.fetch("remote")
        answered = []
        for n in range(200):
            status, body = self.post(f"/ojs/v1/jobs/{job_id}/log",
                                     {"lease": job["lease"], "entries": [f"line {n}"]})
            self.assertEqual(status, 200, body)
            answered.append(f"line {n}")
        self.server.kill()
        self.client.close()
        self.server.start()
        self.assertEqual(self.texts(job_id), answered)
        # The log goes on under the same lease, and a foreign one is refused.
        status, body = self.post(f"/ojs/v1/jobs/{job_id}/log",
                                 {"lease": job["lease"], "entries": ["after the kill"]})
        self.assertEqual((status, body["last"]), (200, 201))
        status, body = self.post(f"/ojs/v1/jobs/{job_id}/log",
                                 {"lease": "1.1.00000000", "entries": ["foreign"]})
        self.assertEqual((status, body["error"]["code"]), (409, "lease_lost"))
        self.assertEqual(self.texts(job_id), answered + ["after the kill"])

    def test_lines_that_were_shown_survive_a_kill(self):
        job_id = self.push("steps")
        self.assertTrue(wait_until(lambda: len(self.texts(job_id)) == 2, 20))
        shown = self.texts(job_id)
        self.server.kill()
        self.client.close()
        self.go_on.touch()
        self.server.start()
        self.assertEqual(self.texts(job_id)[:2], shown)
        self.assertTrue(wait_until(lambda: self.state(job_id) == "completed", 20))
        # Two pipes: which of them is read first is nobody's promise.
        self.assertEqual(sorted(self.texts(job_id)[-2:]), ["ended", "to stderr"])

    def test_a_command_of_a_remote_worker_has_a_log_too(self):
        job_id = self.push(1, type="test.remote", queue="commands")
        worker = self.start_cli("work", "-q", "commands", "--max-jobs", "1", "--",
                                "/bin/sh", "-c", "echo out; echo err >&2; seq 1 30")
        _, err = worker.communicate(timeout=60)
        self.assertEqual(worker.returncode, 0, err)
        texts = self.texts(job_id)
        self.assertEqual(sorted(texts), sorted(["out", "err"] + [str(n) for n in range(1, 31)]))
        self.assertEqual(self.state(job_id), "completed")

    def test_a_job_without_a_log_has_an_empty_one(self):
        job_id = self.push(3, type="sluice.square")
        self.assertTrue(wait_until(lambda: self.state(job_id) == "completed", 20))
        page = self.log(job_id)[1]
        self.assertEqual((page["lines"], page["next"], page["ended"]), ([], 0, True))
        status, body = self.log("019461a8-1a2b-7c3d-8e4f-5a6b7c8d9e0f")
        self.assertEqual(status, 404, body)


if __name__ == "__main__":
    unittest.main()
