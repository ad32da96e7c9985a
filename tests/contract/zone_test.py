#!/usr/bin/env python3
"""zone_test.py PROBE: our reader of time zones against Python's zoneinfo and date(1), instant by instant.

For some thirty odd zones: instants at random from 1902 to 2199, and both sides of every change on the way.
The seed is printed; ZONE_SEED=N repeats a run.
"""
import datetime
import os
import random
import subprocess
import sys
import zoneinfo

ZONES = """Australia/Lord_Howe Asia/Kathmandu Pacific/Apia Africa/Casablanca Africa/El_Aaiun Antarctica/Troll
Antarctica/Casey America/Havana America/St_Johns Asia/Tehran Africa/Cairo Asia/Gaza Europe/Dublin
America/Scoresbysund America/Nuuk Pacific/Chatham Asia/Pyongyang America/Caracas Pacific/Kwajalein
Africa/Monrovia Europe/Volgograd America/Asuncion Asia/Beirut Etc/GMT+12 Pacific/Kiritimati Europe/Berlin
America/Phoenix Pacific/Norfolk Asia/Colombo America/Sao_Paulo Factory Europe/Amsterdam""".split()
BEGIN, END = -2145916800, 7226582400  # 1902, 2199
EACH = 150


def probe(program, questions):
    text = "".join(f"{zone} {second}\n" for zone, second in questions)
    answer = subprocess.run([program], input=text, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        sys.exit(f"zone_test: FAILED: {answer.stderr}")
    lines = [line.split() for line in answer.stdout.splitlines()]
    return [(int(offset), name, int(begin), int(end)) for offset, name, begin, end in lines]


def python_says(zone, second):
    instant = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(seconds=second)
    local = instant.astimezone(zoneinfo.ZoneInfo(zone))
    return int(local.utcoffset().total_seconds()), local.tzname()


def date_says(zone, seconds):
    lines = "".join(f"@{second}\n" for second in seconds)
    answer = subprocess.run(["date", "-f", "-", "+%::z %Z"], input=lines, capture_output=True, text=True, check=True,
                            env={**os.environ, "TZ": zone, "LC_ALL": "C"})
    for line in answer.stdout.splitlines():
        offset, name = line.split()
        hours, minutes, seconds = offset[1:].split(":")
        number = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        yield -number if offset[0] == "-" else number, name


def main():
    seed = int(os.environ.get("ZONE_SEED", random.randrange(1 << 30)))
    dice = random.Random(seed)
    print(f"zone_test: seed {seed}")
    questions = [(zone, dice.randrange(BEGIN, END)) for zone in ZONES for _ in range(EACH)]
    # Both sides of each change around those instants.
    for (zone, _), (_, _, begin, end) in zip(list(questions), probe(sys.argv[1], questions)):
        for change in (begin, end):
            if BEGIN < change < END:
                questions += [(zone, change - 1), (zone, change)]
    questions = sorted(set(questions))
    answers = probe(sys.argv[1], questions)
    wrong = 0
    compared = 0
    for zone in ZONES:
        own = [(second, answer) for (where, second), answer in zip(questions, answers) if where == zone]
        for (second, answer), date in zip(own, date_says(zone, [second for second, _ in own]), strict=True):
            compared += 1
            python = python_says(zone, second)
            if not answer[:2] == python == date:
                wrong += 1
                print(f"{zone} {second}: ours {answer[:2]}, python {python}, date {date}")
    print(f"zone_test: {len(ZONES)} zones, {compared} instants compared, {wrong} differ")
    if compared < len(ZONES) * EACH:
        sys.exit("zone_test: FAILED: too few were compared")
    sys.exit(1 if wrong else 0)


main()
