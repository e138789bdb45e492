"""Producers and remote workers that record all they do, whatever becomes of the server."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

from history import FAIL, OK, UNKNOWN, Op, Recorder, digest
from support import NO_ANSWER, refused, threads

QUEUE = "work"
RETRY = {"max_attempts": 100, "initial_interval": "PT0.05S", "backoff_coefficient": 1.0}
TERMINAL = ("completed", "cancelled", "discarded")


def text_of(args):
    return json.dumps(args, separators=(",", ":"))


class Load:
    def __init__(self, server, seed):
        self.server = server
        self.seed = seed
        self.record = Recorder()
        self.lease_ms = 2000

    def send(self, client, rng, nonce, job_type="test.work", tries=4):
        """Stores one job. When the answer is lost it is sent again, if it has a key."""
        args = [nonce, "x" * rng.randrange(0, 200)]
        key = f"key-{nonce}" if rng.random() < 0.7 else ""
        headers = {"Idempotency-Key": key} if key else {}
        for _ in range(tries if key else 1):
            op = Op("enqueue", nonce, self.record.now(), key=key, digest=digest(text_of(args)))
            try:
                status, body = client.push(job_type, args, headers, queue=QUEUE, retry=RETRY)
            except NO_ANSWER as e:
                refused_to_connect = isinstance(e, ConnectionRefusedError)  # nothing was sent
                op.outcome = FAIL if refused_to_connect else UNKNOWN
                self.record.add(op)
                time.sleep(0.05)
                continue
            if status in (200, 201):
                op.job = body["job"]["id"]
            else:
                op.outcome = FAIL if refused(status, body) else UNKNOWN
            self.record.add(op)
            if op.outcome == OK:
                return

    def producer(self, number, pause=0.002):
        def run(stop):
            rng = random.Random(f"{self.seed} producer {number}")
            client = self.server.client()
            sent = 0
            while not stop.is_set():
                # Every tenth is for a worker inside the server.
                kind = "sluice.echo" if sent % 10 == 9 else "test.work"
                self.send(client, rng, f"p{number}-{sent}", kind)
                sent += 1
                stop.wait(rng.random() * 2 * pause)

        return run

    def deliveries(self, client, **members):
        """Fetches and records. Nothing when the server does not answer."""
        asked = self.record.now()
        try:
            status, body = client.fetch(QUEUE, visibility_timeout_ms=self.lease_ms, **members)
        except NO_ANSWER:
            time.sleep(0.05)
            return []
        if status != 200:
            time.sleep(0.05)
            return []
        for job in body["jobs"]:
            self.record.add(Op("deliver", job["args"][0], asked, job=job["id"], token=job["lease"],
                               digest=digest(text_of(job["args"])), attempt=job["attempt"]))
        return body["jobs"]

    def ack(self, client, job, result=1):
        op = Op("ack", job["args"][0], self.record.now(), token=job["lease"], detail=str(result))
        try:
            status, body = client.ack(job, result)
            op.outcome = OK if status == 200 else FAIL if refused(status, body) else UNKNOWN
        except NO_ANSWER:
            op.outcome = UNKNOWN
        self.record.add(op)
        return op

    def worker(self, number, faults=True):
        def run(stop):
            rng = random.Random(f"{self.seed} worker {number}")
            client = self.server.client()
            late = []  # held back, to be answered after the lease has lapsed
            while not stop.is_set():
                count = rng.randrange(1, 6)
                for job in self.deliveries(client, count=count, wait_ms=200,
                                           worker_id=f"w{number}"):
                    self.answer(client, rng, job, late, faults)
                if late and rng.random() < 0.05:
                    self.ack(client, late.pop(0))

        return run

    def answer(self, client, rng, job, late, faults):
        what = rng.random() if faults else 0.5
        if what < 0.02:
            late.append(job)
        elif what < 0.08:
            release = rng.random() < 0.5
            op = Op("nack", job["args"][0], self.record.now(), token=job["lease"])
            try:
                status, _ = client.nack(job, release=release)
                op.outcome = OK if status == 200 else FAIL
            except NO_ANSWER:
                op.outcome = UNKNOWN
            self.record.add(op)
        else:
            op = self.ack(client, job)
            if op.outcome == UNKNOWN or what > 0.98:
                self.ack(client, job)  # an ack may be repeated

    def known(self):
        """Nonce to id of all jobs whose id anybody learnt."""
        return {op.nonce: op.job for op in self.record.ops if op.job}

    def drain(self, seconds=60):
        """Works, without faults, until all jobs have ended; records how each ended."""
        limit = time.monotonic() + seconds
        client = self.server.client()
        with threads(*(self.worker(f"drain-{n}", faults=False) for n in range(6))):
            waiting = self.known()
            while waiting and time.monotonic() < limit:
                time.sleep(0.3)
                for op in list(self.record.ops):
                    if op.f == "ack" and op.outcome == OK:
                        waiting.pop(op.nonce, None)
                # What ran in the server has no ack here, and some acks got no answer.
                for nonce, job_id in list(waiting.items())[:200]:
                    if (client.job(job_id) or {}).get("state") in TERMINAL:
                        del waiting[nonce]
        self.record_ends()

    def record_ends(self):
        def look(part):
            client = self.server.client()
            for nonce, job_id in part:
                job = client.job(job_id)
                state = job["state"] if job else "gone"
                self.record.add(Op("final", nonce, self.record.now(), job=job_id, detail=state))

        jobs = list(self.known().items())
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(look, (jobs[i::4] for i in range(4))))
