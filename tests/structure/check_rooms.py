#!/usr/bin/python3
"""Follows every #include of ours and compares it with the table of rooms in ARCHITECTURE.md.

A room may include itself and what the table lists, each room only rooms above it. Run from the root
of the repository; prints each arrow that is not allowed and ends with 1 if there is one.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\| `([\w/]+)` \| .* \|([^|]*)\|$", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include "([^"]+)"', re.MULTILINE)
TOP_FOLDERS = ("proto", "client", "server")


def read_rooms(page):
    """Room to the rooms it may use, in the order of the table."""
    return {room: set(re.findall(r"`([\w/]+)`", uses)) for room, uses in ROW.findall(page)}


def room_of(path, rooms):
    """The innermost room that holds this path; None for a file in no room, such as main.cpp."""
    inside = [room for room in rooms if path.startswith(room + "/")]
    return max(inside, key=len, default=None)


def faults_of_table(rooms):
    above = set()
    for room, uses in rooms.items():
        for used in sorted(uses - above):
            yield f"ARCHITECTURE.md: {room} may use {used}, which does not stand above it"
        above.add(room)


def faults_of_file(path, text, rooms):
    room = room_of(path, rooms)
    for included in INCLUDE.findall(text):
        target = room_of(included, rooms)
        if target is None:
            yield f'{path}: "{included}" is not a path from the root into a room'
        elif room is not None and target != room and target not in rooms[room]:
            yield f"{path}: {room} must not use {target} ({included})"


def self_test():
    """A check that finds nothing proves nothing unless it can find something."""
    rooms = {"proto": set(), "server/queue": {"proto"}, "server/http": {"proto", "server/queue"}}
    bad = list(faults_of_file("server/queue/a.cpp", '#include "server/http/b.hpp"\n', rooms))
    good = list(faults_of_file("server/http/a.cpp", '#include "server/queue/b.hpp"\n', rooms))
    lost = list(faults_of_file("proto/a.cpp", '#include "b.hpp"\n', rooms))
    cycle = list(faults_of_table({"a": {"b"}, "b": {"a"}}))
    assert len(bad) == 1 and not good and len(lost) == 1 and len(cycle) == 1


def main():
    self_test()
    rooms = read_rooms(pathlib.Path("ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert "server/app" in rooms, "the table of rooms in ARCHITECTURE.md cannot be read"
    faults = list(faults_of_table(rooms))
    files = [f for top in TOP_FOLDERS for f in pathlib.Path(top).rglob("*.[ch]pp")]
    for file in sorted(files):
        faults += faults_of_file(file.as_posix(), file.read_text(encoding="utf-8"), rooms)
    print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
