"""No byte of a 201 leaves before a sync that began after its journal write has returned.

Seen from outside, in a trace of the server's system calls.
"""

import bisect
import collections
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from support import Server, threads

PUSHES_PER_CLIENT = 25
CLIENTS = 8
CALLS = "read,readv,recvfrom,recvmsg,write,writev,pwrite64,sendto,sendmsg,fsync,fdatasync"
LINE = re.compile(r"(?P<start>\d+\.\d+) (?P<call>\w+)\((?P<fd>\d+)<(?P<what>[^>]*)>"
                  r".* = (?P<result>-?\d+).*<(?P<took>\d+\.\d+)>$")

Call = collections.namedtuple("Call", "start end call fd what text result")


def read_trace(prefix):
    calls = []
    for file in glob.glob(f"{prefix}.*"):
        for line in Path(file).read_text(errors="replace").splitlines():
            found = LINE.match(line)
            if found:
                start = float(found["start"])
                calls.append(Call(start, start + float(found["took"]), found["call"],
                                  int(found["fd"]), found["what"], line, int(found["result"])))
    return sorted(calls)


def early_answers(calls):
    """Answers of 201 that left although no journal write followed by a sync lay between the request
    and them; and how many answers there were."""
    writes = [c.start for c in calls if c.call == "pwrite64" and "-wal" in c.what]
    syncs = [c for c in calls if c.call in ("fsync", "fdatasync") and c.result == 0]
    requests = {}
    early, answers = [], 0
    for c in calls:
        if not c.what.startswith("TCP") and "socket" not in c.what:
            continue
        if c.call in ("read", "readv", "recvfrom", "recvmsg") and "POST /ojs" in c.text:
            requests[c.fd] = c.end
        elif "HTTP/1.1 201" in c.text:
            answers += 1
            asked = requests.pop(c.fd, None)
            first = bisect.bisect(writes, asked) if asked else len(writes)
            written = writes[first] if first < len(writes) else None
            if written is None or not any(s.start >= written and s.end <= c.start for s in syncs):
                early.append(c)
    return early, answers, len(syncs)


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class AckAfterSync(unittest.TestCase):
    def setUp(self):
        probe = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest(f"strace may not trace here: {probe.stderr.decode().strip()}")

    def test_every_201_follows_a_sync_of_its_own_write(self):
        with tempfile.TemporaryDirectory(prefix="sluice-trace-") as directory:
            prefix = f"{directory}/trace"
            # A leak check attaches to the process as strace does, so there can be no other.
            options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "detect_leaks=0"]))
            strace = ["strace", "-ff", "-ttt", "-T", "-yy", "-s", "128", "-e", f"trace={CALLS}",
                      "-E", f"ASAN_OPTIONS={options}", "-o", prefix, "--"]
            with Server("--workers", "0", wrapper=strace) as server:
                self.push_all(server)
                subprocess.run(["kill", "-TERM", str(self.traced_process(server))], check=True)
                self.assertEqual(server.wait(40), 0, server.last_words())
            calls = read_trace(prefix)
        early, answers, syncs = early_answers(calls)
        self.assertEqual(answers, CLIENTS * PUSHES_PER_CLIENT)
        self.assertEqual([c.text for c in early[:3]], [])
        print(f"{answers} answers of 201, {syncs} syncs")
        self.assertLess(syncs, answers, "commits are not shared between clients")

        # The control: with the syncs struck from the trace every answer came too early.
        unsynced = [c for c in calls if c.call not in ("fsync", "fdatasync")]
        self.assertEqual(len(early_answers(unsynced)[0]), answers)

    def push_all(self, server):
        together = threading.Barrier(CLIENTS)

        def push(number):
            def run(_):
                client = server.client()
                together.wait()
                for n in range(PUSHES_PER_CLIENT):
                    status, body = client.push("test.work", [number, n])
                    self.assertEqual(status, 201, json.dumps(body))

            return run

        with threads(*(push(n) for n in range(CLIENTS))):
            pass

    @staticmethod
    def traced_process(server):
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        return int(children.read_text().split()[0])


if __name__ == "__main__":
    unittest.main()
