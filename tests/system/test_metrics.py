"""/metrics is what Prometheus reads: its own checker looks at what the server says after some jobs."""

import json
import re
import subprocess
import unittest
import urllib.request

from support import Server, wait_until


def complaints_about(text):
    """Status and words of `promtool check metrics`."""
    run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                         text=True, timeout=60)
    return run.returncode, run.stdout + run.stderr


def metrics_of(server):
    host, port = server.address
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def fill(server):
    """Jobs in two queues, one of them with a bound."""
    client = server.client()
    for number in range(20):
        client.push("sluice.square", [number, 0], {"Prefer": "wait=10"}, queue="squares")
    client.request("PUT", "/ojs/v1/admin/queues/bounded/config", {"backpressure": {"max_depth": 10}})
    client.push("mail.send", [], queue="bounded")
    client.request("PATCH", "/ojs/v1/admin/queues/squares/config",
                   {"start_latency": {"objective": 0.99, "within": "250ms"}})


class Metrics(unittest.TestCase):
    def test_prometheus_has_nothing_to_complain_of(self):
        with Server() as server:
            fill(server)
            media_type, text = metrics_of(server)
        self.assertEqual(media_type, "text/plain")
        self.assertEqual(complaints_about(text), (0, ""))
        for phase in ("enqueue", "waiting", "running", "total"):
            found = re.search(rf'^sluice_job_{phase}_seconds_count'
                              r'{queue="squares",type="sluice.square"} (\d+)$', text, re.MULTILINE)
            self.assertIsNotNone(found, phase)
            self.assertEqual(found.group(1), "20", phase)

    def test_a_slow_run_is_a_line_of_the_log(self):
        """And its control: one that is not slow is none."""
        with Server("--log-slow-running", "50ms", "--log-format", "json") as server:
            client = server.client()
            for milliseconds in (0, 120):
                client.push("sluice.sleep", [milliseconds], {"Prefer": "wait=10"}, queue="slow")
            self.assertTrue(wait_until(lambda: "a job was slow" in server.last_words(), 10))
            lines = [json.loads(line) for line in server.log.read_text().splitlines()]
        slow = [line for line in lines if line["message"] == "a job was slow"]
        self.assertEqual(len(slow), 1)
        self.assertEqual(slow[0]["queue"], "slow")
        self.assertGreaterEqual(slow[0]["running_ms"], 120)
        self.assertGreaterEqual(slow[0]["total_ms"], slow[0]["running_ms"])
        self.assertEqual(slow[0]["left_out"], 0)

    def test_the_checker_finds_what_is_wrong(self):
        """The control: a metric without help, a counter without its ending, a label left open."""
        for text in ("jobs 1\n", "# HELP jobs Jobs.\n# TYPE jobs counter\njobs 1\n",
                     '# HELP jobs Jobs.\n# TYPE jobs gauge\njobs{queue="a} 1\n'):
            status, words = complaints_about(text)
            self.assertNotEqual(status, 0, text)
            self.assertNotEqual(words, "", text)


if __name__ == "__main__":
    unittest.main()
