#!/usr/bin/python3
"""Runs clang-tidy over our C++ files, on all cores, with a compilation database made by GCC.

GCC's precompiled headers and a few of its flags mean nothing to clang, so they are left out. Prints
only findings. Usage: run_clang_tidy.py BUILD_DIRECTORY
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

# Warnings are the compiler's business.
NOT_FOR_CLANG = re.compile(r"-fstack-clash-protection|-W.*|-fcoroutines")


def without_gcc_parts(command):
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word == "-include":
            next(words)
        elif not NOT_FOR_CLANG.fullmatch(word):
            kept.append(word)
    return shlex.join(kept)


def check(file, database):
    done = subprocess.run(["clang-tidy", "--quiet", "-p", database, file],
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout or done.stderr


def main():
    build = os.path.abspath(sys.argv[1])
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    root = os.getcwd()
    ours = [e for e in entries
            if not e["file"].startswith(build)
            and os.path.relpath(e["file"], root).split(os.sep)[0] in ("proto", "client", "server")]
    for entry in ours:
        entry["command"] = without_gcc_parts(entry["command"])
    failed = False
    with tempfile.TemporaryDirectory() as database:
        with open(os.path.join(database, "compile_commands.json"), "w", encoding="utf-8") as file:
            json.dump(ours, file)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            files = sorted({e["file"] for e in ours})
            for code, text in pool.map(check, files, [database] * len(files)):
                if code != 0:
                    failed = True
                    print(text, end="", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
