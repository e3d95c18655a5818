#!/usr/bin/env python3
"""Writes golden.txt: when cron expressions are due around changes of the clocks, found minute by minute.

    python3 make_golden.py > golden.txt

Each line: zone | expression | first minute | last minute | minutes at which it is due, from the first one. Minutes are
counted since 1970 in UTC. The zones are those in the folder zoneinfo beside this file.
"""
import calendar
import datetime
import pathlib
import random
import zoneinfo

UTC = datetime.timezone.utc
FOLDER = pathlib.Path(__file__).parent / "zoneinfo"
ZONES = ["Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Australia/Sydney"]
AT_CHANGES = [
    "30 2 * * *", "0 0 * * *", "0,30 0,1,2,3 * * *", "15 * * * *", "*/20 1-3 * * *", "30 02/4 * * *", "45 1 * * 0,5",
    "10 23 * * *", "5,35 0-3 * * *", "30 0 * * *",
]
RANGES = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


def values(text, low, high):
    found = set()
    for item in text.split(","):
        base, _, step = item.partition("/")
        if base == "*":
            first, last = low, high
        elif "-" in base:
            first, last = map(int, base.split("-"))
        else:
            first = int(base)
            last = high if step else first
        found.update(range(first, last + 1, int(step or 1)))
    return found


class Cron:
    def __init__(self, text):
        fields = text.split()
        self.sets = [values(field, *bounds) for field, bounds in zip(fields, RANGES)]
        self.either = fields[2][0] != "*" and fields[4][0] != "*"
        self.fixed = not any(sign in field for sign in "*/-" for field in fields[:2])

    def day(self, date):
        weekday = date.isoweekday() % 7
        in_weekdays = weekday in self.sets[4] or (weekday == 0 and 7 in self.sets[4])
        in_days = date.day in self.sets[2]
        if date.month not in self.sets[3]:
            return False
        return in_days or in_weekdays if self.either else in_days and in_weekdays

    def matches(self, wall):
        return wall.minute in self.sets[0] and wall.hour in self.sets[1] and self.day(wall.date())


def walk(zone, first, last):
    for minute in range(first, last + 1):
        moment = datetime.datetime.fromtimestamp(minute * 60, UTC)
        yield minute, moment.astimezone(zone).replace(tzinfo=None, fold=0)


def due(cron, zone, first, last):
    if not cron.fixed:
        return [minute for minute, wall in walk(zone, first, last) if cron.matches(wall)]
    # Two days more on both sides: a time may be due on the wall and come later.
    steps = list(walk(zone, first - 2880, last + 2880))
    shown, found = {}, set()
    for minute, wall in steps:
        shown.setdefault(wall, minute)
    date, end = steps[0][1].date() + datetime.timedelta(days=1), steps[-1][1].date()
    while date < end:
        for hour in cron.sets[1] if cron.day(date) else []:
            for minute in cron.sets[0]:
                wanted = datetime.datetime.combine(date, datetime.time(hour, minute))
                if wanted in shown:
                    found.add(shown[wanted])
                else:
                    found.add(next(minute for minute, wall in steps if wall > wanted))
        date += datetime.timedelta(days=1)
    return sorted(minute for minute in found if first <= minute <= last)


def changes(zone, years):
    for year in years:
        start = calendar.timegm((year, 1, 1, 0, 0, 0)) // 3600
        before = None
        for hour in range(start, start + 24 * (366 if calendar.isleap(year) else 365)):
            offset = datetime.datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
            if before is not None and offset != before:
                yield hour * 60
            before = offset


def line(name, zone, text, first, last):
    minutes = due(Cron(text), zone, first, last)
    print(name, text, first, last, ",".join(str(minute - first) for minute in minutes), sep="|")


def field(random, low, high):
    kind = random.randrange(4)
    if kind == 0:
        return "*"
    if kind == 1:
        return ",".join(str(random.randint(low, high)) for _ in range(random.randint(1, 3)))
    if kind == 2:
        first = random.randint(low, high)
        return f"{first}-{random.randint(first, high)}"
    return f"*/{random.randint(2, high - low)}"


def main():
    chance = random.Random(16)
    for name in ZONES:
        with open(FOLDER / name, "rb") as file:
            zone = zoneinfo.ZoneInfo.from_file(file, name)
        for change in changes(zone, list(range(2024, 2031)) + [2037, 2038, 2061]):
            for text in AT_CHANGES:
                line(name, zone, text, change - 1000, change + 1000)
        for _ in range(24):
            text = " ".join(field(chance, *bounds) for bounds in RANGES)
            cron = Cron(text)
            if not any(cron.day(datetime.date(2028, 1, 1) + datetime.timedelta(days=day)) for day in range(366)):
                continue
            first = calendar.timegm((2028, chance.randint(1, 11), chance.randint(1, 28), 0, 0, 0)) // 60
            line(name, zone, text, first, first + (2 if text.startswith("*") else 20) * 1440)


main()
