"""A server with nothing to do does nothing: no polling loop anywhere."""

import os
import time
import unittest
from pathlib import Path

from support import Server, threads

SECONDS = 4


def processor_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def switches(pid):
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


class Idle(unittest.TestCase):
    def measure(self, server):
        time.sleep(1.5)  # what the latest work leaves behind is done
        pid = server.process.pid
        before = processor_ticks(pid), switches(pid)
        time.sleep(SECONDS)
        share = (processor_ticks(pid) - before[0]) / os.sysconf("SC_CLK_TCK") / SECONDS
        wakes = switches(pid) - before[1]
        print(f"idle: {share:.2%} of a processor, {wakes} switches in {SECONDS} s")
        return share, wakes

    def test_uses_no_processor_time_with_jobs_waiting_and_workers_listening(self):
        with Server("--workers", "64") as server:
            client = server.client()
            for n in range(200):
                self.assertEqual(client.push("test.work", [n])[0], 201)
            for n in range(20):
                self.assertEqual(client.push("sluice.square", [n])[0], 201)
            self.assertEqual(client.push("test.work", [0], scheduled_at="+PT1H")[0], 201)

            def poll(_):
                server.client(60).fetch("nothing", wait_ms=7000)

            with threads(poll, poll):
                share, wakes = self.measure(server)
            self.assertLess(share, 0.01)
            self.assertLess(wakes, 10 * SECONDS)


if __name__ == "__main__":
    unittest.main()
