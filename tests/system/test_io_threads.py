"""Clients that go while the backend, on another thread, works for them; and a drain of all threads."""

import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import SLUICED, Server, wait_until

GONE = 24


def fetch_request(queue, wait_ms):
    body = '{"queues":["%s"],"worker_id":"gone","wait_ms":%d}' % (queue, wait_ms)
    return ("POST /ojs/v1/workers/fetch HTTP/1.1\r\nHost: localhost\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


EVENTS = (b"GET /ojs/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")


class IoThreads(unittest.TestCase):
    def connect(self, server, request):
        peer = socket.create_connection(server.address, timeout=10)
        peer.sendall(request)
        return peer

    def await_begun(self, server, peers):
        """Until what they sent has reached the thread of the queues."""
        port = ":%04X" % server.address[1]

        def unread():
            sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
            ends = {f[2] for f in sockets
                    if f[1].endswith(port) and f[3] == "01" and int(f[4].split(":")[1], 16) == 0}
            return [p for p in peers if not any(e.endswith(":%04X" % p.getsockname()[1])
                                                for e in ends)]

        self.assertTrue(wait_until(lambda: not unread(), 10))
        # Whatever was read went there in order, and so does this.
        self.assertEqual(server.client().get("/readyz")[0], 200)

    def admitted_stream(self, server):
        """A stream that was let in. A place is free only a moment after its socket has gone."""
        peers = []

        def admitted():
            peers.append(self.connect(server, EVENTS))
            if b" 200 " in peers[-1].recv(64):
                return True
            peers.pop().close()
            return False

        self.assertTrue(wait_until(admitted, 10), "a place was not given back")
        return peers[0]

    def await_sockets(self, server, count):
        self.assertTrue(wait_until(lambda: self.sockets(server) == count, 10))

    @staticmethod
    def sockets(server):
        count = 0
        for fd in Path(f"/proc/{server.process.pid}/fd").iterdir():
            try:
                count += os.readlink(fd).startswith("socket:")
            except FileNotFoundError:
                pass
        return count

    @staticmethod
    def reset(peer):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()

    def test_a_job_is_not_given_to_a_poll_whose_client_has_gone(self):
        with Server("--workers", "0", "--io-threads", "3") as server:
            client = server.client()
            self.assertEqual(client.get("/readyz")[0], 200)
            before = self.sockets(server)
            peers = [self.connect(server, fetch_request("q", 60_000)) for _ in range(GONE)]
            self.await_begun(server, peers)
            for peer in peers:
                self.reset(peer)
            self.await_sockets(server, before + 1)  # that of await_begun
            status, body = client.push("test.work", [1], queue="q")
            self.assertEqual(status, 201, body)
            status, body = client.fetch("q", wait_ms=5_000)
            self.assertEqual(status, 200, body)
            self.assertEqual(len(body["jobs"]), 1, "somebody who had gone was given it")
            self.assertEqual(body["jobs"][0]["attempt"], 1)

            # Control: one that is still there is given the job.
            peer = self.connect(server, fetch_request("q", 60_000))
            self.await_begun(server, [peer])
            client.push("test.work", [2], queue="q")
            self.assertIn(b"test.work", peer.recv(65536))
            self.reset(peer)

    def test_streams_whose_readers_go_end_and_leave_their_places(self):
        with Server("--workers", "0", "--io-threads", "3", "--http-streams-max", "8") as server:
            client = server.client()
            self.assertEqual(client.get("/readyz")[0], 200)
            before = self.sockets(server)
            for _ in range(3):
                peers = [self.admitted_stream(server) for _ in range(8)]
                extra = self.connect(server, EVENTS)
                self.assertIn(b" 503 ", extra.recv(64), "the limit holds for all threads together")
                extra.close()
                for n in range(50):
                    client.push("test.work", [n], queue="q")
                    if n == 25:
                        for peer in peers:
                            self.reset(peer)

                self.await_sockets(server, before)
            server.process.terminate()
            self.assertEqual(server.wait(10), 0, server.last_words())

    @unittest.skipUnless(os.geteuid() == 0, "only root may run a server under another account")
    def test_a_server_that_gets_too_few_threads_says_so_and_ends(self):
        nobody = 65534
        with tempfile.TemporaryDirectory(prefix="sluice-system-") as directory:
            os.chown(directory, nobody, nobody)
            binary = shutil.copy(SLUICED, directory)

            def run(threads_max):
                def limit():
                    resource.setrlimit(resource.RLIMIT_NPROC, (threads_max, threads_max))
                    os.setgroups([])
                    os.setgid(nobody)
                    os.setuid(nobody)

                return subprocess.Popen(
                    [binary, "--listen", "127.0.0.1:0", "--data", str(Path(directory) / "data"),
                     "--io-threads", "64", "--workers", "0"],
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=limit)

            few = run(30)
            _, told = few.communicate(timeout=30)
            self.assertEqual(few.returncode, os.EX_OSERR, told)
            self.assertIn("cannot start", told)

            # Control: with more it serves.
            many = run(1000)
            self.assertIn("listening", many.stdout.readline())
            many.send_signal(signal.SIGTERM)
            many.communicate(timeout=30)
            self.assertEqual(many.returncode, 0)


if __name__ == "__main__":
    unittest.main()
