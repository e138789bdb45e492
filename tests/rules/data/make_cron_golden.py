#!/usr/bin/python3
"""Writes cron_golden.tsv: when cron expressions fire around the changes of the clocks.

An implementation of its own, and the simplest there is: it walks every minute of UTC, looks at the
local clock (zoneinfo, the system's tzdata) and asks whether the fields name what it shows. Run from
any directory; takes half a minute. Run it anew when a zone of the table changes its rules.
"""
import datetime as dt
import pathlib
import re
import zoneinfo

ZONES = """America/New_York America/Los_Angeles America/Sao_Paulo America/St_Johns Europe/London
Europe/Berlin Africa/Cairo Asia/Kolkata Asia/Tokyo Australia/Sydney Australia/Lord_Howe
Pacific/Auckland""".split()
YEARS = range(2020, 2036)
# At given hours: the usual, at midnight, often, by the day of the week. Every hour: often, and once.
EXPRESSIONS = ["30 2 * * *", "0 0 * * *", "*/10 0-3 * * *", "15,45 1,23 * * 0L", "*/20 * * * *",
               "30 * * * 0,5"]
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
WINDOW = 3 * 1440  # minutes


def numbers(field, low, high):
    """The set a field names: lists of *, a, a-b, each with /n."""
    found = set()
    for item in field.split(","):
        base, _, step = item.partition("/")
        first, _, last = (f"{low}-{high}" if base == "*" else base).partition("-")
        found |= set(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


def matcher(expression):
    minute, hour, _, _, weekday = expression.split()
    minutes, hours = numbers(minute, 0, 59), numbers(hour, 0, 23)
    weekdays = numbers(weekday.removesuffix("L"), 0, 6)

    def matches(local):
        if local.minute not in minutes or local.hour not in hours:
            return False
        if local.isoweekday() % 7 not in weekdays:
            return False
        return not weekday.endswith("L") or (local + 7 * DAY).month != local.month

    return matches, len(hours) == 24


def clock(zone, start, minutes):
    """What the local clock shows in each minute from `start` on."""
    tz = zoneinfo.ZoneInfo(zone)
    utc = start.replace(tzinfo=dt.timezone.utc)
    return [(utc + n * MINUTE).astimezone(tz).replace(tzinfo=None) for n in range(minutes)]


def changes(zone, year):
    """The days (UTC) of a year on which the offset changes; two quiet days if there are none."""
    tz = zoneinfo.ZoneInfo(zone)
    days = []
    for n in range(365):
        day = dt.datetime(year, 1, 1, tzinfo=dt.timezone.utc) + n * DAY
        if day.astimezone(tz).utcoffset() != (day + DAY).astimezone(tz).utcoffset():
            days.append(day.replace(tzinfo=None))
    return days or [dt.datetime(year, 3, 28), dt.datetime(year, 10, 25)]


def walk(expression, shown):
    """Minutes of the window that fire, and those at which missing times are told."""
    matches, every_hour = matcher(expression)
    runs, missing, seen = [], [], set()
    before = shown[0] - MINUTE
    for n, local in enumerate(shown, start=-2 * 1440):
        if not every_hour:
            skipped = before + MINUTE
            while skipped < local:
                if matches(skipped) and skipped not in seen:
                    missing.append(n)
                    break
                skipped += MINUTE
        if matches(local) and (every_hour or local not in seen):
            runs.append(n)
        seen.add(local)
        before = local
    return [n for n in runs if n >= 0], [n for n in missing if n >= 0]


def packed(times):
    """"5 25+20x3" is 5, 25, 45, 65, 85: a time, then three more steps of 20 minutes."""
    words, n = [], 0
    while n < len(times):
        end = n + 1
        while end + 1 < len(times) and times[end + 1] - times[end] == times[n + 1] - times[n]:
            end += 1
        if end - n < 2 or end >= len(times):
            words.append(str(times[n]))
            n += 1
        else:
            words.append(f"{times[n]}+{times[n + 1] - times[n]}x{end - n}")
            n = end + 1
    return " ".join(words) or "-"


def main():
    here = pathlib.Path(__file__).parent
    with open("/usr/share/zoneinfo/tzdata.zi", encoding="ascii") as zi:
        version = re.search(r"version (\S+)", zi.readline()).group(1)
    lines = [f"# Made by make_cron_golden.py with tzdata {version}. Zone, expression, first day of a",
             "# window of three days (UTC), minutes of the window that fire, minutes that tell of",
             "# missing times. 25+20x3 is 25 and three more steps of 20."]
    for zone in ZONES:
        for day in (day for year in YEARS for day in changes(zone, year)):
            shown = clock(zone, day - 3 * DAY, 2 * 1440 + WINDOW)
            for expression in EXPRESSIONS:
                runs, missing = map(packed, walk(expression, shown))
                lines.append("\t".join((zone, expression, str((day - DAY).date()), runs, missing)))
    (here / "cron_golden.tsv").write_text("\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
