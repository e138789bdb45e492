"""Starts and stops the server under test."""

import http.client
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path

READY_SECONDS = 30
STOP_SECONDS = 40


class ServerProblem(Exception):
    pass


class Server:
    """A `sluiced` of its own on a free port, with an empty data directory that goes with it."""

    def __init__(self, binary, extra_arguments=()):
        self.directory = Path(tempfile.mkdtemp(prefix="sluice-conformance-"))
        self.log = open(self.directory / "log", "wb")
        command = [
            str(binary), "--listen", "127.0.0.1:0", "--data", str(self.directory / "data"),
            "--enable-reset", "--workers", "0", *extra_arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        self.address = self.wait_until_ready()

    def wait_until_ready(self):
        # A read of the pipe has no time limit; killing the process ends one that waits too long.
        too_late = threading.Timer(READY_SECONDS, self.process.kill)
        too_late.start()
        try:
            for line in self.process.stdout:
                url = re.search(rb"http://([0-9.]+):(\d+)", line)
                if url:
                    return url[1].decode(), int(url[2])
        finally:
            too_late.cancel()
        status = self.process.wait()
        message = f"the server did not start (status {status}): {self.last_words()}"
        self.remove()
        raise ServerProblem(message)

    def last_words(self):
        return (self.directory / "log").read_text(errors="replace")[-2000:].strip()

    def reset(self):
        connection = http.client.HTTPConnection(*self.address, timeout=30)
        try:
            connection.request("POST", "/ojs/v1/admin/reset")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise ServerProblem(f"reset was answered {answer.status}")
        finally:
            connection.close()

    def stop(self):
        """Ends the process. Raises ServerProblem when it did not end as a healthy one does."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        words = self.last_words()
        self.remove()
        if status != 0:
            raise ServerProblem(f"the server ended with status {status}: {words}")

    def remove(self):
        self.process.stdout.close()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
