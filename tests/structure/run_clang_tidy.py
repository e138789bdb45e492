#!/usr/bin/python3
"""Runs clang-tidy over our C++ files, on all cores, with a compilation database made by GCC.

Most of its time goes into what a file includes, so files of one directory are read together, and
GCC's precompiled header becomes one of clang's. Prints only findings. Usage: run_clang_tidy.py BUILD_DIRECTORY
"""
import collections
import concurrent.futures
import json
import math
import os
import re
import shlex
import subprocess
import sys
import tempfile
import uuid

PRECOMPILED = "cmake/asio_pch.hpp"
CONFIG = os.path.abspath(".clang-tidy")
BATCH = 8
# Warnings are the compiler's business, and one header must serve programs and libraries.
NOT_FOR_CLANG = re.compile(r"-fstack-clash-protection|-W.*|-f(PIC|PIE)|-g\d?")


def for_clang(command, header):
    """The command's words without what concerns GCC alone, and its precompiled header as ours."""
    kept = []
    words = iter(shlex.split(command))
    for word in words:
        if word == "-include":
            next(words)
            kept += ["-include-pch", header]
        elif word == "-o":
            next(words)
        elif word.endswith("ccache"):
            continue
        elif not NOT_FOR_CLANG.fullmatch(word):
            kept.append(word)
    return kept


def precompile(words, header):
    """Compiles the header with the flags of one of its users, `words`."""
    flags = [w for w in words if w.startswith(("-D", "-I", "-std", "-O", "-f", "-U"))
             and not w.startswith("-DSLUICE_")]
    subprocess.run(["clang++", *flags, "-x", "c++-header", PRECOMPILED, "-o", header], check=True)


def read(entries, database):
    """What clang-tidy says of these files, read as one. None when clang cannot parse that."""
    together = os.path.join(database, f"{uuid.uuid4().hex}.cpp")
    with open(together, "w", encoding="utf-8") as file:
        file.writelines(f'#include "{e["file"]}"\n' for e in entries)
    first = entries[0]
    words = [together if word == first["file"] else word for word in first["arguments"]]
    done = subprocess.run(["clang-tidy", "--quiet", f"--config-file={CONFIG}", together, "--",
                           *words[1:]],
                          check=False, capture_output=True, text=True, cwd=first["directory"])
    if "[clang-diagnostic-error]" in done.stdout:
        return None
    return "" if done.returncode == 0 else done.stdout or done.stderr


def check(entries, database):
    """What was found, and the files that this clang cannot parse: clang 14 does not get along with
    all of the ranges of GCC 12's library. Files that do not fit together are read apart."""
    found = read(entries, database)
    if found is not None:
        return found, []
    if len(entries) == 1:
        return "", [entries[0]["file"]]
    half = len(entries) // 2
    parts = [check(part, database) for part in (entries[:half], entries[half:])]
    return parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]


def batches(entries):
    """Files of one directory with the same flags, a few at a time."""
    alike = collections.defaultdict(list)
    for entry in sorted(entries, key=lambda e: e["file"]):
        flags = tuple(word for word in entry["arguments"] if word != entry["file"])
        alike[os.path.dirname(entry["file"]), flags].append(entry)
    for group in alike.values():
        count = math.ceil(len(group) / BATCH)
        yield from (group[i * len(group) // count:(i + 1) * len(group) // count]
                    for i in range(count))


def read_entries(build):
    root = os.getcwd()
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    return [e for e in entries
            if os.path.relpath(e["file"], root).split(os.sep)[0] in ("proto", "client", "server")]


def main():
    entries = read_entries(os.path.abspath(sys.argv[1]))
    assert entries, "no file of ours in compile_commands.json"
    with tempfile.TemporaryDirectory() as database:
        header = os.path.join(database, "asio.pch")
        for entry in entries:
            entry["arguments"] = for_clang(entry.pop("command"), header)
        users = [e["arguments"] for e in entries if "-include-pch" in e["arguments"]]
        precompile(users[0], header)
        work = sorted(batches(entries), key=len, reverse=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(check, work, [database] * len(work)))
    unread = [os.path.relpath(file) for _, files in results for file in files]
    if unread:
        print("not read by this clang:", " ".join(unread), file=sys.stderr)
    assert len(unread) < len(entries) / 10, "clang-tidy reads too little to be of use"
    findings = "".join(text for text, _ in results)
    print(findings, end="", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
