"""Dead letters sent back by the real server: each once, however often it is killed."""

import random
import time
import unittest

from support import Server, wait_until

REDRIVES = "/ojs/v1/dead-letter/redrives"
JOBS = 400
KILLS = 5
RETRY = {"max_attempts": 1, "on_exhaustion": "dead_letter"}


def bury(client, count):
    """Dead letters of a type that fails until somebody mends it."""
    specs = [{"type": "mail.send", "args": [i], "options": {"queue": "mail", "retry": RETRY}}
             for i in range(count)]
    status, answer = client.post("/ojs/v1/jobs/batch", {"jobs": specs})
    assert status == 201, answer
    left = count
    while left > 0:
        jobs = client.fetch("mail", count=100)[1]["jobs"]
        nacks = [{"job_id": job["id"], "lease": job["lease"],
                  "error": {"code": "smtp", "message": "no route"}} for job in jobs]
        status, answer = client.post("/ojs/v1/workers/batch", {"nack": nacks})
        assert status == 200 and len(answer["results"]) == len(jobs), answer
        left -= len(jobs)


def begin(client, **members):
    status, answer = client.post(REDRIVES, {"filter": {"queue": "mail"}, **members})
    assert status == 202, answer
    return answer["redrive"]["id"]


def redrive(client, name):
    return client.get(f"{REDRIVES}/{name}")[1]["redrive"]


def jobs_by_state(client):
    _, answer = client.get("/ojs/v1/jobs?queue=mail&limit=1000")
    states = [job["state"] for job in answer["jobs"]]
    return {state: states.count(state) for state in set(states)}


def restart(server, client):
    server.kill()
    client.close()
    server.start()


class Redrive(unittest.TestCase):
    def test_each_job_is_sent_once_however_often_the_server_is_killed(self):
        with Server() as server:
            client = server.client()
            bury(client, JOBS)
            name = begin(client, rate=200, canary=0)
            dice = random.Random(7)
            interrupted = 0
            for _ in range(KILLS):
                time.sleep(dice.uniform(0.1, 0.3))
                restart(server, client)
                seen = redrive(client, name)
                states = jobs_by_state(client)
                if seen["state"] == "running":
                    interrupted += 1
                # What it has sent since is more: it goes on while it is looked at.
                self.assertGreaterEqual(states.get("available", 0), seen["counts"]["sent"])
                again = redrive(client, name)
                self.assertLessEqual(states.get("available", 0), again["counts"]["sent"])
            self.assertGreater(interrupted, 1, "hardly any run was interrupted")
            self.assertTrue(wait_until(lambda: redrive(client, name)["state"] == "completed", 30))
            self.assertEqual(redrive(client, name)["counts"]["sent"], JOBS)
            self.assertEqual(jobs_by_state(client), {"available": JOBS})

    def test_a_canary_that_dies_stops_it_with_nothing_more_sent(self):
        with Server() as server:
            client = server.client()
            bury(client, 50)
            name = begin(client, rate=1000, canary=1)
            _, answer = client.fetch("mail", wait_ms=5000)
            client.nack(answer["jobs"][0])
            restart(server, client)
            seen = redrive(client, name)
            self.assertEqual(seen["state"], "stopped")
            self.assertEqual(seen["stopped_by"]["job_id"], answer["jobs"][0]["id"])
            time.sleep(0.3)
            self.assertEqual(redrive(client, name)["counts"]["sent"], 1)
            self.assertEqual(jobs_by_state(client), {"discarded": 50})


if __name__ == "__main__":
    unittest.main()
