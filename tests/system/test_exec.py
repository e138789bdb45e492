"""Commands in the real server: the door, one run, a stop, a drain, and a server that is killed."""

import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import SLUICED, Server, clean_environment, wait_until

TOKEN = "0123456789abcdef0123456789abcdef"
AUTHORIZED = {"Authorization": "Bearer " + TOKEN}

# Writes the numbers of its processes into a file: itself, and a daemon of its own session.
DAEMONISE = """
import os, sys, time
def note():
    with open(sys.argv[1], "a") as f: f.write("%d\\n" % os.getpid())
note()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        note()
        for fd in range(4): os.close(fd)
        os.execve("/bin/sleep", ["/bin/sleep", "1000"], {})
    os._exit(0)
os.wait()
time.sleep(1000)
"""


def alive(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


class Commands(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-exec-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        self.pids = self.directory / "pids"
        self.pids.touch()
        (self.directory / "token").write_text(TOKEN)
        (self.directory / "daemon.py").write_text(DAEMONISE)

    def config(self, text, tokens=True):
        path = self.directory / "sluiced.toml"
        if tokens:
            text += (f'\n[[tokens]]\nname = "t"\ntoken_file = "{self.directory}/token"\n'
                     'scopes = ["admin"]\n')
        path.write_text(text)
        return str(path)

    def commands(self):
        return f"""
[[exec.commands]]
name = "cat"
argv = ["/bin/cat"]

[[exec.commands]]
name = "echo"
argv = ["/bin/echo", "fixed"]
extra_args = 2

[[exec.commands]]
name = "environment"
argv = ["/bin/sh", "-c", "env; tr '\\\\0' '\\\\n' < /proc/$PPID/environ"]
types = ["report.*"]

[[exec.commands]]
name = "daemon"
argv = ["/usr/bin/python3", "{self.directory}/daemon.py", "{self.pids}"]
grace = "200ms"

[[exec.commands]]
name = "slow"
argv = ["/bin/sleep", "1000"]
timeout = "300ms"
"""

    def server(self):
        server = Server("--config", self.config(self.commands()))
        self.addCleanup(server.remove)
        server.start()
        return server

    def push(self, client, *args, type="sluice.exec", **options):
        return client.request("POST", "/ojs/v1/jobs",
                              {"type": type, "args": list(args), "options": options}, AUTHORIZED)

    def job(self, client, job_id):
        return client.request("GET", f"/ojs/v1/jobs/{job_id}", None, AUTHORIZED)[1]["job"]

    def finished(self, client, answer):
        status, body = answer
        self.assertEqual(status, 201, body)
        ended = ("completed", "discarded", "cancelled", "retryable")
        job_id = body["job"]["id"]
        wait_until(lambda: self.job(client, job_id)["state"] in ended, 20)
        return self.job(client, job_id)

    def started(self):
        wait_until(lambda: len(self.pids.read_text().split()) >= 2, 20)
        return [int(line) for line in self.pids.read_text().split()]

    def expect_gone(self, pids):
        wait_until(lambda: not any(alive(pid) for pid in pids), 10)
        self.assertFalse([pid for pid in pids if alive(pid)])

    def test_needs_a_token_on_loopback_too(self):
        path = self.config(self.commands(), tokens=False)
        end = subprocess.run([SLUICED, "--config", path, "--check-config"], capture_output=True,
                             text=True, timeout=20, env=clean_environment())
        self.assertEqual(end.returncode, 78, end.stderr)
        self.assertIn("exec.commands: commands need a token", end.stderr)

    def test_names_what_is_wrong_with_a_command(self):
        path = self.config('[[exec.commands]]\nname = "a"\nargv = ["true"]\n'
                           '[[exec.commands]]\nname = "b"\nargv = ["/nowhere/b"]\n'
                           '[[exec.commands]]\nname = "b"\nargv = ["/bin/true", "%s"]\n'
                           '[[exec.commands]]\nname = "c"\nargv = ["/bin/true"]\nuid = 1001\n'
                           '[[exec.commands]]\nshell = "rm"\n' % ("x" * (1 << 20)))
        end = subprocess.run([SLUICED, "--config", path, "--check-config"], capture_output=True,
                             text=True, timeout=20, env=clean_environment())
        self.assertEqual(end.returncode, 78, end.stderr)
        for words in ("absolute path", "/nowhere/b is not there", '"b" is given twice',
                      "128 KiB", "uid and gid must be given together", "shell: is not known",
                      "argv: is missing"):
            self.assertIn(words, end.stderr)

    def test_no_variable_can_add_a_command(self):
        end = subprocess.run([SLUICED, "--check-config"], capture_output=True, text=True,
                             timeout=20, env={**clean_environment(), "SLUICE_EXEC_COMMANDS": "x"})
        self.assertEqual(end.returncode, 78, end.stderr)

    def test_is_off_unless_configured(self):
        server = Server()
        self.addCleanup(server.remove)
        server.start()
        status, body = server.client().post("/ojs/v1/jobs", {"type": "sluice.exec",
                                                             "args": ["cat"]})
        self.assertEqual(status, 403, body)

    def test_refuses_at_the_door_what_the_table_does_not_allow(self):
        client = self.server().client()
        for args in ([], [1], ["rm"], ["cat", "extra"], ["echo", "a", "b", "c"],
                     ["echo", "--flag"], ["echo", "a\0b"], ["cat; rm -rf /"], ["/bin/sh"],
                     ["echo", "x" * 70_000]):
            status, body = self.push(client, *args)
            self.assertEqual(status, 422, (args, body))

    def test_passes_arguments_as_inert_items(self):
        client = self.server().client()
        job = self.finished(client, self.push(client, "echo", "; rm -rf $HOME", "$(id)`id`"))
        self.assertEqual(job["result"], "fixed ; rm -rf $HOME $(id)`id`")

    def test_gives_the_job_on_standard_input(self):
        client = self.server().client()
        job = self.finished(client, self.push(client, "cat"))
        self.assertEqual(job["state"], "completed")
        self.assertEqual((job["result"]["id"], job["result"]["args"]), (job["id"], ["cat"]))

    def test_shows_no_secret_of_the_server(self):
        client = self.server().client()
        job = self.finished(client, self.push(client, {"secret": 1}, type="report.daily"))
        self.assertIn("SLUICE_JOB_ID=" + job["id"], job["result"])
        for word in ("TOKEN", "secret", "PYTHON", TOKEN):
            self.assertNotIn(word, job["result"])

    def test_a_timeout_of_the_command_is_a_failure(self):
        client = self.server().client()
        job = self.finished(client, self.push(client, "slow", retry={"max_attempts": 1}))
        self.assertEqual(job["state"], "discarded")
        self.assertIn("longer than its timeout", str(job))

    def test_a_row_at_its_limit_keeps_no_worker_from_others(self):
        path = self.config(self.commands() + f"""
[[exec.commands]]
name = "busy"
argv = ["/bin/sh", "-c", "until [ -e {self.directory}/go ]; do sleep 0.02; done"]
concurrency = 1
""")
        server = Server("--config", path, "--workers", "2")
        self.addCleanup(server.remove)
        server.start()
        client = server.client()
        busy = [self.push(client, "busy") for _ in range(4)]
        quick = self.finished(client, self.push(client, "cat"))
        self.assertEqual(quick["state"], "completed")
        # With the row's jobs in both workers it would have waited for one of them, and for ever.
        states = [self.job(client, body["job"]["id"])["state"] for _, body in busy]
        self.assertEqual(states.count("completed"), 0, states)
        (self.directory / "go").touch()
        for answer in busy:
            job = self.finished(client, answer)
            self.assertEqual((job["state"], job["attempt"]), ("completed", 1), job)

    def test_a_cancel_ends_the_whole_of_a_command(self):
        client = self.server().client()
        status, body = self.push(client, "daemon")
        pids = self.started()
        client.request("DELETE", f"/ojs/v1/jobs/{body['job']['id']}", None, AUTHORIZED)
        self.expect_gone(pids)
        self.assertEqual(self.job(client, body["job"]["id"])["state"], "cancelled")

    def test_a_drain_gives_the_job_back_and_leaves_nothing(self):
        server = Server("--config", self.config(self.commands() +
                                                '\n[server]\ndrain_grace = "100ms"\n'))
        self.addCleanup(server.remove)
        server.start()
        status, body = self.push(server.client(), "daemon")
        pids = self.started()
        server.kill(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0, server.last_words())
        self.expect_gone(pids)
        self.check_given_back(server, body["job"]["id"])

    def test_a_killed_server_leaves_no_process_and_spends_no_attempt(self):
        server = self.server()
        status, body = self.push(server.client(), "daemon")
        pids = self.started()
        self.assertTrue(all(alive(pid) for pid in pids))  # the control: they would have stayed
        server.kill()
        self.expect_gone(pids)
        self.check_given_back(server, body["job"]["id"])

    def check_given_back(self, server, job_id):
        """After a restart without workers, so that it stays as it was given back."""
        server.arguments = (*server.arguments, "--workers", "0")
        server.start()
        job = self.job(server.client(), job_id)
        self.assertEqual(job["state"], "available", job)
        self.assertEqual(job["attempt"], 0, job)
        self.assertFalse(job.get("errors"), job)


if __name__ == "__main__":
    unittest.main()
