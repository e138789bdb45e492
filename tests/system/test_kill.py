"""kill -9 at any moment: nothing acknowledged is lost, nothing unasked appears.

SLUICE_KILLS says how often (20), SLUICE_SEED repeats a run.
"""

import os
import random
import statistics
import time
import unittest

import history
import mutants
from load import QUEUE, RETRY, Load, text_of
from support import Server, threads

KILLS = int(os.environ.get("SLUICE_KILLS", "20"))
SEED = os.environ.get("SLUICE_SEED", str(int(time.time())))
QUEUED = 2000
HELD = 200


class KillLoop(unittest.TestCase):
    def test_loses_nothing_that_was_acknowledged(self):
        print(f"SLUICE_SEED={SEED} SLUICE_KILLS={KILLS}", flush=True)
        rng = random.Random(SEED)
        with Server("--workers", "4") as server:
            load = Load(server, SEED)
            self.fill(load)
            restarts = []
            clients = [load.producer(n) for n in range(8)] + [load.worker(n) for n in range(8)]
            with threads(*clients):
                for _ in range(KILLS):
                    time.sleep(rng.uniform(0.02, 1.5))
                    self.assertTrue(server.running(), server.last_words())
                    server.kill()
                    restarts.append(server.start())
                time.sleep(0.5)
            load.drain()
            self.assertTrue(server.running(), server.last_words())

            ops = load.record.ops
            print(history.summary(ops))
            print(f"restart to ready: median {statistics.median(restarts):.3f} s, "
                  f"longest {max(restarts):.3f} s")
            violations = history.check(ops)
            self.assertEqual([], [str(v) for v in violations[:20]])
            self.assertGreater(self.repeated(ops), 0, "the kills hit no lease: they prove little")
            self.check_the_checker(ops)
            self.check_results(load)

    def fill(self, load):
        """A backlog, and leases that are open when the server goes down."""
        client = load.server.client()
        for start in range(0, QUEUED, 500):
            specs = [{"type": "test.work", "args": [f"b{n}", "backlog"],
                      "options": {"queue": QUEUE, "retry": RETRY}}
                     for n in range(start, start + 500)]
            asked = load.record.now()
            status, body = client.post("/ojs/v1/jobs/batch", {"jobs": specs})
            self.assertEqual(status, 201, body)
            for job in body["jobs"]:
                load.record.add(history.Op("enqueue", job["args"][0], asked, job=job["id"],
                                           digest=history.digest(text_of(job["args"]))))
        load.lease_ms, usual = 10_000, load.lease_ms  # they outlast several kills
        held = load.deliveries(client, count=HELD, worker_id="holder")
        load.lease_ms = usual
        self.assertEqual(len(held), HELD)

    @staticmethod
    def repeated(ops):
        seen = [op.nonce for op in ops if op.f == "deliver"]
        return len(seen) - len(set(seen))

    def check_the_checker(self, ops):
        """The control: with a fault put in, this very history is refused."""
        for mutant, name in mutants.ALL.items():
            found = {v.check for v in history.check(mutants.mutate(mutant, ops, SEED))}
            self.assertIn(name, found, mutant.__name__)

    def check_results(self, load):
        """What workers inside the server ran has the result that belongs to it."""
        client = load.server.client()
        echoed = 0
        for nonce, job_id in list(load.known().items())[-2000:]:
            job = client.job(job_id)
            # A remote worker may have been quicker; then the result is its own.
            inside = job.get("attempts") and job["attempts"][-1].get("worker_id") == "sluice.server"
            if job["type"] == "sluice.echo" and inside:
                self.assertEqual(job["result"], job["args"], job_id)
                self.assertEqual(job["args"][0], nonce)
                echoed += 1
        self.assertGreater(echoed, 0)


if __name__ == "__main__":
    unittest.main()
