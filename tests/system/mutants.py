"""Faults put into a recorded history. A checker that misses one of them proves nothing."""

import copy
import dataclasses
import random

from history import FAIL, OK, Op, token_order


def _pick(rng, ops, wanted):
    return rng.choice([op for op in ops if wanted(op)])


def _acked(ops):
    """Nonce to the first accepted ack."""
    first = {}
    for op in ops:
        if op.f == "ack" and op.outcome == OK:
            first.setdefault(op.nonce, op)
    return first


def _deliveries(ops, nonce):
    return sorted((o for o in ops if o.f == "deliver" and o.nonce == nonce),
                  key=lambda o: token_order(o.token))


def _later_token(token, steps):
    epoch, counter, nonce = token.split(".")
    return f"{epoch}.{int(counter, 16) + steps:x}.{nonce}"


def forget_the_end(rng, ops):
    op = _pick(rng, ops, lambda o: o.f == "final")
    ops.remove(op)


def leave_it_waiting(rng, ops):
    op = _pick(rng, ops, lambda o: o.f == "final")
    op.detail = "available"


def deliver_what_nobody_sent(rng, ops):
    nonce = _pick(rng, ops, lambda o: o.f == "deliver").nonce
    ops[:] = [o for o in ops if o.f != "enqueue" or o.nonce != nonce]


def deliver_what_was_refused(rng, ops):
    nonce = _pick(rng, ops, lambda o: o.f == "deliver").nonce
    for op in ops:
        if op.f == "enqueue" and op.nonce == nonce:
            op.outcome = FAIL


def deliver_before_it_was_sent(rng, ops):
    first = _pick(rng, ops, lambda o: o.f == "deliver")
    for op in ops:
        if op.f == "enqueue" and op.nonce == first.nonce:
            op.inv, op.ret = first.ret + 1, first.ret + 2


def change_a_payload(rng, ops):
    _pick(rng, ops, lambda o: o.f == "deliver").digest = "0" * 16


def count_attempts_down(rng, ops):
    d = _pick(rng, ops, lambda o: o.f == "deliver")
    again = copy.copy(d)
    again.token = _later_token(d.token, 1 << 60)
    d.attempt = again.attempt + 1
    ops.append(again)


def grant_a_token_twice(rng, ops):
    d = _pick(rng, ops, lambda o: o.f == "deliver")
    ops.append(copy.copy(d))


def swap_two_tokens(rng, ops):
    d = _pick(rng, ops, lambda o: o.f == "deliver")
    later = copy.copy(d)
    later.inv, later.ret = d.ret + 10, d.ret + 20
    later.token = d.token
    d.token = _later_token(d.token, 1 << 60)
    ops.append(later)


def deliver_after_the_ack(rng, ops):
    ack = rng.choice(list(_acked(ops).values()))
    d = copy.copy(_deliveries(ops, ack.nonce)[-1])
    d.token = _later_token(d.token, 1 << 60)
    d.inv, d.ret = ack.ret + 10, ack.ret + 20
    ops.append(d)


def accept_a_second_ack(rng, ops):
    ack = copy.copy(rng.choice(list(_acked(ops).values())))
    ack.detail = "something else"
    ops.append(ack)


def accept_an_ack_under_another_lease(rng, ops):
    ack = copy.copy(rng.choice(list(_acked(ops).values())))
    ack.token = _later_token(ack.token, 1)
    ops.append(ack)


def accept_a_stale_ack(rng, ops):
    ack = rng.choice(list(_acked(ops).values()))
    d = copy.copy(_deliveries(ops, ack.nonce)[-1])
    d.token = _later_token(ack.token, 1 << 60)
    d.inv = d.ret = ack.inv - 1
    ops.append(d)


def make_two_jobs_of_one_key(rng, ops):
    op = _pick(rng, ops, lambda o: o.f == "enqueue" and o.outcome == OK and o.key)
    ops.append(dataclasses.replace(op, job=op.job + "x"))


def lose_a_job_that_was_stored(rng, ops):
    gone = _pick(rng, ops, lambda o: o.f == "enqueue" and o.outcome == OK).nonce
    ops[:] = [o for o in ops if o.nonce != gone or o.f == "enqueue"]


ALL = {
    forget_the_end: "C1",
    leave_it_waiting: "C1",
    lose_a_job_that_was_stored: "C1",
    deliver_what_nobody_sent: "C2",
    deliver_what_was_refused: "C2",
    deliver_before_it_was_sent: "C2",
    change_a_payload: "C3",
    count_attempts_down: "C3",
    grant_a_token_twice: "C4",
    swap_two_tokens: "C4",
    deliver_after_the_ack: "C6",
    accept_a_second_ack: "C6",
    accept_an_ack_under_another_lease: "C6",
    accept_a_stale_ack: "C7",
    make_two_jobs_of_one_key: "C8",
}


def mutate(mutant, ops, seed) -> list[Op]:
    copied = [copy.copy(op) for op in ops]
    mutant(random.Random(seed), copied)
    return copied
