#!/usr/bin/python3
"""Runs clang-tidy over our C++ files, on all cores, with a compilation database made by GCC.

GCC's precompiled header becomes one of clang's, or each file would read Asio and Beast anew.
Prints only findings. Usage: run_clang_tidy.py BUILD_DIRECTORY
"""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

PRECOMPILED = "cmake/asio_pch.hpp"
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


def check(file, database):
    """What was found in one file. None when this clang cannot parse it: clang 14 does not get along
    with all of the ranges of GCC 12's library."""
    done = subprocess.run(["clang-tidy", "--quiet", "-p", database, file],
                          capture_output=True, text=True, check=False)
    if "[clang-diagnostic-error]" in done.stdout:
        return None
    return "" if done.returncode == 0 else done.stdout or done.stderr


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
        with open(os.path.join(database, "compile_commands.json"), "w", encoding="utf-8") as file:
            json.dump(entries, file)
        files = sorted({e["file"] for e in entries})
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            found = dict(zip(files, pool.map(check, files, [database] * len(files))))
    unread = [os.path.relpath(file) for file, text in found.items() if text is None]
    if unread:
        print("not read by this clang:", " ".join(unread), file=sys.stderr)
    assert len(unread) < len(files) / 10, "clang-tidy reads too little to be of use"
    findings = "".join(text for text in found.values() if text)
    print(findings, end="", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
