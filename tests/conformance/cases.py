"""Finds the conformance cases and runs one of them against a server."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from matchers import UnknownMatcher, answer_differences, equal, show
from paths import MISSING, Memory, PathError, evaluate

MEDIA_TYPE = "application/openjobspec+json"

# Cases that no server can pass; they are run by nobody and counted as skipped.
KNOWN = {
    "level-1-reliable/retry/retry-error-history-tracked.json":
        "expects error types (ConnectionTimeout, ...) that its own requests never send",
}


@dataclass
class Case:
    path: str  # relative to the suites
    content: dict

    @property
    def steps(self):
        return self.content["steps"]

    def expected_seconds(self):
        waits = (s.get("delay_ms", 0) + s.get("duration_ms", 0) for s in self.steps)
        return sum(waits) / 1000


@dataclass
class Answer:
    status: int
    headers: dict
    text: str
    elapsed_ms: float
    body: object = field(init=False)

    def __post_init__(self):
        try:
            self.body = json.loads(self.text)
        except ValueError:
            self.body = MISSING


class StepFailed(Exception):
    pass


def find_cases(suites, prefixes):
    """Cases below the directories that begin with one of `prefixes`; the directory, not the
    `level` member, says where a case belongs."""
    cases = []
    for directory in sorted(Path(suites).iterdir()):
        if not directory.is_dir() or not directory.name.startswith(tuple(prefixes)):
            continue
        for file in sorted(directory.rglob("*.json")):
            with open(file, encoding="utf-8") as text:
                cases.append(Case(str(file.relative_to(suites)), json.load(text)))
    return cases


def send(address, method, path, headers, body):
    connection = http.client.HTTPConnection(*address, timeout=90)
    try:
        started = time.monotonic()
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        elapsed = (time.monotonic() - started) * 1000
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text, elapsed)
    finally:
        connection.close()


class CaseRun:
    """One case on one server. `run` answers the failures as sentences; none means passed."""

    def __init__(self, case, address):
        self.case = case
        self.address = address
        self.memory = Memory()

    def run(self):
        try:
            self.run_steps(self.case.content.get("setup", {}).get("steps", []), "setup ")
            self.run_steps(self.case.steps)
        except StepFailed as failure:
            return [str(failure)]
        finally:
            try:
                self.run_steps(self.case.content.get("teardown", {}).get("steps", []))
            except StepFailed:
                pass
        return []

    def run_steps(self, steps, prefix=""):
        done = set()
        for step in steps:
            if step["id"] in done:
                continue
            together = [step] + [s for s in steps if s.get("parallel_with") == step["id"]]
            done.update(s["id"] for s in together)
            failures = self.run_together(together)
            if failures:
                raise StepFailed(prefix + failures[0])

    def run_together(self, steps):
        if len(steps) == 1:
            return self.run_one(steps[0])
        failures = []
        threads = [
            threading.Thread(target=lambda s=s: failures.extend(self.run_one(s))) for s in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return failures

    def run_one(self, step):
        try:
            return [f"{step['id']}: {problem}" for problem in self.problems_of(step)]
        except (UnknownMatcher, PathError) as error:
            return [f"{step['id']}: the case cannot be understood: {error}"]
        except (OSError, http.client.HTTPException) as error:
            return [f"{step['id']}: no answer: {type(error).__name__} {error}"]

    def problems_of(self, step):
        time.sleep(step.get("delay_ms", 0) / 1000)
        action = step["action"].upper()
        if action == "WAIT":
            time.sleep(step.get("duration_ms", 0) / 1000)
            return []
        if action == "ASSERT":
            return self.assert_problems(self.memory.fill(step.get("assertions", {})))
        problems = []
        for _ in range(step.get("repeat", 1)):
            problems += self.request_problems(step, action)
        return problems

    def request_problems(self, step, method):
        headers = {k: str(v) for k, v in self.memory.fill(step.get("headers", {})).items()}
        body = None
        if "raw_body" in step:
            body = step["raw_body"].encode()
        elif "body" in step:
            body = json.dumps(self.memory.fill(step["body"])).encode()
        if body is not None and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = MEDIA_TYPE
        answer = send(self.address, method, self.memory.fill(step["path"]), headers, body)
        self.memory.bodies[step["id"]] = answer.body
        for name, path in {**step.get("capture", {}), **step.get("captures", {})}.items():
            value = evaluate(answer.body, self.memory.fill(path))
            if value is not MISSING:
                self.memory.variables[name] = value
        problems = answer_differences(self.memory.fill(step.get("assertions", {})), answer)
        if problems:
            problems[0] += f" (HTTP {answer.status} {answer.text[:300]})"
        return problems

    def assert_problems(self, assertions):
        problems = []
        for name, rule in assertions.items():
            if name == "equality":
                for path, wanted in rule.items():
                    got = evaluate(self.memory.context(), path)
                    if not equal(wanted, got):
                        problems.append(f"{path}: expected {show(wanted)}, got {show(got)}")
            elif name == "exclusive_claim":
                problems += exclusive_claim_problems(rule)
            elif not name.endswith("_comment"):
                raise UnknownMatcher(f"ASSERT {name}")
        return problems


def exclusive_claim_problems(rule):
    """Exactly one of the fetches holds the job, exactly one is empty."""
    holders = sum(
        any(isinstance(job, dict) and job.get("id") == rule["job_id"] for job in fetch)
        for fetch in rule["fetches"] if isinstance(fetch, list))
    empty = sum(fetch == [] for fetch in rule["fetches"])
    if holders == 1 and empty == 1:
        return []
    return [f"exclusive_claim: {holders} fetches hold the job and {empty} are empty, not 1 and 1"]
