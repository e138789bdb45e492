"""`sluice demo`: every lesson does what it says, on a server of its own that leaves nothing, and on
one that is named; a lesson that is interrupted cancels what is left and says so."""

import contextlib
import http.server
import json
import os
import pty
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from support import Server, clean_environment, free_port, wait_until

SLUICE = os.environ.get("SLUICE", "../../build/dev/bin/sluice")
COLOUR = re.compile(r"\x1b\[(\d+)m")


def processes_of(directory):
    """Numbers of the processes whose command line names this directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.fsencode(directory) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


class Demo(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="sluice-demo-test-")
        self.addCleanup(temporary.cleanup)
        self.directory = temporary.name

    def environment(self, **more):
        return {**clean_environment(), "TMPDIR": self.directory, "LC_ALL": "C.UTF-8", **more}

    def start(self, *arguments, **environment):
        demo = subprocess.Popen([SLUICE, "demo", *arguments], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True,
                                env=self.environment(**environment))
        self.addCleanup(self.end, demo)
        return demo

    @staticmethod
    def end(demo):
        if demo.poll() is None:
            demo.kill()
        demo.communicate()

    @staticmethod
    def press_ctrl_c(demo):
        """As a terminal does it: all of the foreground hear it."""
        os.killpg(demo.pid, signal.SIGINT)

    def run_demo(self, *arguments, code=0, **environment):
        """(stdout, stderr) of a lesson, which leaves nothing behind."""
        demo = self.start(*arguments, **environment)
        out, err = demo.communicate(timeout=120)
        self.assertEqual(demo.returncode, code, out + err)
        self.expect_nothing_left()
        return out, err

    def document(self, *arguments, code=0):
        lesson, *rest = arguments
        out, _ = self.run_demo(lesson, "--json", *rest, code=code)
        document = json.loads(out)  # one, and nothing else
        self.assertEqual(document["schema"], "sluice.demo/1")
        self.assertEqual(document["lesson"], lesson)
        return document

    def expect_nothing_left(self):
        self.assertEqual(processes_of(self.directory), [])
        self.assertEqual(os.listdir(self.directory), [])

    def read_until(self, stream, words):
        for line in stream:
            if words in line:
                return
        self.fail("the lesson ended without: " + words)


class Lessons(Demo):
    def test_gather_takes_results_in_the_order_of_submission(self):
        document = self.document("gather", "--seed", "7", "--time-scale", "0.2")
        jobs = document["jobs"]
        self.assertEqual(len(jobs), 8)
        self.assertEqual([job["result"] for job in jobs], [job["args"][0] ** 2 for job in jobs])
        self.assertNotEqual(document["order"], sorted(document["order"]))
        self.assertLess(document["elapsed_s"], document["pauses_s"])
        out, _ = self.run_demo("gather", "--seed", "7", "--time-scale", "0.2")
        numbers = [int(n) for n in re.findall(r"finished +#(\d+)", out)]
        self.assertEqual(numbers, list(range(1, 9)))

    def test_as_completed_takes_results_as_they_come(self):
        arguments = ("as-completed", "--seed", "7", "--time-scale", "0.5")
        document = self.document(*arguments)
        pauses = [job["args"][1] for job in document["jobs"]]
        self.assertEqual(document["order"][0], pauses.index(min(pauses)))
        self.assertEqual(document["order"][-1], pauses.index(max(pauses)))
        out, _ = self.run_demo(*arguments)
        numbers = [int(n) - 1 for n in re.findall(r"finished +#(\d+)", out)]
        self.assertEqual((numbers[0], numbers[-1]), (document["order"][0], document["order"][-1]))
        times = [float(t) for t in re.findall(r"([\d.]+)s +finished", out)]
        self.assertEqual(times, sorted(times))
        self.assertLess(times[0], times[-1] / 2)  # it did not wait for all

    def test_names_and_ages_do_not_wait_for_each_other(self):
        arguments = ("names-and-ages", "--seed", "7", "--time-scale", "0.3")
        document = self.document(*arguments)
        self.assertEqual({job["state"] for job in document["jobs"]}, {"completed"})
        self.assertEqual({job["type"] for job in document["jobs"]}, {"lesson.name", "lesson.age"})
        self.assertGreater(document["overlaps"], 0)
        self.assertLess(document["elapsed_s"], document["pauses_s"])
        # The control: one at a time, everything waits for everything.
        alone = self.document(*arguments, "--concurrency", "1")
        self.assertEqual(alone["overlaps"], 0)
        self.assertGreaterEqual(alone["elapsed_s"], alone["pauses_s"])

    def test_commands_run_side_by_side_and_then_one_by_one(self):
        document = self.document("commands", "--time-scale", "0.5", "--", "sleep", "2")
        jobs = document["jobs"]
        self.assertEqual({job["state"] for job in jobs}, {"completed"}, document)
        self.assertEqual(jobs[0]["name"], "whoami")
        self.assertIn(document["order"][-1], (1, len(jobs) - 1))  # the two that take 2 s
        self.assertEqual(len(document["one_by_one"]["took_s"]), len(jobs))
        self.assertLess(document["elapsed_s"], document["one_by_one"]["elapsed_s"])
        self.assertGreaterEqual(document["one_by_one"]["elapsed_s"], 3.8)
        out, _ = self.run_demo("commands", "--time-scale", "0.1")
        self.assertIn("Python 3", out)
        self.assertRegex(out, r"all of them +[\d.]+m?s +[\d.]+m?s")

    def test_commands_that_fail_are_told_from_the_good_ones(self):
        document = self.document("commands", "--time-scale", "0.1", "--", "sh", "-c",
                                 "echo no >&2; exit 3", code=8)
        self.assertEqual(document["jobs"][-1]["state"], "discarded")
        self.assertIn("no", document["jobs"][-1]["error"])
        self.run_demo("commands", "--", "no-such-program", code=2)
        self.run_demo("commands", "--url", "http://127.0.0.1:1", code=2)

    def test_producer_consumer(self):
        arguments = ("producer-consumer", "-n", "6", "--time-scale", "0.1", "--seed", "7", "--json")
        out, _ = self.run_demo(*arguments, "--producers", "2", "--consumers", "2")
        report = json.loads(out)
        self.assertEqual(report["schema"], "sluice.produce/1")
        self.assertEqual((report["params"]["producers"], report["counts"]["completed"]), (2, 6))
        out, _ = self.run_demo(*arguments, "--synchronous")
        self.assertEqual(json.loads(out)["mode"], "in-process")
        self.run_demo(*arguments, "--consumers", "2", "--url", "http://127.0.0.1:1", code=2)

    def test_says_when_there_is_no_server(self):
        _, err = self.run_demo("gather", "--url", f"http://127.0.0.1:{free_port()}", code=3)
        self.assertIn("Is the server running?", err)
        alone = Path(self.directory) / "sluice"
        alone.write_bytes(Path(SLUICE).read_bytes())
        alone.chmod(0o755)
        end = subprocess.run([alone, "demo", "gather"], capture_output=True, text=True, timeout=60,
                             env=self.environment(PATH=self.directory))
        self.assertEqual(end.returncode, 3, end.stderr)
        self.assertIn("no sluiced", end.stderr)

    def test_runs_on_the_words_of_the_readme(self):
        page = (Path(__file__).resolve().parents[2] / "README.md").read_text()
        lines = re.findall(r"^build/bin/sluice demo ([^#\n]*)", page, re.MULTILINE)
        self.assertEqual({line.split()[0] for line in lines},
                         {"producer-consumer", "names-and-ages", "site-status", "commands",
                          "gather", "as-completed"})
        for line in lines:
            lesson, *rest = line.split()
            # Without a network no site answers.
            codes = (8, 1) if lesson == "site-status" else (0,)
            demo = self.start(lesson, "--time-scale", "0.05", *rest)
            out, err = demo.communicate(timeout=120)
            self.assertIn(demo.returncode, codes, line + "\n" + out + err)
            self.expect_nothing_left()

    def test_ignores_what_configures_other_servers(self):
        out, _ = self.run_demo("gather", "--count", "2", "--time-scale", "0.01", "--json",
                               SLUICE_STORE_DIRECTORY="/nowhere", SLUICE_TOKEN="x" * 32)
        self.assertEqual(len(json.loads(out)["order"]), 2)


class Looks(Demo):
    ARGUMENTS = ("as-completed", "--count", "3", "--time-scale", "0.01")

    def test_is_plain_without_a_terminal(self):
        out, err = self.run_demo(*self.ARGUMENTS)
        self.assertNotIn("\x1b", out + err)
        self.assertLessEqual(max(map(len, (out + err).splitlines())), 80)

    def test_paints_creation_yellow_and_processing_cyan(self):
        out, err = self.run_demo(*self.ARGUMENTS, "--color", "always")
        created = [line for line in err.splitlines() if "created" in line]
        finished = [line for line in out.splitlines() if "finished" in line]
        self.assertEqual({COLOUR.search(line)[1] for line in created}, {"33"})
        self.assertEqual({COLOUR.search(line)[1] for line in finished}, {"36"})

    def on_a_terminal(self, **environment):
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as reader:
            demo = subprocess.Popen([SLUICE, "demo", *self.ARGUMENTS], stdout=theirs, stderr=theirs,
                                    env=self.environment(TERM="xterm", **environment))
            os.close(theirs)
            shown = b""
            with contextlib.suppress(OSError):  # how a terminal ends
                while piece := reader.read(4096):
                    shown += piece
            self.assertEqual(demo.wait(60), 0)
        return shown

    def test_heeds_no_color_on_a_terminal(self):
        self.assertNotIn(b"\x1b", self.on_a_terminal(NO_COLOR="1"))
        self.assertIn(b"\x1b[33m", self.on_a_terminal())  # the control

    def test_gives_tab_separated_rows(self):
        out, _ = self.run_demo(*self.ARGUMENTS, "-o", "plain")
        self.assertEqual([line.split("\t")[2] for line in out.splitlines()], ["completed"] * 3)


class Interrupted(Demo):
    """The first job ends at once, the others do not end by themselves."""

    ARGUMENTS = ("--count", "6", "--seed", "7", "--pause", "0.01s..50s")

    def interrupt(self, lesson, *arguments):
        demo = self.start(lesson, *self.ARGUMENTS, *arguments)
        self.read_until(demo.stderr, "created    #6")
        self.press_ctrl_c(demo)
        out, err = demo.communicate(timeout=60)
        self.assertEqual(demo.returncode, 130, out + err)
        return out, err

    def test_cancels_what_is_left_on_the_server_and_says_so(self):
        for lesson in ("gather", "as-completed"):
            with self.subTest(lesson=lesson), Server() as server:
                url = "http://%s:%d" % server.address
                document = json.loads(self.interrupt(lesson, "--json", "--url", url)[0])
                self.assertTrue(document["interrupted"])
                self.assertGreater(len(document["cancelled"]), 3)
                states = [server.client().job(job["id"])["state"] for job in document["jobs"]]
                for position, state in enumerate(states):
                    ours = position in document["cancelled"]
                    self.assertEqual(state, "cancelled" if ours else "completed")
                out, _ = self.interrupt(lesson, "--url", url)
                ids = re.findall(r"cancelled +#\d+ .* ([0-9a-f-]{36})", out)
                self.assertGreater(len(ids), 3, out)
                for job_id in ids:
                    self.assertEqual(server.client().job(job_id)["state"], "cancelled")

    def test_leaves_nothing_of_a_server_of_its_own(self):
        for lesson in ("gather", "as-completed"):
            out, _ = self.interrupt(lesson)
            self.assertIn("cancelled #", out)
            self.expect_nothing_left()

    def test_a_second_time_leaves_at_once(self):
        with Server() as server:
            demo = self.start("gather", *self.ARGUMENTS, "--json", "--url",
                              "http://%s:%d" % server.address)
            self.read_until(demo.stderr, "created    #6")
            server.process.send_signal(signal.SIGSTOP)  # nobody answers what is cancelled
            try:
                self.press_ctrl_c(demo)
                self.read_until(demo.stderr, "Interrupted")
                with self.assertRaises(subprocess.TimeoutExpired):  # the control: it waits
                    demo.wait(1)
                self.press_ctrl_c(demo)
                out, err = demo.communicate(timeout=20)
            finally:
                server.process.send_signal(signal.SIGCONT)
            self.assertEqual(demo.returncode, 130, out + err)
            document = json.loads(out)
            self.assertEqual(document["cancelled"], [])
            self.assertIn("unknown", {job["state"] for job in document["jobs"]})

    def test_producers_stop(self):
        demo = self.start("producer-consumer", "--count", "100")
        self.read_until(demo.stderr, "finished  #1")
        self.press_ctrl_c(demo)
        out, err = demo.communicate(timeout=60)
        self.assertEqual(demo.returncode, 130, out + err)
        self.expect_nothing_left()

    def test_names_and_ages_cancel_what_is_left(self):
        with Server() as server:
            demo = self.start("names-and-ages", "--seed", "7", "--pause", "40s..50s", "--json",
                              "--url", "http://%s:%d" % server.address)
            self.read_until(demo.stderr, "started    #4")
            self.press_ctrl_c(demo)
            out, err = demo.communicate(timeout=60)
            self.assertEqual(demo.returncode, 130, out + err)
            document = json.loads(out)
            self.assertEqual(document["cancelled"], list(range(10)))
            states = {server.client().job(job["id"])["state"] for job in document["jobs"]}
            self.assertEqual(states, {"cancelled"})

    def test_commands_are_stopped_in_either_half(self):
        for words in ("created    #4", "finished   #1"):
            demo = self.start("commands", "--", "sleep", "100")
            if words.startswith("finished"):
                self.read_until(demo.stdout, words)
            else:
                self.read_until(demo.stderr, words)
            self.press_ctrl_c(demo)
            out, err = demo.communicate(timeout=60)
            self.assertEqual(demo.returncode, 130, out + err)
            self.expect_nothing_left()

    def test_a_killed_demo_takes_its_server_along(self):
        demo = self.start("gather", *self.ARGUMENTS)
        self.read_until(demo.stderr, "created    #6")
        self.assertTrue(processes_of(self.directory))  # the control: there is something to go
        self.assertTrue(os.listdir(self.directory))
        demo.kill()
        self.assertTrue(wait_until(lambda: not processes_of(self.directory), 15))
        self.assertTrue(wait_until(lambda: not os.listdir(self.directory), 15))


    def test_a_killed_guardian_takes_the_server_along(self):
        demo = self.start("gather", *self.ARGUMENTS)
        self.read_until(demo.stderr, "created    #6")
        server, = processes_of(self.directory)
        guardian = int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
        self.assertNotEqual(guardian, demo.pid)
        os.kill(guardian, signal.SIGKILL)
        out, err = demo.communicate(timeout=60)
        self.assertEqual(demo.returncode, 3, out + err)
        self.expect_nothing_left()


class Silent:
    """Accepts connections, and never says a word."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def site(context=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    server.handle_error = lambda *_: None  # clients that hang up are what is tested
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield "%s://127.0.0.1:%d/" % ("https" if context else "http", server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


class SiteStatus(Demo):
    def certificate(self):
        """A TLS context with a certificate that nobody vouches for."""
        keys = tempfile.TemporaryDirectory(prefix="sluice-demo-keys-")
        self.addCleanup(keys.cleanup)
        key, certificate = f"{keys.name}/key", f"{keys.name}/certificate"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", certificate,
                        "-days", "1", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def test_shows_errors_beside_the_good_ones(self):
        refusing = f"http://127.0.0.1:{free_port()}/"
        with site() as good, site(self.certificate()) as untrusted, Silent() as silent:
            urls = [silent.url, good, refusing, untrusted, good + "missing", "ftp://127.0.0.1/"]
            document = self.document("site-status", "--site-timeout", "2s", *urls, code=8)
            statuses = {job["name"]: job["status"] for job in document["jobs"]}
            self.assertEqual(statuses, {silent.url: "timed_out", good: "200",
                                        refusing: "connect_failed", untrusted: "tls_failed",
                                        good + "missing": "404", "ftp://127.0.0.1/": "refused"})
            self.assertEqual(document["order"][-1], 0)  # it ends when the slowest does
            self.assertGreaterEqual(document["jobs"][0]["elapsed_ms"], 1900)
            others = [job["ended_s"] for job in document["jobs"][1:]]
            self.assertLess(max(others), document["jobs"][0]["ended_s"])

            out, _ = self.run_demo("site-status", "--site-timeout", "1s", *urls, code=8)
            self.assertRegex(out, r"200 +#2 +[\d.]+m?s  " + re.escape(good))
            self.assertEqual(len(re.findall(r"error +#", out)), 5, out)

    def test_shows_what_is_no_url_beside_the_good_ones(self):
        odd = ["nonsense", "http://exa mple/", "http://u:p@host/", "http://127.1:2000/",
               "http://a\"b\x01/", "http://*/", "http://host./.."]
        with site() as good:
            document = self.document("site-status", "--site-timeout", "5s", *odd, good, code=8)
        self.assertEqual(document["jobs"][-1]["status"], "200")
        self.assertEqual({job["state"] for job in document["jobs"][:6]}, {"refused"})

    def test_is_well_when_all_are_and_failed_when_none_is(self):
        with site() as good:
            self.run_demo("site-status", good, good)
        self.run_demo("site-status", f"http://127.0.0.1:{free_port()}/", code=1)

    def test_cancels_what_never_answers(self):
        with Silent() as silent:
            demo = self.start("site-status", silent.url, "--site-timeout", "60s")
            self.read_until(demo.stderr, "created    #1")
            self.press_ctrl_c(demo)
            out, err = demo.communicate(timeout=60)
            self.assertEqual(demo.returncode, 130, out + err)
            self.assertIn("cancelled #1", out)
        self.expect_nothing_left()


if __name__ == "__main__":
    unittest.main()
