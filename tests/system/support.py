"""Servers, connections and the like for tests with the real programs.

SLUICED names the server's binary; ctest sets it. With IO_THREADS every server has so many threads
for connections.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

SLUICED = os.environ.get("SLUICED", "build/dev/bin/sluiced")
IO_THREADS = ["--io-threads", os.environ["IO_THREADS"]] if "IO_THREADS" in os.environ else []
READY_SECONDS = 30

# What ends a request without an answer: nobody knows then whether it was carried out.
NO_ANSWER = (OSError, http.client.HTTPException)


class ServerDown(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One data directory and one address, and the process that serves them, again and again."""

    def __init__(self, *arguments, data=None, wrapper=()):
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-system-"))
        self.data = Path(data) if data else self.directory / "data"
        self.address = ("127.0.0.1", free_port())
        self.arguments = arguments
        self.wrapper = list(wrapper)
        self.log = self.directory / "log"
        self.process = None
        self.clients = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def command(self):
        host, port = self.address
        return [*self.wrapper, SLUICED, "--listen", f"{host}:{port}", "--data", str(self.data),
                *IO_THREADS, *self.arguments]

    def start(self):
        """Returns when the server says that it is ready, with the seconds that took."""
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=subprocess.PIPE, stderr=log,
                                            env=clean_environment())
        too_late = threading.Timer(READY_SECONDS, self.process.kill)
        too_late.start()
        try:
            line = self.process.stdout.readline().decode()
        finally:
            too_late.cancel()
        if not re.search(r"http://127\.0\.0\.1:\d+", line):
            raise ServerDown(f"not ready (status {self.process.wait()}): {self.last_words()}")
        return time.monotonic() - begin

    def kill(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()
            self.process.stdout.close()

    def wait(self, seconds):
        """The exit status. Raises subprocess.TimeoutExpired."""
        status = self.process.wait(seconds)
        self.process.stdout.close()
        return status

    def running(self):
        return self.process is not None and self.process.poll() is None

    def remove(self):
        if self.running():
            self.kill()
        elif self.process:
            self.process.stdout.close()
        for client in self.clients:
            client.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def last_words(self):
        return self.log.read_text(errors="replace")[-3000:].strip()

    def client(self, timeout=20):
        """A connection that is closed with the server."""
        self.clients.append(Client(self.address, timeout))
        return self.clients[-1]


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("SLUICE")}


class Client:
    """One kept-alive connection. An error closes it; the next request opens it anew."""

    def __init__(self, address, timeout):
        self.address = address
        self.timeout = timeout
        self.connection = None

    def request(self, method, path, body=None, headers=None):
        """(status, JSON of the answer). Raises one of NO_ANSWER when there is none."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.address, timeout=self.timeout)
        text = None if body is None else json.dumps(body)
        fields = {"Content-Type": "application/json"} if text is not None else {}
        try:
            self.connection.request(method, path, text, {**fields, **(headers or {})})
            answer = self.connection.getresponse()
            content = answer.read()
            if answer.will_close:
                self.close()
        except NO_ANSWER:
            self.close()
            raise
        return answer.status, json.loads(content) if content else None

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body=None, headers=None):
        return self.request("POST", path, body, headers)

    def push(self, job_type, args, headers=None, **options):
        body = {"type": job_type, "args": args, "options": options}
        return self.post("/ojs/v1/jobs", body, headers)

    def job(self, job_id):
        status, body = self.get(f"/ojs/v1/jobs/{job_id}")
        return body["job"] if status == 200 else None

    def fetch(self, *queues, **members):
        body = {"queues": list(queues) or ["default"], **members}
        return self.post("/ojs/v1/workers/fetch", body)

    def ack(self, job, result=None):
        body = {"job_id": job["id"], "lease": job["lease"], "result": result}
        return self.post("/ojs/v1/workers/ack", body)

    def nack(self, job, **members):
        error = {"code": "handler_error", "message": "the test said so"}
        body = {"job_id": job["id"], "lease": job["lease"], "error": error, **members}
        return self.post("/ojs/v1/workers/nack", body)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def refused(status, body):
    """Whether an answer says that nothing was stored or changed."""
    if 400 <= status < 500:
        return True
    details = ((body or {}).get("error") or {}).get("details") or {}
    return details.get("outcome") == "not_stored"


def wait_until(done, seconds, pause=0.02):
    """Whether `done()` came true in time."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if done():
            return True
        time.sleep(pause)
    return bool(done())


@contextlib.contextmanager
def threads(*bodies):
    """Runs the bodies beside the block; each is called with an event that says when to end. What a
    body throws is thrown at the end of the block."""
    stop = threading.Event()
    faults = []

    def guarded(body):
        try:
            body(stop)
        except Exception as e:  # not lost with its thread
            faults.append(e)

    running = [threading.Thread(target=guarded, args=(b,), daemon=True) for b in bodies]
    for thread in running:
        thread.start()
    try:
        yield stop
    finally:
        stop.set()
        for thread in running:
            thread.join(60)
    if faults:
        raise faults[0]
    if any(thread.is_alive() for thread in running):
        raise TimeoutError("a client thread does not end")
