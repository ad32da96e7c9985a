#!/usr/bin/env python3
"""schedule_next_test.py EXOSPHERE: `schedule next` against a daemon written apart, on real time zones, and the
examples of docs/schedules.md.

The daemon wakes up at each minute of days around a change of the clock, as Vixie cron does. The seed is printed;
SCHEDULE_SEED=N repeats a run.
"""
import datetime
import json
import os
import pathlib
import random
import re
import shlex
import subprocess
import sys
import zoneinfo

UTC = datetime.timezone.utc
# A zone and a day near which its clock is changed.
CHANGES = [("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"), ("Australia/Lord_Howe", "2026-04-04"),
           ("Australia/Lord_Howe", "2026-10-03"), ("America/Havana", "2026-03-08"), ("America/Havana", "2026-11-01"),
           ("Antarctica/Troll", "2026-03-29"), ("Antarctica/Troll", "2026-10-25"), ("Pacific/Apia", "2011-12-30"),
           ("Africa/Casablanca", "2026-02-15"), ("Africa/Casablanca", "2026-03-22"), ("Asia/Kathmandu", "1985-12-31"),
           ("Antarctica/Casey", "2010-03-04"), ("Antarctica/Casey", "2011-10-27"), ("America/New_York", "2050-03-13"),
           ("Europe/Dublin", "2040-10-28"), ("Asia/Pyongyang", "2018-05-04"), ("America/Caracas", "2016-05-01")]
NAMES = dict(zip("jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat".split(),
                 list(range(1, 13)) + list(range(7))))


def field_set(text, low, high):
    result = set()
    for part in text.split(","):
        part, _, step = part.partition("/")
        first, _, last = (f"{low}-{high}" if part == "*" else part).partition("-")
        values = [int(NAMES.get(word, word)) for word in (first, last or first)]
        result |= set(range(values[0], values[1] + 1, int(step or 1)))
    return result


class Daemon:
    def __init__(self, text):
        fields = text.split()
        stars = [field.startswith("*") for field in fields]
        self.minutes, self.hours, self.days, self.months, weekdays = [
            field_set(field, *bounds) for field, bounds in
            zip(fields, [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)])]
        self.weekdays = {day % 7 for day in weekdays}
        self.either = not stars[2] and not stars[4]
        self.fixed = not stars[0] and not stars[1]

    def is_match(self, local_minute):
        local = datetime.datetime(1970, 1, 1) + datetime.timedelta(minutes=local_minute)
        day, weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return (local.minute in self.minutes and local.hour in self.hours and local.month in self.months
                and (day or weekday if self.either else day and weekday))

    def fires(self, zone, begin, minutes):
        """Instants in begin < instant <= begin + minutes."""
        passed = None
        for minute in range(minutes + 1):
            now = begin + datetime.timedelta(minutes=minute)
            clock = int((now.astimezone(zone).replace(tzinfo=None) - datetime.datetime(1970, 1, 1)).total_seconds()) // 60
            difference = 1 if passed is None else clock - passed
            if passed is None or abs(difference) > 180 or not self.fixed:
                passed = clock
                is_due = self.is_match(clock)
            else:
                is_due = any([self.is_match(skipped) for skipped in range(passed + 1, clock + 1)])
                passed = max(passed, clock)
            if is_due and minute > 0:
                yield now


def check_docs(exosphere):
    page = pathlib.Path(__file__).parents[2] / "docs" / "schedules.md"
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.M | re.S)
    examples = [example for block in blocks for example in re.split(r"^\$ exosphere ", block, flags=re.M)[1:]]
    for example in examples:
        command, _, expected = example.partition("\n")
        answer = subprocess.run([exosphere, *shlex.split(command)], capture_output=True, text=True, check=True)
        if [line.rstrip() for line in answer.stdout.splitlines()] != expected.splitlines():
            sys.exit(f"schedule_next_test: FAILED: docs/schedules.md: {command}\nprints:\n{answer.stdout}")
    if len(examples) < 4:
        sys.exit("schedule_next_test: FAILED: docs/schedules.md has too few examples")
    print(f"schedule_next_test: {len(examples)} examples of docs/schedules.md are true")


def main():
    exosphere = os.path.abspath(sys.argv[1])
    seed = int(os.environ.get("SCHEDULE_SEED", random.randrange(1 << 30)))
    dice = random.Random(seed)
    print(f"schedule_next_test: seed {seed}")
    check_docs(exosphere)
    compared = wrong = 0
    for round_number in range(4):
        for zone, day in CHANGES:
            cron = " ".join([dice.choice(["*", "*/20", "0", "15", "30", "0,45", "10-50/20"]),
                             dice.choice(["*", "*/3", "0", "1,2", "2", "23", "0-3", "12"]),
                             dice.choice(["*", "*", "*/2", "25-31,1-5"]),
                             "*", dice.choice(["*", "*", "mon-fri", "sun"])])
            begin = datetime.datetime.fromisoformat(day).replace(tzinfo=UTC) - datetime.timedelta(hours=dice.randrange(24, 48))
            expected = [time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
                        for time in Daemon(cron).fires(zoneinfo.ZoneInfo(zone), begin, 4 * 1440)]
            answer = subprocess.run([exosphere, "schedule", "next", cron, "--tz", zone, "--from",
                                     begin.strftime("%Y-%m-%dT%H:%M:%SZ"), "-n", str(len(expected) + 1), "-o", "json"],
                                    capture_output=True, text=True, check=False)
            if answer.returncode != 0:
                sys.exit(f"schedule_next_test: FAILED: {cron}: {answer.stderr}")
            until = (begin + datetime.timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            own = [fire["time"] for fire in json.loads(answer.stdout)["fires"]]
            compared += len(expected)
            if own[:len(expected)] != expected or own[len(expected)] <= until:
                wrong += 1
                print(f"{cron} in {zone} from {begin}:\n  ours   {own}\n  daemon {expected}")
    print(f"schedule_next_test: {compared} fires compared, {wrong} expressions differ")
    if compared < 500:
        sys.exit("schedule_next_test: FAILED: too few were compared")
    sys.exit(1 if wrong else 0)


main()
