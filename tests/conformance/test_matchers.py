#!/usr/bin/python3
"""Tests of the runner itself: a matcher that holds for everything would pass every server."""

import http.server
import json
import threading
import unittest

from cases import Answer, Case, CaseRun, exclusive_claim_problems
from matchers import UnknownMatcher, answer_differences, difference, status_difference
from paths import MISSING, Memory, PathError, evaluate

ID = "019539a4-b68c-7def-8000-1a2b3c4d5e6f"
UUIDV4 = "550e8400-e29b-41d4-a716-446655440000"

# matcher, values that hold, values that do not
MATCHERS = [
    ("available", ["available"], ["Available", "", None, MISSING, ["available"]]),
    (1, [1, 1.0], [2, "1", True, None, MISSING]),
    (0, [0], [False, None, "", MISSING]),
    (True, [True], [1, "true", False, None, MISSING]),
    (False, [False], [0, None, MISSING, ""]),
    (None, [None, MISSING], [0, "", False, []]),
    ("any", [0, "", False, []], [None, MISSING]),
    ("exists", [0, "", {}], [None, MISSING]),
    ("absent", [None, MISSING], [0, "", False, [], {}]),
    ("string:nonempty", ["x"], ["", None, MISSING, 1, ["x"]]),
    ("string:non_empty", ["x"], ["", None, 1]),
    ("string:uuid", [ID, ID.upper(), UUIDV4], [ID[:-1], "", None]),
    ("string:uuidv7", [ID], [ID.upper(), UUIDV4, ID + "0", None]),
    ("string:datetime",
     ["2026-02-12T10:30:00Z", "2026-02-12T10:30:00.123456Z", "2026-02-12T10:30:00+01:00"],
     ["2026-02-12", "2026-02-30T10:30:00Z", "2026-02-12T10:30:00", "2026-02-12 10:30:00Z", 7,
      None]),
    ("string:contains:bad", ["so bad here"], ["ba d", "", None, ["bad"]]),
    ("string:pattern(^a+$)", ["aa"], ["ab", "", None, 1]),
    ("number:positive", [1, 0.5], [0, -1, "1", True, None, MISSING]),
    ("number:non_negative", [0, 3], [-1, "0", False, None, MISSING]),
    ("number:range(400,422)", [400, 409, 422], [399, 423, "400", None, MISSING]),
    ("number:range(-1.5, 2)", [-1.5, 2], [-1.6, 2.1]),
    ("~1000", [500, 1000, 1500], [499, 1501, "1000", None, MISSING]),
    ("~20", [0, 120], [121, None]),
    ("array:empty", [[]], [[1], None, MISSING, {}, ""]),
    ("array:nonempty", [[0]], [[], None, MISSING, "x"]),
    ("array:length:2", [[1, 2]], [[1], [1, 2, 3], None, "ab"]),
    ("array:length(0)", [[]], [[1], None, MISSING]),
    ("array:min:2", [[1, 2], [1, 2, 3]], [[1], None, "abc"]),
    ("array:min_length:1", [[1]], [[], None, MISSING]),
    ("contains:a", [["a", "b"]], [["b"], [], "a", None, MISSING]),
    ("not_contains:a", [["b"], []], [["a"], "b", None, MISSING]),
    ([1, "any"], [[1, 5]], [[1], [1, None], [2, 5], [1, 5, 6], None, "1"]),
    ({"a": 1}, [{"a": 1, "b": 2}], [{"a": 2}, {}, None, MISSING, [1]]),
    ({"a": {"b": "any"}}, [{"a": {"b": 0}}], [{"a": {}}, {"a": 1}, {"a": {"b": None}}]),
    ({}, [{}, {"a": 1}], [None, MISSING, []]),
    ({"$exists": True}, [0, "", []], [None, MISSING]),
    ({"$exists": False}, [None, MISSING], [0, ""]),
    ({"$type": "string"}, [""], [1, None, MISSING, []]),
    ({"$type": "number"}, [1, 1.5], ["1", True, MISSING]),
    ({"$type": "boolean"}, [False], [0, None, MISSING]),
    ({"$type": "null"}, [None], [MISSING, 0, ""]),
    ({"$type": "array"}, [[]], [{}, "x", MISSING]),
    ({"$type": "object"}, [{}], [[], None, MISSING]),
    ({"$match": "^a.c$"}, ["abc"], ["abcd", "", None, 1, MISSING]),
    ({"$eq": "x"}, ["x"], ["y", None, MISSING]),
    ({"$in": ["a", "b"]}, ["a", "b"], ["c", None, MISSING, ["a"]]),
    ({"$in": [200, 409]}, [200], [201, "200", MISSING]),
    ({"$or": ["absent", "string:uuid"]}, [MISSING, ID], ["x", 1]),
    ({"$size": 0}, [[]], [[1], None, MISSING, ""]),
    ({"$size": {"$gte": 1}}, [[1], [1, 2]], [[], None, "ab", MISSING]),
    ({"$gte": 3}, [3, 4.5], [2, "4", None, MISSING, True]),
    ({"$exists": True, "$type": "string"}, ["x"], [1, None, MISSING]),
    ({"range": {"min": 1000, "max": 3000}}, [1000, 3000], [999, 3001, "2000", None, MISSING]),
]

JOBS = {"jobs": [{"id": "a", "n": [[1, 2], [3]]}, {"id": "b", "n": None}], "x-y": 1, "zero": 0}

# path, value
PATHS = [
    ("$", JOBS),
    ("$.jobs[0].id", "a"),
    ("$.jobs[0].n[0][1]", 2),
    ("$.jobs[1].n", None),
    ("$.jobs[2].id", MISSING),
    ("$.jobs[0].nothing", MISSING),
    ("$.nothing.at.all", MISSING),
    ("$.jobs.id", MISSING),
    ("$.x-y", 1),
    ("$.zero", 0),
    ("$.jobs[*].id", ["a", "b"]),
    ("$.jobs[*].nothing", []),
    ("$.jobs[?(@.id=='b')].id", "b"),
    ("$.jobs[?(@.id=='a')].n[1][0]", 3),
    ("$.jobs[?(@.id=='c')]", MISSING),
    ("$.jobs[?(@.id=='c')].id", MISSING),
]


def answer(status=200, body="{}", headers=None, elapsed=10):
    return Answer(status, headers or {}, body, elapsed)


class Matchers(unittest.TestCase):
    def test_each_matcher_holds_for_what_it_should_and_for_nothing_else(self):
        for matcher, good, bad in MATCHERS:
            for value in good:
                with self.subTest(matcher=matcher, value=value):
                    self.assertIsNone(difference(matcher, value))
            for value in bad:
                with self.subTest(matcher=matcher, value=value):
                    self.assertIsNotNone(difference(matcher, value))

    def test_an_unknown_matcher_is_an_error_and_not_a_pass(self):
        for matcher in ("string:uuidv9", "number:odd", "array:sorted", {"$near": 1},
                        {"$type": "strnig"}):
            with self.subTest(matcher=matcher), self.assertRaises(UnknownMatcher):
                difference(matcher, "x")
        with self.assertRaises(UnknownMatcher):
            answer_differences({"statsu": 200}, answer())
        with self.assertRaises(UnknownMatcher):
            answer_differences({"timing_ms": {"at_most": 3}}, answer())

    def test_paths(self):
        for path, value in PATHS:
            with self.subTest(path=path):
                self.assertEqual(evaluate(JOBS, path), value)
        self.assertIs(evaluate(MISSING, "$.a"), MISSING)
        for path in ("jobs", "$.jobs[", "$.jobs[x]", "$..id"):
            with self.subTest(path=path), self.assertRaises(PathError):
                evaluate(JOBS, path)


class Assertions(unittest.TestCase):
    def holds(self, assertions, **parts):
        return answer_differences(assertions, answer(**parts)) == []

    def test_status(self):
        for matcher, good, bad in [(201, 201, 200), ("number:range(400,422)", 409, 500),
                                   ("one_of:200,409", 409, 404), ({"$in": [200, 204]}, 204, 201)]:
            with self.subTest(matcher=matcher):
                self.assertIsNone(status_difference(matcher, good))
                self.assertIsNotNone(status_difference(matcher, bad))
        self.assertTrue(self.holds({"status_in": [200, 201]}, status=201))
        self.assertFalse(self.holds({"status_in": [200, 201]}, status=202))

    def test_headers_are_found_in_any_case(self):
        headers = {"content-type": "text/plain"}
        self.assertTrue(self.holds({"headers": {"Content-Type": "text/plain"}}, headers=headers))
        self.assertTrue(self.holds({"headers": {"X": {"$exists": False}}}, headers=headers))
        self.assertFalse(self.holds({"headers": {"Content-Type": "text"}}, headers=headers))
        self.assertFalse(self.holds({"headers": {"X-Other": {"$exists": True}}}, headers=headers))

    def test_bodies(self):
        body = '{"job":{"state":"active"}}'
        rows = [
            ({"body": {"$.job.state": "active"}}, True),
            ({"body": {"$.job.state": "active", "$.job.id": "any"}}, False),
            ({"body": {"$or": [{"$.nothing": "any"}, {"$.job.state": "active"}]}}, True),
            ({"body": {"$or": [{"$.nothing": "any"}, {"$.job.state": "done"}]}}, False),
            ({"body": {"$empty": True}}, False),
            ({"body_absent": ["$.job.error"]}, True),
            ({"body_absent": ["$.job.state"]}, False),
            ({"body_contains": ["active"]}, True),
            ({"body_contains": ["passive"]}, False),
        ]
        for assertions, expected in rows:
            with self.subTest(assertions=assertions):
                self.assertEqual(self.holds(assertions, body=body), expected)
        self.assertTrue(self.holds({"body": {"$empty": True}}, body=""))
        self.assertFalse(self.holds({"body": {"$.job": "any"}}, body="not json"))

    def test_times(self):
        for rule, expected in [({"less_than": 200}, True), ({"less_than": 100}, False),
                               ({"greater_than": 100}, True), ({"greater_than": 200}, False),
                               ({"approximate": 200}, True), ({"approximate": 900}, False)]:
            with self.subTest(rule=rule):
                self.assertEqual(self.holds({"timing_ms": rule}, elapsed=150), expected)

    def test_an_exclusive_claim_has_one_winner_and_one_that_got_nothing(self):
        job = [{"id": "a"}]
        self.assertEqual(exclusive_claim_problems({"job_id": "a", "fetches": [job, []]}), [])
        for fetches in ([job, job], [[], []], [[{"id": "b"}], []], [job, [{"id": "b"}]]):
            with self.subTest(fetches=fetches):
                problems = exclusive_claim_problems({"job_id": "a", "fetches": fetches})
                self.assertEqual(len(problems), 1)


class Templates(unittest.TestCase):
    def setUp(self):
        self.memory = Memory()
        self.memory.bodies["step-1"] = {"job": {"id": "a", "n": 3}, "jobs": [{"id": "b"}]}
        self.memory.variables["name"] = "value"

    def test_a_template_keeps_the_type_of_what_it_stands_for(self):
        fill = self.memory.fill
        self.assertEqual(fill("{{steps.step-1.response.body.job.n}}"), 3)
        self.assertEqual(fill("{{steps.step-1.response.body.jobs[0].id}}"), "b")
        self.assertEqual(fill("{{steps.step-1.response.body}}")["job"]["id"], "a")
        self.assertEqual(fill("/jobs/{{steps.step-1.response.body.job.n}}/x"), "/jobs/3/x")
        self.assertEqual(fill({"k": ["{{name}}", "a ${name}"]}), {"k": ["value", "a value"]})
        self.assertEqual(fill({"$.jobs[?(@.id=='{{name}}')]": 1}), {"$.jobs[?(@.id=='value')]": 1})

    def test_one_that_cannot_be_resolved_stays(self):
        for text in ("{{steps.step-2.response.body.job.id}}", "{{other}}", "/a/${other}",
                     "{{steps.step-1.response.body.job.other}}"):
            self.assertEqual(self.memory.fill(text), text)


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers what it was asked."""

    calls = 0

    def do_POST(self):
        Echo.calls += 1
        length = int(self.headers.get("Content-Length", 0))
        told = {"got": self.rfile.read(length).decode(), "calls": Echo.calls, "path": self.path,
                "type": self.headers.get("Content-Type")}
        text = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Runs(unittest.TestCase):
    def setUp(self):
        Echo.calls = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()

    def run_case(self, **content):
        return CaseRun(Case("test", content), self.server.server_address).run()

    def test_a_case_passes_when_all_holds_and_fails_at_the_step_that_does_not(self):
        first = {"id": "s1", "action": "POST", "path": "/a", "body": {"k": 1},
                 "captures": {"where": "$.path"},
                 "assertions": {"status": 200, "body": {"$.got": '{"k": 1}'}}}
        second = {"id": "s2", "action": "POST", "path": "/b{{where}}", "raw_body": "{ no",
                  "assertions": {"body": {"$.got": "{ no", "$.path": "/b/a",
                                          "$.type": "application/openjobspec+json"}}}
        self.assertEqual(self.run_case(steps=[first, second]), [])
        second["assertions"]["body"]["$.path"] = "/c"
        failures = self.run_case(steps=[first, second])
        self.assertEqual(len(failures), 1)
        self.assertIn("s2: $.path: expected \"/c\", got \"/b/a\"", failures[0])

    def test_repeat_parallel_assert_and_setup(self):
        together = [{"id": "a", "action": "post", "path": "/a", "repeat": 3},
                    {"id": "b", "action": "POST", "path": "/b", "parallel_with": "a"}]
        check = {"id": "c", "action": "ASSERT",
                 "assertions": {"equality": {"$.steps.b.response.body.path": "/b"}}}
        self.assertEqual(self.run_case(steps=[*together, check]), [])
        self.assertEqual(Echo.calls, 4)
        check["assertions"]["equality"]["$.steps.b.response.body.path"] = "/a"
        self.assertEqual(len(self.run_case(steps=[*together, check])), 1)
        bad = {"id": "s", "action": "POST", "path": "/", "assertions": {"status": 500}}
        self.assertIn("setup s", self.run_case(setup={"steps": [bad]}, steps=[])[0])
        self.assertEqual(self.run_case(teardown={"steps": [bad]}, steps=[]), [])

    def test_a_server_that_does_not_answer_is_a_failure(self):
        self.server.shutdown()
        self.server.server_close()
        failures = self.run_case(steps=[{"id": "s", "action": "POST", "path": "/"}])
        self.assertIn("no answer", failures[0])
        self.setUp()


if __name__ == "__main__":
    unittest.main()
