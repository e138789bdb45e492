#!/usr/bin/python3
"""Whether deleting what retention lets go shows in the latency of pushes.

Finishes JOBS jobs, makes them due for deletion while the server is down, and pushes one job after
the other on one connection from its next start on. Pushes of the seconds in which jobs were deleted
are held against those before and after. Usage: retention.py SLUICED [JOBS]
"""

import http.client
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

JSON = {"Content-Type": "application/json"}


class Server:
    def __init__(self, sluiced, data):
        self.process = subprocess.Popen(
            [sluiced, "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error",
             "--workers", "64"], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(line.split("http://127.0.0.1:")[1].split()[0])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def call(connection, method, path, body=None):
    connection.request(method, path, body and json.dumps(body), JSON)
    return json.loads(connection.getresponse().read())


def finish_jobs(server, jobs):
    connection = server.connect()
    job = {"type": "sluice.echo", "args": ["0123456789"]}
    for _ in range(jobs // 1000):
        call(connection, "POST", "/ojs/v1/jobs/batch", {"jobs": [job] * 1000})
    while True:
        counts = call(connection, "GET", "/ojs/v1/queues/default/stats")["queue"]
        if counts["available"] + counts["active"] == 0:
            return
        time.sleep(0.2)


def left_in(data):
    with sqlite3.connect(f"file:{data}/sluice.db?mode=ro", uri=True, timeout=5) as db:
        return db.execute("SELECT count(*) FROM history WHERE purge_at < 1000").fetchone()[0]


def measure(server, data):
    """Latencies of pushes by second, and the seconds at which rows were seen to go."""
    connection = server.connect()
    begin = time.monotonic()
    by_second, left = {}, []
    done = threading.Event()

    def watch():
        while not done.wait(0.25):
            left.append((time.monotonic() - begin, left_in(data)))
            if left[-1][1] == 0 and time.monotonic() - begin > 80:
                done.set()

    watcher = threading.Thread(target=watch)
    watcher.start()
    # Its type has no handler: it waits.
    body = json.dumps({"type": "bench.job", "args": ["0123456789"]})
    while not done.is_set() and time.monotonic() - begin < 300:
        sent = time.perf_counter()
        connection.request("POST", "/ojs/v1/jobs", body, JSON)
        connection.getresponse().read()
        took = time.perf_counter() - sent
        by_second.setdefault(int(time.monotonic() - begin), []).append(took * 1000)
        time.sleep(0.001)
    done.set()
    watcher.join()
    deleting = {int(at) for (at, now), (_, before) in zip(left[1:], left) if now < before}
    return by_second, deleting


def percentile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))]


def tell(what, values):
    print(f"{what:16} {len(values):7} pushes   p50 {percentile(values, 0.5):6.2f} ms   "
          f"p99 {percentile(values, 0.99):6.2f} ms   p99.9 {percentile(values, 0.999):6.2f} ms")


def main():
    sluiced, jobs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 300_000
    with tempfile.TemporaryDirectory(prefix="bench", dir="build/bench") as data:
        server = Server(sluiced, data)
        finish_jobs(server, jobs)
        server.stop()
        with sqlite3.connect(f"{data}/sluice.db") as db:
            db.execute("UPDATE history SET purge_at = 1 WHERE purge_at IS NOT NULL")
        server = Server(sluiced, data)
        by_second, deleting = measure(server, data)
        server.stop()
    during = [x for second in deleting for x in by_second.get(second, [])]
    others = [x for second, some in by_second.items() if second not in deleting and second > 5
              for x in some]
    print(f"{jobs} jobs deleted within {len(deleting)} seconds")
    tell("not deleting", others)
    tell("deleting", during)
    ratio = percentile(during, 0.99) / percentile(others, 0.99)
    print(f"p99 x {ratio:.2f}")


if __name__ == "__main__":
    main()
