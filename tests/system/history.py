"""What a run did, and whether a job queue may have done it.

Clients record each operation with the times it was asked and answered (monotonic nanoseconds, one
machine). Every job carries a nonce of its own, which makes the check linear: jobs never mix.
The names of the checks, C1 to C8, are those of the violations they report.
"""

import collections
import dataclasses
import hashlib
import itertools
import threading
import time
from typing import Optional

OK = "ok"  # the server said yes
FAIL = "fail"  # it said no, and nothing was changed
UNKNOWN = "unknown"  # no answer, or one that leaves it open


@dataclasses.dataclass
class Op:
    f: str  # enqueue, deliver, ack, nack, final
    nonce: str
    inv: int = 0
    ret: int = 0
    outcome: str = OK
    job: str = ""  # the server's id, once known
    key: str = ""  # Idempotency-Key
    token: str = ""  # lease
    digest: str = ""  # of the payload, sent or received
    attempt: int = 0
    detail: str = ""  # ack: the result; final: the state


def digest(payload: str) -> str:
    return hashlib.sha256(payload.encode()).hexdigest()[:16]


def token_order(token: str) -> tuple:
    """Leases rise by boot epoch, then by the counter within it."""
    epoch, counter, _ = token.split(".")
    return int(epoch, 16), int(counter, 16)


class Recorder:
    """Takes operations from many threads."""

    def __init__(self):
        self.ops: list[Op] = []
        self._lock = threading.Lock()

    @staticmethod
    def now() -> int:
        return time.monotonic_ns()

    def add(self, op: Op) -> Op:
        if not op.ret:
            op.ret = self.now()
        with self._lock:
            self.ops.append(op)
        return op


@dataclasses.dataclass
class Violation:
    check: str
    nonce: str
    what: str

    def __str__(self):
        return f"{self.check} {self.nonce}: {self.what}"


class Job:
    """The operations on one nonce."""

    def __init__(self):
        self.enqueues: list[Op] = []
        self.deliveries: list[Op] = []
        self.acks: list[Op] = []
        self.final: Optional[Op] = None


def check(ops: list[Op]) -> list[Violation]:
    """All violations. After the last fault the run must have been drained, and each job known by id
    must have a `final` operation that says in what state it ended."""
    jobs: dict[str, Job] = collections.defaultdict(Job)
    for op in ops:
        job = jobs[op.nonce]
        if op.f == "enqueue":
            job.enqueues.append(op)
        elif op.f == "deliver":
            job.deliveries.append(op)
        elif op.f == "ack":
            job.acks.append(op)
        elif op.f == "final":
            job.final = op
    found: list[Violation] = []
    for nonce, job in jobs.items():
        job.deliveries.sort(key=lambda d: token_order(d.token))
        for rule in (_lost, _phantom, _payload, _token_order, _finality, _fencing):
            found += (Violation(rule.__doc__.split(":")[0], nonce, what) for what in rule(job))
    found += _tokens_distinct(ops)
    found += _one_job_per_key(ops)
    return found


def _lost(job):
    """C1: stored, but never reached a terminal state."""
    if any(e.outcome == OK for e in job.enqueues):
        state = job.final.detail if job.final else "unknown to the server"
        if state not in ("completed", "cancelled", "discarded"):
            yield f"stored, yet after the drain it is {state}"


def _phantom(job):
    """C2: delivered, but nobody can have stored it by then."""
    for d in job.deliveries:
        if not any(e.inv < d.ret and e.outcome != FAIL for e in job.enqueues):
            yield f"delivered under {d.token}, but not stored before"


def _payload(job):
    """C3: what is delivered is what was stored, and attempts do not go down."""
    sent = {e.digest for e in job.enqueues}
    for d in job.deliveries:
        if sent and d.digest not in sent:
            yield f"delivered another payload under {d.token}"
    for before, after in itertools.pairwise(job.deliveries):
        if after.attempt < before.attempt:
            yield f"attempt went from {before.attempt} to {after.attempt}"


def _token_order(job):
    """C4: a later delivery has a larger token."""
    first_return = float("inf")  # of all deliveries with a larger token
    for d in reversed(job.deliveries):
        if d.inv > first_return:
            yield f"{d.token} was asked for after a larger token had been delivered"
        first_return = min(first_return, d.ret)


def _tokens_distinct(ops):
    seen = {}
    for op in ops:
        if op.f == "deliver":
            if op.token in seen:
                what = f"{op.token} was granted before, for {seen[op.token]}"
                yield Violation("C4", op.nonce, what)
            seen[op.token] = op.nonce


def _finality(job):
    """C6: once an ack was accepted nothing is delivered, and no other ack is accepted."""
    accepted = [a for a in job.acks if a.outcome == OK]
    if not accepted:
        return
    done = min(a.ret for a in accepted)
    for d in job.deliveries:
        if d.inv > done:
            yield f"delivered again under {d.token} after its ack"
    if len({(a.token, a.detail) for a in accepted}) > 1:
        yield "two different acks were accepted"


def _fencing(job):
    """C7: when a later lease was delivered, an ack under an earlier one is refused."""
    for a in job.acks:
        if a.outcome != OK:
            continue
        for d in job.deliveries:
            if d.ret < a.inv and token_order(d.token) > token_order(a.token):
                yield f"ack under {a.token} accepted after {d.token} was delivered"


def _one_job_per_key(ops):
    by_key = collections.defaultdict(set)
    for op in ops:
        if op.f == "enqueue" and op.key and op.outcome == OK:
            by_key[op.key].add(op.job)
    for key, ids in by_key.items():
        if len(ids) > 1:
            yield Violation("C8", key, f"one key, {len(ids)} jobs")


def summary(ops: list[Op]) -> str:
    count = collections.Counter((op.f, op.outcome) for op in ops)
    stored = {op.nonce for op in ops if op.f == "enqueue" and op.outcome == OK}
    open_ = {op.nonce for op in ops if op.f == "enqueue" and op.outcome == UNKNOWN} - stored
    delivered = collections.Counter(op.nonce for op in ops if op.f == "deliver")
    return (
        f"{len(stored)} stored, {len(open_)} unknown of which {len(open_ & delivered.keys())} came "
        f"through, {sum(delivered.values())} deliveries, "
        f"{sum(n - 1 for n in delivered.values())} of them repeated, "
        f"{count['ack', OK]} acks, {count['ack', FAIL]} refused"
    )
