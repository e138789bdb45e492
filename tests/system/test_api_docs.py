"""docs/api.md has a curl for each operation of openapi.yaml, and each works when pasted."""

import json
import re
import subprocess
import unittest
import urllib.request
from pathlib import Path

from support import Server

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
METHODS = ("get", "post", "put", "patch", "delete")

# Stands in front of what is pasted: tells each call with its status, and fails like the page would.
CURL = r"""
curl() {
  local method=GET url= i
  for ((i = 1; i <= $#; i++)); do
    case ${!i} in
      -d) [ "$method" != GET ] || method=POST ;;
      -X) i=$((i + 1)); method=${!i} ;;
      http*) url=${!i} ;;
    esac
  done
  command curl -w "%{stderr}CALL $method %{http_code} $url\n" "$@"
}
"""


def blocks(text):
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S))


def operations(server):
    host, port = server.address
    with urllib.request.urlopen(f"http://{host}:{port}/openapi.json") as answer:
        document = json.load(answer)
    return {(method.upper(), path) for path, item in document["paths"].items()
            for method in item if method in METHODS}


def calls(output):
    """(method, status, path) of each call that was made."""
    for method, status, url in re.findall(r"^CALL (\w+) (\d+) (\S+)$", output, re.M):
        yield method, int(status), re.sub(r"^http://[^/]+|\?.*$", "", url)


def fits(path, template):
    return re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)


def missing(wanted, made):
    """Operations that no call was for. A path of words alone is not taken for one with a name."""
    left = set(wanted)
    for method, _, path in made:
        found = [(m, t) for m, t in wanted if m == method and fits(path, t)]
        if found:
            left.discard(min(found, key=lambda operation: operation[1].count("{")))
    return left


class ApiPage(unittest.TestCase):
    def paste(self, server, text):
        host, port = server.address
        script = CURL + text.replace("http://127.0.0.1:8080", f"http://{host}:{port}")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
        return list(calls(done.stderr))

    def test_every_call_works_and_none_is_missing(self):
        with Server("--enable-reset") as server:
            wanted = operations(server)
            made = self.paste(server, blocks(PAGE.read_text(encoding="utf-8")))
            self.assertEqual([call for call in made if not 200 <= call[1] < 300], [])
            self.assertEqual(missing(wanted, made), set())

    def test_a_call_that_fails_or_is_missing_would_be_noticed(self):
        with Server() as server:
            made = self.paste(server, "U=http://127.0.0.1:8080\ncurl -s $U/ojs/v1/jobs/none\n")
            self.assertEqual(made, [("GET", 404, "/ojs/v1/jobs/none")])
            left = missing(operations(server), made)
            self.assertNotIn(("GET", "/ojs/v1/jobs/{id}"), left)
            self.assertIn(("POST", "/ojs/v1/jobs"), left)


if __name__ == "__main__":
    unittest.main()
