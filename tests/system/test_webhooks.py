"""Events posted to an endpoint by the real server: signed, and none lost however often it is killed."""

import base64
import hashlib
import hmac
import json
import random
import threading
import time
import unittest

from support import NO_ANSWER, Server, wait_until
from test_push import Receiver

SUBSCRIPTIONS = "/ojs/v1/webhooks/subscriptions"
JOBS = 300
KILLS = 4


def accept(_, __):
    return 204, {}, b""


def subscribe(client, url, events):
    status, answer = client.request("POST", SUBSCRIPTIONS, {"url": url, "events": events})
    assert status == 201, answer
    return answer["subscription"]


def finished_jobs(client):
    """State of each job of the queue by its id."""
    _, answer = client.get("/ojs/v1/jobs?queue=default&limit=1000")
    return {job["id"]: job["state"] for job in answer["jobs"]}


class Webhooks(unittest.TestCase):
    def test_a_receiver_can_prove_where_an_event_comes_from(self):
        with Receiver(accept) as receiver, Server("--push-allow", "127.0.0.1") as server:
            client = server.client()
            secret = subscribe(client, receiver.url + "hook", ["job.completed"])["secret"]
            client.request("POST", "/ojs/v1/jobs", {"type": "sluice.square", "args": [12]})
            wait_until(lambda: receiver.requests, 20)
            headers, body = receiver.requests[0]
            event = json.loads(body)
            self.assertEqual((event["type"], event["data"]["result"]), ("job.completed", 144))
            at = headers["webhook-timestamp"]
            self.assertLess(abs(int(at) - time.time()), 60)
            key = base64.b64decode(secret.removeprefix("whsec_"))
            text = f"{headers['webhook-id']}.{at}.".encode() + body
            signature = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
            self.assertEqual(headers["webhook-signature"], "v1," + signature)
            ours = hmac.digest(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hex()
            self.assertEqual(headers["X-OJS-Signature"], "sha256=" + ours)
            _, listed = client.request("GET", "/ojs/v1/events?types=job.completed&queues=default")
            self.assertIn(event["id"], [each["id"] for each in listed["events"]])

    def test_nothing_that_happened_goes_untold_however_often_the_server_is_killed(self):
        with Receiver(accept) as receiver, Server("--push-allow", "127.0.0.1") as server:
            subscribe(server.client(), receiver.url, ["job.enqueued", "job.completed"])
            stop = threading.Event()

            def produce():
                client = server.client(timeout=5)
                for number in range(JOBS):
                    if stop.is_set():
                        return
                    try:
                        job = {"type": "sluice.square", "args": [number, 5]}
                        client.request("POST", "/ojs/v1/jobs", job)
                    except NO_ANSWER:
                        time.sleep(0.05)

            producer = threading.Thread(target=produce)
            producer.start()
            for _ in range(KILLS):
                time.sleep(random.uniform(0.1, 0.4))
                server.kill()
                server.start()
            producer.join()
            client = server.client()
            wait_until(lambda: self.is_quiet(client), 60)
            jobs = finished_jobs(client)
            self.assertGreater(len(jobs), JOBS // 4)
            self.assertEqual(set(jobs.values()), {"completed"})
            told = {"job.enqueued": set(), "job.completed": set()}
            for _, body in receiver.requests:
                event = json.loads(body)
                told[event["type"]].add(event["subject"])
            self.assertEqual(set(jobs) - told["job.enqueued"], set())
            self.assertEqual(set(jobs) - told["job.completed"], set())

    def is_quiet(self, client):
        _, answer = client.request("GET", "/ojs/v1/queues")
        ended = ("completed", "cancelled", "discarded")
        return all(count == 0 for queue in answer["queues"] for state, count in queue.items()
                   if isinstance(count, int) and not isinstance(count, bool) and state not in ended)


if __name__ == "__main__":
    unittest.main()
