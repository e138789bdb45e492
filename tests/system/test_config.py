"""Wrong settings are named, all at once, with the status sysexits.h has for them."""

import os
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import SLUICED, Server, clean_environment


def run(*arguments, **environment):
    return subprocess.run([SLUICED, *arguments], capture_output=True, text=True, timeout=20,
                          env={**clean_environment(), **environment})


class Configuration(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-config-")
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def file(self, text):
        path = self.directory / "sluiced.toml"
        path.write_text(text)
        return str(path)

    def test_names_all_problems_at_once(self):
        path = self.file('[http]\nlisten = "nowhere"\ncolour = "blue"\n'
                         '[engine]\nvisibility_timeout = "soon"\n')
        end = run("--config", path)
        self.assertEqual(end.returncode, 78, end.stderr)
        for name in ("listen", "colour", "visibility_timeout"):
            self.assertIn(name, end.stderr)

    def test_names_certificates_that_cannot_be_read(self):
        path = self.file('[push]\nca_file = "/nowhere/ca.pem"\nallow = ["10.1.0.0/8"]\n')
        for check in (["--check-config"], ["--data", str(self.directory / "data")]):
            end = run("--config", path, *check)
            self.assertEqual(end.returncode, 78, end.stderr)
            self.assertIn("push.ca_file: /nowhere/ca.pem", end.stderr)
            self.assertIn("push.allow", end.stderr)
            self.assertNotIn("cannot listen", end.stderr)
        self.assertFalse((self.directory / "data").exists(), "nothing is touched before")

    def test_refuses_an_unknown_flag(self):
        end = run("--no-such-flag")
        self.assertEqual(end.returncode, 64, end.stderr)
        self.assertIn("--no-such-flag", end.stderr)

    def test_refuses_an_unknown_environment_variable(self):
        end = run("--check-config", SLUICE_ENGINE_VISIBILITY_TIMEOUTS="1s")
        self.assertEqual(end.returncode, 78, end.stderr)
        self.assertIn("SLUICE_ENGINE_VISIBILITY_TIMEOUTS", end.stderr)

    def test_refuses_to_serve_others_without_a_token(self):
        end = run("--listen", "0.0.0.0:0", "--data", str(self.directory / "data"))
        self.assertEqual(end.returncode, 78, end.stderr)
        self.assertIn("token", end.stderr)
        self.assertFalse((self.directory / "data").exists(), "nothing is touched before")

    def test_checks_without_serving(self):
        path = self.file('[engine]\nvisibility_timeout = "45s"\n')
        end = run("--config", path, "--check-config")
        self.assertEqual((end.returncode, end.stderr), (0, ""))
        end = run("--config", path, "--print-config")
        self.assertEqual(end.returncode, 0, end.stderr)
        self.assertIn("45s", end.stdout)

    def test_lets_the_later_source_win(self):
        path = self.file('[workers]\nconcurrency = 7\n')
        self.assertIn("concurrency = 7", run("--config", path, "--print-config").stdout)
        over = run("--config", path, "--print-config", SLUICE_WORKERS_CONCURRENCY="8")
        self.assertIn("concurrency = 8", over.stdout)
        over = run("--config", path, "--print-config", "--workers", "9",
                   SLUICE_WORKERS_CONCURRENCY="8")
        self.assertIn("concurrency = 9", over.stdout)

    def test_says_that_the_address_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            end = run("--listen", address, "--data", str(self.directory / "data"))
        self.assertEqual(end.returncode, 69, end.stderr)
        self.assertIn(address, end.stderr)

    def test_says_that_the_data_directory_is_in_use(self):
        with Server() as server:
            end = run("--listen", "127.0.0.1:0", "--data", str(server.data))
            self.assertEqual(end.returncode, 75, end.stderr)
            self.assertIn(str(server.data), end.stderr)
            self.assertTrue(server.running())

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_says_that_the_data_directory_cannot_be_made(self):
        end = run("--listen", "127.0.0.1:0", "--data", "/proc/none")
        self.assertEqual(end.returncode, 73, end.stderr)


if __name__ == "__main__":
    unittest.main()
