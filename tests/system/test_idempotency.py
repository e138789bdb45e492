"""Many clients, one key, and connections that are reset in the middle: one job."""

import json
import random
import socket
import struct
import threading
import unittest

from support import NO_ANSWER, Server, threads

KEYS = 150
CLIENTS = 16


def reset_after_sending(address, body, key, rng):
    """Sends a request, all of it or a part, and cuts the connection without waiting."""
    text = json.dumps(body).encode()
    head = (f"POST /ojs/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: {key}\r\nContent-Length: {len(text)}\r\n\r\n").encode()
    message = head + text
    cut = len(message) if rng.random() < 0.7 else rng.randrange(1, len(message))
    with socket.create_connection(address, 10) as s:
        s.sendall(message[:cut])
        # Linger of zero: close sends a reset.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def body_of(n):
    return {"type": "test.work", "args": [n], "options": {"queue": "keys"}}


class Idempotency(unittest.TestCase):
    def storm(self, server, key_of):
        """All clients store all jobs, in an order of their own. Gives the ids by job."""
        ids = [set() for _ in range(KEYS)]
        lock = threading.Lock()

        def client(number):
            def run(_):
                rng = random.Random(number)
                connection = server.client()
                for n in rng.sample(range(KEYS), KEYS):
                    if rng.random() < 0.3:
                        reset_after_sending(server.address, body_of(n), key_of(n, number), rng)
                        continue
                    headers = {"Idempotency-Key": key_of(n, number)}
                    try:
                        status, body = connection.post("/ojs/v1/jobs", body_of(n), headers)
                    except NO_ANSWER:
                        continue
                    if status == 409:  # the first request is still under way
                        self.assertEqual(body["error"]["code"], "in_flight")
                        continue
                    self.assertIn(status, (200, 201), body)
                    with lock:
                        ids[n].add(body["job"]["id"])

            return run

        with threads(*(client(n) for n in range(CLIENTS))):
            pass
        return ids

    def stored(self, server):
        _, body = server.client().get("/ojs/v1/queues/keys/stats")
        return body["stats"]["available"]

    def test_one_key_makes_one_job_through_resets_and_a_crash(self):
        with Server("--workers", "0") as server:
            def key(n, _):
                return f"key-{n}"

            ids = self.storm(server, key)
            self.assertEqual([len(i) for i in ids], [1] * KEYS)
            self.assertEqual(self.stored(server), KEYS)

            server.kill()
            server.start()
            client = server.client()
            for n in range(KEYS):
                headers = {"Idempotency-Key": key(n, 0)}
                status, body = client.post("/ojs/v1/jobs", body_of(n), headers)
                self.assertEqual(status, 200, body)
                self.assertEqual({body["job"]["id"]}, ids[n])
            self.assertEqual(self.stored(server), KEYS)

            other = client.post("/ojs/v1/jobs", body_of("other"), {"Idempotency-Key": "key-0"})
            self.assertEqual(other[0], 422, other)

    def test_control_without_a_common_key_each_request_makes_its_job(self):
        with Server("--workers", "0") as server:
            ids = self.storm(server, lambda n, number: f"key-{n}-{number}")
            self.assertGreater(max(len(i) for i in ids), 1)
            self.assertGreater(self.stored(server), KEYS)


if __name__ == "__main__":
    unittest.main()
