"""The checker finds nothing in the history of a right queue and every fault put into it."""

import random
import unittest

import history
import mutants
from history import FAIL, OK, UNKNOWN, Op, digest


def model_run(seed, jobs=200):
    """The history of a queue that keeps its promises, with clients that time out, try again, fail,
    fall silent and answer late."""
    rng = random.Random(seed)
    ops = []
    counter = 0
    for n in range(jobs):
        nonce, job, key = f"n{n}", f"id{n}", f"k{n}" if n % 2 else ""
        at = rng.randrange(1_000_000)

        def tick():
            nonlocal at
            at += rng.randrange(1, 1000)
            return at

        payload = digest(nonce)
        if n % 20 == 7:  # refused for good, and never seen again
            ops.append(Op("enqueue", nonce, tick(), tick(), FAIL, digest=payload))
            continue
        if key and rng.random() < 0.3:  # the answer got lost; sent again with the same key
            ops.append(Op("enqueue", nonce, tick(), tick(), UNKNOWN, key=key, digest=payload))
        ops.append(Op("enqueue", nonce, tick(), tick(), OK, job=job, key=key, digest=payload))
        attempt, stale = 1, None
        while True:
            counter += 1
            token = f"{1 + n // 100:x}.{counter:x}.{rng.getrandbits(32):08x}"
            ops.append(Op("deliver", nonce, tick(), tick(), job=job, token=token, digest=payload,
                          attempt=attempt))
            if stale:  # the former holder wakes up too late
                ops.append(Op("ack", nonce, tick(), tick(), FAIL, token=stale, detail="1"))
                stale = None
            end = rng.random()
            if end < 0.6:
                ops.append(Op("ack", nonce, tick(), tick(), OK, token=token, detail="1"))
                if rng.random() < 0.2:  # repeated, with the same answer
                    ops.append(Op("ack", nonce, tick(), tick(), OK, token=token, detail="1"))
                break
            if end < 0.8:
                ops.append(Op("nack", nonce, tick(), tick(), OK, token=token))
                attempt += 1
            else:
                stale = token  # no answer; the lease lapses
        ops.append(Op("final", nonce, tick(), tick(), job=job, detail="completed"))
    rng.shuffle(ops)  # as they come from many threads
    return ops


class Checker(unittest.TestCase):
    def test_finds_nothing_in_right_histories(self):
        for seed in range(20):
            self.assertEqual(history.check(model_run(seed)), [], f"seed {seed}")

    def test_finds_each_fault_by_its_name(self):
        for mutant, name in mutants.ALL.items():
            for seed in range(10):
                with self.subTest(mutant=mutant.__name__, seed=seed):
                    ops = mutants.mutate(mutant, model_run(seed), seed)
                    self.assertIn(name, {v.check for v in history.check(ops)})

    def test_knows_at_least_ten_faults(self):
        self.assertGreaterEqual(len(mutants.ALL), 10)


if __name__ == "__main__":
    unittest.main()
