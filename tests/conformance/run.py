#!/usr/bin/python3
"""Runs Open Job Spec's conformance cases against sluiced.

Each case gets a server of its own with an empty data directory, several at once; with
--shared-server a few servers are kept and reset between cases. Where the cases are not there the
run is skipped.
"""

import argparse
import os
import queue
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cases import KNOWN, CaseRun, find_cases
from server import Server, ServerProblem

SUITES = Path(__file__).resolve().parents[3] / "shared" / "ojs-suites"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sluiced", required=True, type=Path, help="the server's binary")
    parser.add_argument(
        "--suites", type=Path, default=Path(os.environ.get("SLUICE_OJS_SUITES", SUITES)),
        help="directory of the cases (also SLUICE_OJS_SUITES; default %(default)s)")
    parser.add_argument("--levels", default="0,1", help="such as 0,1 or ext (default %(default)s)")
    parser.add_argument("--case", default="", help="only cases whose path contains this")
    parser.add_argument("--jobs", type=int, default=12, help="cases at once (default %(default)s)")
    parser.add_argument("--shared-server", action="store_true",
                        help="keep servers and reset them between cases")
    parser.add_argument("--server-argument", action="append", default=[],
                        help="one more argument for sluiced; may be repeated")
    return parser.parse_args()


def prefixes_of(levels):
    names = [level.strip() for level in levels.split(",")]
    return [f"{name}-" if name == "ext" else f"level-{name}-" for name in names]


def run_on_own_server(case, options):
    server = Server(options.sluiced, options.server_argument)
    try:
        failures = CaseRun(case, server.address).run()
    finally:
        server.stop()
    return failures


class SharedServers:
    """Hands out servers that are kept, each to one case at a time."""

    def __init__(self, options):
        self.options = options
        self.idle = queue.SimpleQueue()

    def run(self, case):
        try:
            server = self.idle.get_nowait()
        except queue.Empty:
            server = Server(self.options.sluiced, self.options.server_argument)
        try:
            server.reset()
            return CaseRun(case, server.address).run()
        finally:
            self.idle.put(server)

    def stop(self):
        while not self.idle.empty():
            self.idle.get().stop()


def run_all(cases, options):
    """Yields each case with its failures, as they end. The longest start first."""
    shared = SharedServers(options) if options.shared_server else None

    def run(case):
        try:
            return case, shared.run(case) if shared else run_on_own_server(case, options)
        except (ServerProblem, OSError) as problem:
            return case, [str(problem)]

    ordered = sorted(cases, key=lambda case: -case.expected_seconds())
    with ThreadPoolExecutor(options.jobs) as pool:
        yield from pool.map(run, ordered)
    if shared:
        shared.stop()


def main():
    options = parse_arguments()
    if not options.suites.is_dir():
        print(f"skipped: there are no conformance cases in {options.suites}")
        return 0
    found = find_cases(options.suites, prefixes_of(options.levels))
    found = [case for case in found if options.case in case.path]
    cases = [case for case in found if case.path not in KNOWN]
    for case in found:
        if case.path in KNOWN:
            print(f"skip {case.path}: {KNOWN[case.path]}")

    started = time.monotonic()
    failed = 0
    for case, failures in run_all(cases, options):
        if failures:
            failed += 1
            name = f"{case.path} ({case.content.get('test_id', '?')})"
            print(f"FAIL {name}: {'; '.join(failures)}", flush=True)
    passed = len(cases) - failed
    seconds = time.monotonic() - started
    print(f"{passed} passed, {failed} failed, {len(found) - len(cases)} skipped in {seconds:.1f} s")
    if not found:
        print(f"no case was found in {options.suites}")
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
