"""A full disk: new jobs are refused, all else goes on, and it ends when there is room again."""

import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from support import Server, wait_until

MIB = 1024 * 1024
DISK = 48 * MIB
LOW_WATER = ("--store-low-space-bytes", str(8 * MIB), "--store-reserve-bytes", str(2 * MIB))
NO_LOW_WATER = ("--store-low-space-bytes", "0", "--store-reserve-bytes", str(2 * MIB))


@unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small disk")
class DiskFull(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-disk-")
        self.addCleanup(directory.cleanup)
        self.disk = Path(directory.name)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(self.disk)]
        mounted = subprocess.run(mount, capture_output=True)
        if mounted.returncode != 0:
            self.skipTest(f"cannot mount a tmpfs: {mounted.stderr.decode().strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.disk)])

    def free(self):
        status = os.statvfs(self.disk)
        return status.f_bavail * status.f_bsize

    def push_until_refused(self, server):
        """The ids stored, and the answer that ended it."""
        client = server.client()
        stored = []
        for _ in range(2000):
            status, body = client.push("test.work", ["x" * 65536])
            if status != 201:
                return stored, status, body
            stored.append(body["job"]["id"])
        self.fail("the disk never became full")

    def fill_up(self):
        filler = self.disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 65536)
            except OSError:
                pass
        return filler

    def test_refuses_new_jobs_below_the_mark_and_recovers(self):
        with Server("--workers", "0", *LOW_WATER, data=self.disk / "data") as server:
            stored, status, body = self.push_until_refused(server)
            self.assertGreater(len(stored), 50)
            self.assertEqual(status, 507, body)
            self.assertEqual(body["error"]["details"]["outcome"], "not_stored")
            self.assertGreater(self.free(), 2 * MIB, "the journal was allowed to fill the disk")

            client = server.client()
            _, body = client.fetch(count=10)
            held = body["jobs"]
            self.assertEqual(len(held), 10)
            self.assertEqual(client.ack(held.pop())[0], 200, "an ack at the low mark")

            filler = self.fill_up()
            acked = [job["id"] for job in held if client.ack(job)[0] == 200]
            self.assertEqual(len(acked), len(held), "the reserve did not cover the acks")
            self.assertEqual(client.push("test.work", ["x"])[0], 507)
            time.sleep(2)
            self.assertTrue(server.running(), server.last_words())

            filler.unlink()
            self.enlarge()
            self.assertTrue(wait_until(lambda: self.accepts(client, stored), 10, 0.2))
            server.kill()
            server.start()
            self.assert_all_there(server, stored, acked)

    def enlarge(self):
        command = ["mount", "-o", f"remount,size={2 * DISK}", str(self.disk)]
        subprocess.run(command, check=True)

    @staticmethod
    def accepts(client, stored):
        status, body = client.push("test.work", ["again"])
        if status == 201:
            stored.append(body["job"]["id"])
        return status == 201

    def assert_all_there(self, server, stored, acked):
        client = server.client()
        for job_id in stored:
            job = client.job(job_id)
            self.assertIsNotNone(job, job_id)
            if job_id in acked:
                self.assertEqual(job["state"], "completed")

    def test_a_stop_does_not_wait_for_room_for_ever(self):
        arguments = ("--workers", "0", "--server-drain-grace", "0s", *NO_LOW_WATER)
        with Server(*arguments, data=self.disk / "data") as server:
            _, body = server.client().push("test.work", ["x"])
            self.fill_up()
            hanging = threading.Thread(target=self.push_into_a_full_disk, args=(server,))
            self.answered = time.monotonic()
            hanging.start()
            self.assertTrue(wait_until(lambda: self.hangs(server), 20, 0.1))
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(20), 74, server.last_words())
            self.assertGreater(time.monotonic() - began, 4, "it did not wait for room at all")
            self.assertIn("not drained in time", server.last_words())
            hanging.join()
            self.enlarge()
            server.start()
            self.assert_all_there(server, [body["job"]["id"]], set())

    @staticmethod
    def ready(server):
        return server.client().get("/readyz")[0] == 200

    def hangs(self, server):
        """The log has room of its own for a while, and the reserve is given up before."""
        return not self.ready(server) and time.monotonic() - self.answered > 1

    def push_into_a_full_disk(self, server):
        client = server.client()
        try:
            while server.running():
                client.push("test.work", ["x" * 65536])
                self.answered = time.monotonic()
        except OSError:
            pass

    def test_control_without_the_mark_the_journal_meets_the_end_of_the_disk(self):
        """What the mark protects from; and even then nothing acknowledged is lost."""
        with Server("--workers", "0", *NO_LOW_WATER, data=self.disk / "data") as server:
            stored, status, body = self.push_until_refused(server)
            self.assertIn(status, (503, 507), body)
            self.assertLess(self.free(), 2 * MIB)
            if server.running():
                server.kill()
            self.enlarge()
            server.start()
            self.assert_all_there(server, stored, set())


if __name__ == "__main__":
    unittest.main()
