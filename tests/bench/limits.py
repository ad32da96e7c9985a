"""What this machine's queue, database and disk carry by themselves: measured in the same run as the rows."""

import os
import re
import subprocess
import time


def program(fleet, name):
    return os.path.join(os.path.dirname(fleet.binary), "tests/bench", name)


class Limits:
    """Measured once a fleet, when first asked for. Of `services` only; `embedded` stands on SQLite."""

    def __init__(self, fleet):
        self.fleet, self.known = fleet, {}

    def once(self, name, measure):
        if name not in self.known:
            self.known[name] = measure()
        return self.known[name]

    def store(self):
        """store_bench: rows a second in batched commits, and the smallest durable commit in ms."""
        def measure():
            where = ["sqlite", f"{self.fleet.directory}/limit.db"]
            if self.fleet.kind == "services":
                self.fleet.sql("create database exosphere_limit")
                where = ["postgres", self.fleet.env["EXOSPHERE_POSTGRES_URL"] + "_limit"]
            text = subprocess.run([program(self.fleet, "store_bench"), *where, "3"], capture_output=True, text=True,
                                  check=True).stdout
            rows = re.search(r"^500 inserts.*?([\d.]+) rows/s", text, re.M)
            commit = re.search(r"^smallest commit.*?p50\s+([\d.]+) ms", text, re.M)
            return float(rows.group(1)), float(commit.group(1))

        return self.once("store", measure)

    def hops(self):
        """hops_bench: three hops in a row: records a second, and ms of one record through all three."""
        def measure():
            where = ["sqlite", f"{self.fleet.directory}/limit-log.db"]
            if self.fleet.kind == "services":
                where = ["kafka", self.fleet.env["EXOSPHERE_KAFKA_BROKERS"]]
            text = subprocess.run([program(self.fleet, "hops_bench"), *where, "3"], capture_output=True, text=True,
                                  check=True).stdout
            rate = re.search(r"^three hops, burst\s+([\d.]+) records/s", text, re.M)
            one = re.search(r"^three hops, single\s+p50\s+([\d.]+) ms", text, re.M)
            return float(rate.group(1)), float(one.group(1))

        return self.once("hops", measure)

    def satellites(self):
        """Satellites a second if nothing but the slower of queue and store were there: each is a row written twice."""
        rows, _ = self.store()
        rate, _ = self.hops()
        return (rate, "raw three hops") if rate < rows / 2 else (rows / 2, "raw batched commits")

    def floor(self):
        """ms from submit to done if nothing but three hops and two commits were there."""
        return self.hops()[1] + 2 * self.store()[1], "three hops and two commits"


def fsync_ms(directory, count=200):
    """A write of 4 KiB and fdatasync, one after the other."""
    path, times = os.path.join(directory, "fsync"), []
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(count):
            begin = time.monotonic()
            os.write(fd, b"x" * 4096)
            os.fdatasync(fd)
            times.append((time.monotonic() - begin) * 1e3)
    finally:
        os.close(fd)
        os.unlink(path)
    return sorted(times)[count // 2]


def limits(table, fleet, tag):
    """The limits by themselves."""
    here = fleet.limits
    rows, commit = here.store()
    rate, one = here.hops()
    table.add(f"raw batched commits, {tag}", rows, "rows/s")
    table.add(f"raw smallest commit, {tag}", commit, "ms")
    table.add(f"raw three hops, {tag}", rate, "records/s")
    table.add(f"raw three hops, one at a time, {tag}", one, "ms")
    table.add(f"raw fsync, {tag}", fsync_ms(fleet.directory), "ms")


ROWS_OF_A_FLEET = {"limits": limits}
