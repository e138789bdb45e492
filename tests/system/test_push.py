"""Jobs by HTTP with the real server: a listed receiver is called, others are not, and a receiver that
takes a job over acks it later, also after the server was started anew."""

import http.server
import json
import socket
import threading
import unittest

from support import Server, wait_until


class Receiver:
    """Answers every request with `answer(headers, body)`: status, headers, body."""

    def __init__(self, answer):
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.append((self.headers, body))
                status, fields, content = answer(self.headers, body)
                self.send_response(status)
                for name, value in {**fields, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def take_over(headers, _):
    return 202, {"Job-Lease": headers["Job-Lease"]}, b""


def state(client, job_id):
    return client.job(job_id)["state"]


class Push(unittest.TestCase):
    def test_completes_a_job_by_a_listed_receiver(self):
        with Receiver(lambda *_: (200, {}, b'{"sent": 1e400}')) as receiver, \
                Server("--push-allow", "127.0.0.1") as server:
            client = server.client()
            status, body = client.push("sluice.http", [{"url": receiver.url, "body": {"a": 1}}])
            self.assertEqual(status, 201, body)
            job_id = body["job"]["id"]
            self.assertTrue(wait_until(lambda: state(client, job_id) == "completed", 10))
            self.assertEqual(client.job(job_id)["result"]["status"], 200)
            headers, sent = receiver.requests[0]
            self.assertEqual((headers["Job-Id"], json.loads(sent)), (job_id, {"a": 1}))

    def test_calls_nothing_private_unless_it_is_listed(self):
        with Receiver(lambda *_: (200, {}, b"")) as receiver, Server() as server:
            client = server.client()
            status, body = client.push("sluice.http", [{"url": receiver.url}])
            self.assertEqual(status, 422, body)
            self.assertIn("egress_denied", json.dumps(body))
            name = socket.gethostname()
            try:
                private = socket.gethostbyname(name).startswith(("127.", "10.", "172.", "192.168."))
            except OSError:
                private = False
            if private:
                status, body = client.push("sluice.http",
                                           [{"url": f"http://{name}:{receiver.port}/"}],
                                           retry={"max_attempts": 1})
                self.assertEqual(status, 201, body)
                job_id = body["job"]["id"]
                self.assertTrue(wait_until(lambda: state(client, job_id) == "discarded", 10))
                self.assertIn("egress_denied", json.dumps(client.job(job_id)))
            self.assertEqual(receiver.requests, [])

    def test_refuses_urls_it_must_not_call_at_the_door(self):
        bad = ("file:///etc/passwd", "gopher://example.com/", "http://127.1/", "http://0x7f000001/",
               "http://[::ffff:127.0.0.1]/", "http://2130706433/", "http://169.254.169.254/",
               "http://localhost.", "http://user:p@example.com/", "http://example.com:22/",
               "http://example.com/" + "a" * 8192)
        with Server() as server:
            client = server.client()
            for url in bad:
                status, body = client.push("sluice.http", [{"url": url}])
                self.assertEqual(status, 422, (url[:60], body))
            status, body = client.push("sluice.http", [{"url": "http://example.com/"}],
                                       delay_until="2099-01-01T00:00:00Z")
            self.assertEqual(status, 201, body)  # the control: it is not called for a long time

    def test_calls_no_port_of_its_own(self):
        with Server("--push-allow", "127.0.0.1") as server:
            url = f"http://127.0.0.1:{server.address[1]}/ojs/v1/health"
            status, body = server.client().push("sluice.http", [{"url": url}])
            self.assertEqual(status, 422, body)

    def test_lets_a_receiver_take_a_job_over(self):
        for restart in (False, True):
            with self.subTest(restart=restart), Receiver(take_over) as receiver, \
                    Server("--push-allow", "127.0.0.1") as server:
                client = server.client()
                _, body = client.push("sluice.http", [{"url": receiver.url, "body": 1}])
                job_id = body["job"]["id"]
                self.assertTrue(wait_until(lambda: receiver.requests, 10))
                lease = receiver.requests[0][0]["Job-Lease"]
                holder = f"127.0.0.1:{receiver.port}"
                self.assertTrue(wait_until(
                    lambda: client.job(job_id)["attempts"][0]["worker_id"] == holder, 10))
                if restart:
                    server.kill()
                    server.start()
                    client.close()
                self.assertEqual(state(client, job_id), "active")
                status, body = client.ack({"id": job_id, "lease": lease}, {"done": True})
                self.assertEqual(status, 200, body)
                self.assertEqual(state(client, job_id), "completed")
                self.assertEqual(len(receiver.requests), 1)


if __name__ == "__main__":
    unittest.main()
