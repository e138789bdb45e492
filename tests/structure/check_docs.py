#!/usr/bin/python3
"""Checks that what our Markdown pages point at is there: relative links, and paths in backticks.

Run from the root of the repository; prints each dead pointer and ends with 1 if there is one.
"""
import pathlib
import re
import subprocess
import sys

LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:proto|client|server|tests|docs|docker|cmake)/[\w./-]*\.\w+)`")


def dead_pointers(page, text):
    for target in LINK.findall(text):
        if not (page.parent / target).exists():
            yield f"{page}: the link to {target} leads nowhere"
    for target in PATH.findall(text):
        if not pathlib.Path(target).exists():
            yield f"{page}: there is no {target}"


def main():
    here = pathlib.Path("ARCHITECTURE.md")
    assert len(list(dead_pointers(here, "[a](nosuch.md) `proto/nosuch.hpp`"))) == 2
    assert not list(dead_pointers(here, "[a](ARCHITECTURE.md) `proto/job.hpp` [b](https://x.y)"))
    pages = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                           capture_output=True, text=True, check=True).stdout.split()
    dead = [d for page in pages
            for d in dead_pointers(pathlib.Path(page), pathlib.Path(page).read_text(encoding="utf-8"))]
    print("\n".join(dead), end="\n" if dead else "", file=sys.stderr)
    return 1 if dead else 0


if __name__ == "__main__":
    sys.exit(main())
