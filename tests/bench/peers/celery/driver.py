"""Celery: starts a worker of two processes, measures, prints one line of JSON."""

import json
import subprocess
import sys
import time

from celery import chain, chord
from celery.result import ResultSet
from tasks import count, nothing

JOBS = 3000


def throughput():
    begin = time.monotonic()
    ResultSet([nothing.delay() for _ in range(JOBS)]).join_native(timeout=300)
    return JOBS / (time.monotonic() - begin)


def latency(samples=200):
    times = []
    for _ in range(samples):
        begin = time.monotonic()
        nothing.delay().get(timeout=30)
        times.append((time.monotonic() - begin) * 1e3)
    return sorted(times)[samples // 2]


def fan(width):
    begin = time.monotonic()
    got = chord(nothing.s(i) for i in range(width))(count.s()).get(timeout=300)
    if got != width:
        raise SystemExit(f"the join saw {got} of {width}")
    return time.monotonic() - begin


def steps(length=100):
    begin = time.monotonic()
    chain(*[nothing.s() for _ in range(length)])().get(timeout=120)
    return (time.monotonic() - begin) * 1e3 / length


def main():
    worker = subprocess.Popen([sys.executable, "-m", "celery", "-A", "tasks", "worker", "-c", "2", "-l", "ERROR",
                               "--without-gossip", "--without-mingle", "--without-heartbeat"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(5):
            nothing.delay().get(timeout=60)
        # 10,000 in a chord take minutes: left out.
        print(json.dumps({"jobs_per_s": throughput(), "latency_ms": latency(), "fan_1000_s": fan(1000), "step_ms": steps()}))
    finally:
        worker.terminate()
        worker.wait(30)


if __name__ == "__main__":
    main()
