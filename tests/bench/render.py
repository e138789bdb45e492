#!/usr/bin/python3
"""Renders docs/benchmarks.json, which bench_field wrote, into the page and the picture beside it.

No figure of the page is typed by hand: what is between its two marks comes from here, and so does the table
that the README leads with. Run from the root of the repository; with --check nothing is written, and the end
is 1 if a page or the picture differs.
"""
import html
import json
import pathlib
import sys

RESULTS = pathlib.Path("docs/benchmarks.json")
PAGE = pathlib.Path("docs/benchmarks.md")
README = pathlib.Path("README.md")
PICTURE = pathlib.Path("docs/benchmarks.svg")
BEGIN, END = "<!-- figures: tests/bench/render.py -->\n", "<!-- end of figures -->"

OURS, IN_SERVER, STREAM = "Sluice, fsync", "workers in the server", "Sluice, fsync, worker stream"
LIST, ENTRIES = "Redis list, appendfsync always", "Redis stream, appendfsync always"
POSTGRES = "PostgreSQL SKIP LOCKED, synchronous_commit on"

# Row, what is compared, ours (work, name, way), theirs (the best of these), figure, at least or at most.
# "value" is the rate or the median; with a limit on latency less is better.
GOALS = [
    ("P1", "one job a request, 64 connections", ("P1", OURS, ""), [("P1", LIST), ("P1", ENTRIES)], "value", 0.85),
    ("P1", "", ("P1", OURS, ""), [("P1", POSTGRES)], "value", 3),
    ("P1", "", ("P1", OURS, ""), [("P1", "beanstalkd, -f0")], "value", 8),
    ("P2", "one job a request, 1 connection", ("P2", OURS, ""), [("P2", LIST), ("P2", ENTRIES)], "value", 0.8),
    ("P3", "100 jobs a request", ("P3", OURS, ""), [("P3", LIST)], "value", 0.6),
    ("P3", "", ("P3", OURS, ""), [("P3", POSTGRES)], "value", 1.3),
    ("P4", "a stream of lines", ("P3", OURS, "lines"), [("P3", OURS, "jobs/batch")], "value", 1),
    ("P5", "to a worker in the server, one job a request", ("P5", OURS, IN_SERVER), [("P1", OURS)], "value", 0.8),
    ("P5", "", ("P5", OURS, IN_SERVER), [("P5", LIST), ("P5", ENTRIES)], "value", 1.3),
    ("P6", "to a worker in the server, 100 jobs a request", ("P8", OURS, IN_SERVER), [("P8", LIST), ("P8", ENTRIES)],
     "value", 1),
    ("P7", "32 producers, 32 remote workers", ("P7", OURS, ""), [("P7", LIST), ("P7", ENTRIES)], "value", 0.85),
    ("P7", "", ("P7", OURS, ""), [("P7", POSTGRES)], "value", 3),
    ("P8", "remote workers, fetch 100, ack 100", ("P8", OURS, "workers/batch"), [("P8", LIST), ("P8", ENTRIES)], "value",
     1.3),
    ("P9", "creation to start in the server, p50", ("P9", OURS, "worker in the server"), [("P9", LIST), ("P9", ENTRIES)],
     "value", -1.1),
    ("P9", "the same, p99", ("P9", OURS, "worker in the server"), [("P9", LIST), ("P9", ENTRIES)], "p99", -1.5),
    ("P10", "creation to start at a remote worker, p50", ("P9", OURS, "a request"), [("P9", LIST), ("P9", ENTRIES)],
     "value", -1.4),
    ("P10", "the same, p99", ("P9", OURS, "a request"), [("P9", LIST), ("P9", ENTRIES)], "p99", -2),
    ("P10", "the same at 7,000 a second, p50", ("P10", OURS, "a request"), [("P10", LIST), ("P10", ENTRIES)], "value",
     -1),
    ("P11", "creation to start in the server, written, p50", ("P11", "Sluice, written", "worker in the server"),
     [("P11", "Redis list, appendfsync everysec"), ("P11", "Redis stream, appendfsync everysec")], "value", -2),
    ("P12", "bytes of memory for each of a million waiting jobs", ("P12", "Sluice, written", ""), [], "value", -300),
    ("P13", "end to end through Node.js", ("P13", "Sluice", ""), [("P13", "BullMQ")], "value", 1.5),
]

# What the picture shows: works, and how a bar is named.
PANELS = [
    ("P1", "Jobs stored a second, one a request, 64 connections"),
    ("P3", "Jobs stored a second, 100 a request, 4 connections"),
    ("P7", "Jobs a second from 32 producers to 32 workers, one a request"),
    ("P8", "Jobs a second from producers to workers, 100 a request"),
    ("P9", "Microseconds from creation to start, median at 500 jobs a second (shorter is better)"),
    ("P13", "Jobs a second from end to end in one Node.js process"),
]


# The table of the README: what is done, the work, our way, what it counts.
LEAD = [
    ("one job a request, 64 producers", "P1", "", "jobs/s"),
    ("one job a request, 1 producer", "P2", "", "jobs/s"),
    ("100 jobs a request, 4 producers", "P3", "jobs/batch", "jobs/s"),
    ("32 producers to 32 workers", "P7", "", "jobs/s"),
    ("creation to start at 500 jobs/s, median", "P9", "worker in the server", "µs"),
]
LEAD_PEERS = [("Redis", [LIST, ENTRIES]), ("PostgreSQL", [POSTGRES]),
              ("RabbitMQ", ["RabbitMQ quorum queue, confirms"]), ("beanstalkd", ["beanstalkd, -f0"])]


def median(values):
    return sorted(values)[len(values) // 2]


def middle(entry, figure="value"):
    return median([sample[figure] for sample in entry["samples"]])


def number(value):
    """Three digits that mean something."""
    if value == 0:
        return "–"
    if value >= 1000:
        step = 10 ** (len(str(int(value))) - 3)
        return f"{round(value / step) * step:,}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Results:
    def __init__(self, data):
        self.data = data
        self.works = {work["id"]: work for work in data["works"]}

    def entry(self, work, name, way=""):
        """The first measured entry that begins with this name and way, or None."""
        for each in self.works.get(work, {"entries": []})["entries"]:
            if each["name"] == name or (way == "" and each["name"].startswith(name + " ")) \
                    or each["name"].startswith(name + ", node"):
                if each["way"].startswith(way) and each["samples"]:
                    return each
        return None


def meets(reached, limit):
    """A limit below zero is one from above."""
    return reached <= -limit if limit < 0 else reached >= limit


def beside_limit(reached, limit):
    """Two decimals, or as many as it takes not to look like the other side of the limit."""
    texts = (f"{reached:.{decimals}f}" for decimals in range(2, 10))
    return next(text for text in texts if meets(float(text), limit) == meets(reached, limit))


def goal_rows(results):
    for row, what, ours, theirs, figure, limit in GOALS:
        our_entry = results.entry(*ours)
        peers = [p for p in (results.entry(*each) for each in theirs) if p]
        if our_entry is None or theirs and not peers:
            continue
        less = limit < 0
        reached, name = middle(our_entry, figure), ""
        if peers:
            peer = (min if less else max)(peers, key=lambda p: middle(p, figure))
            reached /= middle(peer, figure)
            name = title_of(peer) if peer["name"] == OURS else peer["name"]
            if theirs[0][0] != ours[0]:
                name += f" in {theirs[0][0]}"
        yield (f"| {row} | {what} | {name} | {'≤' if less else '≥'} {abs(limit):g} | "
               f"{beside_limit(reached, limit)} | {'yes' if meets(reached, limit) else 'no'} |")


def goals(results):
    return ["| row | work | beside | goal | reached | met |", "|---|---|---|---|---|---|", *goal_rows(results), ""]


def title_of(entry):
    return entry["name"] + (f" ({entry['way']})" if entry["way"] else "")


def table(work):
    latency, bytes_each = work["unit"] == "us", work["unit"] == "bytes"
    measured = [e for e in work["entries"] if e["samples"]]
    lines = [f"### {work['id']}: {work['title']}", ""]
    if work["id"] == "floor":
        lines = [f"### {work['title']}", ""]
    if measured:
        unit = {"us": "p50, µs", "bytes": "bytes"}.get(work["unit"], work["unit"].replace("jobs", "")
                                                        if work["id"] == "floor" else "jobs/s")
        unit = "times a second" if work["id"] == "floor" else unit
        head = ["", "promise", unit, "least to most"] + (["p99, µs", "load late, p99"] if latency else [])
        head += ["first ÷ this"] if work["id"] != "floor" else []
        head += [] if bytes_each else ["server", "load"]
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        base = middle(measured[0])
        for entry in measured:
            values = [sample["value"] for sample in entry["samples"]]
            cells = [title_of(entry), entry["promise"], number(median(values)),
                     f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""]
            if work["id"] == "floor":
                cells[1] = ""
            if latency:
                cells += [number(middle(entry, "p99")), number(middle(entry, "load_p99"))]
            if work["id"] != "floor":
                cells.append(f"{base / median(values):.2f}")
            if not bytes_each:
                cells += [f"{middle(entry, 'server_us'):.1f} µs", f"{middle(entry, 'load_us'):.1f} µs"]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    skipped = [f"{title_of(e)}: {e['fault'].splitlines()[0][:80]}" for e in work["entries"] if not e["samples"]]
    if skipped:
        lines += ["Not measured: " + "; ".join(skipped) + ".", ""]
    return lines


def shares(results):
    """Where the time of P1 and P2 goes, as far as processor time and the floor tell."""
    lines = []
    for work, how in (("P1", "On 64 connections"), ("P2", "On one connection")):
        said = []
        for name in (OURS, LIST):
            entry = results.entry(work, name)
            if entry:
                rate, server, load = (middle(entry, each) for each in ("value", "server_us", "load_us"))
                said.append(f"{name.split(',')[0]} took {1e6 / rate:.0f} µs a job, in which its server was busy for "
                            f"{server:.0f} µs ({rate * server / 1e4:.0f} % of a processor) and the load for {load:.0f} µs")
        if said:
            lines.append(f"{how} " + "; ".join(said) + ".")
    synced = results.entry("floor", "4 KiB appended and synced")
    if synced:
        lines.append(f"One write and sync of 4 KiB took {1e6 / middle(synced):.0f} µs.")
    return [" ".join(lines), ""] if lines else []


def figures(results):
    data = results.data
    machine = data["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in data["versions"].items())
    lines = [f"{machine['processors']} processors, {machine['memory_gib']} GiB, {machine['system']}, data on "
             f"{machine['disk']}; {versions}. Medians of {data['rounds']} rounds, of {data['seconds']:g} s each after "
             f"{data['lead_in']:g} s that do not count, latency of {data['latency_jobs']:,} jobs a round at 500/s. When it began, {machine['load_before']:.1f} programs "
             f"wanted a processor; this run took {data['minutes']:.0f} minutes.", "",
             "![What is synced before the answer, side by side](benchmarks.svg)", "",
             "## What was to be reached", "", *goals(results)]
    less = [w for w in data["works"] if w["id"].endswith("w") or w["id"] in ("P11", "P12")]
    synced = [w for w in data["works"] if w not in less and w["id"] != "floor"]
    lines += ["## Synced before the answer", ""]
    for work in synced:
        lines += table(work)
    lines += ["## Less than synced", ""]
    for work in less:
        lines += table(work)
    lines += ["## The floor of this run", ""]
    lines += table(results.works["floor"])[2:] if "floor" in results.works else []
    lines += ["## Where time goes", "", *shares(results)]
    return "\n".join(lines)


def lead(results):
    """What the README shows: the better of Redis' two ways, and each job synced before its answer on all sides."""
    lines = ["| synced before the answer | Sluice | " + " | ".join(name for name, _ in LEAD_PEERS) + " |",
             "|---|---|" + "---|" * len(LEAD_PEERS)]
    for what, work, way, unit in LEAD:
        ours = results.entry(work, OURS, way)
        if ours is None:
            continue
        cells = [what, f"{number(middle(ours))} {unit}"]
        for _, names in LEAD_PEERS:
            known = [middle(e) for e in (results.entry(work, name) for name in names) if e]
            cells.append(f"{number((min if unit == 'µs' else max)(known))} {unit}" if known else "–")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def between(path, new):
    """The text of the file with what stands between its marks replaced."""
    before, mark, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    assert mark and END in rest, f"{path} has lost its marks"
    return before + BEGIN + "\n" + new + "\n" + rest[rest.index(END):]


def bars(results):
    """(title, [(name, value, least, most, ours)]) for each panel."""
    for work, title in PANELS:
        rows = []
        for entry in results.works.get(work, {"entries": []})["entries"]:
            if not entry["samples"]:
                continue
            values = [sample["value"] for sample in entry["samples"]]
            ours = entry["name"].startswith("Sluice")
            rows.append((title_of(entry) if ours else entry["name"], median(values), min(values), max(values), ours))
        if rows:
            yield title, sorted(rows, key=lambda row: row[1], reverse=work != "P9")


def picture(results):
    width, left, right, step = 800, 320, 80, 20
    y, parts = 20, []

    def text(x, at, anchor, what, more=""):
        parts.append(f'<text x="{x:.0f}" y="{at:.0f}" text-anchor="{anchor}"{more}>{html.escape(what)}</text>')

    for title, rows in bars(results):
        text(12, y + 12, "start", title, ' font-weight="bold"')
        y += 24
        scale = (width - left - right) / max(most for _, _, _, most, _ in rows)
        for name, value, least, most, ours in rows:
            text(left - 8, y + 12, "end", name)
            colour = "#0072b2" if ours else "#8c8c8c"
            parts.append(f'<rect x="{left}" y="{y}" width="{max(1, value * scale):.1f}" height="15" fill="{colour}"/>')
            parts.append(f'<line x1="{left + least * scale:.1f}" y1="{y + 7.5}" x2="{left + most * scale:.1f}" '
                         f'y2="{y + 7.5}" stroke="#222"/>')
            text(left + most * scale + 6, y + 12, "start", number(value))
            y += step
        y += 14
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}" '
            f'font-family="sans-serif" font-size="11.5" fill="#222">\n'
            f'<title>Sluice beside other job servers: medians, with the least and the most as a line</title>\n'
            f'<rect width="{width}" height="{y}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def self_test():
    assert [number(v) for v in (61234, 999.6, 45.67, 3.14159)] == ["61,200", "1000", "45.7", "3.14"]
    assert [beside_limit(*v) for v in ((0.596, 0.6), (0.6, 0.6), (0.854, 0.85), (2.004, -2))] == \
        ["0.596", "0.60", "0.85", "2.004"]
    samples = [{"value": v, "p99": v, "load_p99": 0, "server_us": 1, "load_us": 1} for v in (1, 9, 5)]
    work = {"id": "P1", "title": "t", "unit": "jobs/s", "entries": [
        {"name": OURS, "way": "", "promise": "synced", "samples": samples},
        {"name": LIST, "way": "", "promise": "synced", "samples": samples[1:2]}]}
    results = Results({"works": [work]})
    rows = list(goal_rows(results))
    assert len(rows) == 1 and "| 0.56 | no |" in rows[0], rows


def main():
    self_test()
    results = Results(json.loads(RESULTS.read_text(encoding="utf-8")))
    new = {PAGE: between(PAGE, figures(results)), README: between(README, lead(results) + "\n"),
           PICTURE: picture(results)}
    differ = [path for path, text in new.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in differ:
            print(f"{path} is not what tests/bench/render.py makes of {RESULTS}", file=sys.stderr)
        return 1 if differ else 0
    for path in differ:
        path.write_text(new[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
