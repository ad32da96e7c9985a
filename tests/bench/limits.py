"""What this machine's queue, database and disk carry by themselves: measured in the same run as the rows."""

import os
import re
import subprocess
import sys
import time

import fleet as f


def or_none(measure):
    """A limit for a row to stand beside; where its program failed the row stands alone."""
    def measured(self):
        try:
            return measure(self)
        except f.Failure as failure:
            print(f"no limit: {failure}", file=sys.stderr)
            return None, ""

    return measured


class Limits:
    """Measured once a fleet, when first asked for, by the programs built beside its first binary. Of `services` only;
    `embedded` stands on SQLite."""

    def __init__(self, fleet):
        self.fleet, self.known = fleet, {}
        self.programs = os.path.join(os.path.dirname(fleet.binary), "tests/bench")

    def once(self, name, measure):
        if name not in self.known:
            self.known[name] = measure()
        return self.known[name]

    def run(self, name, *arguments):
        """What one of the programs prints."""
        try:
            done = subprocess.run([f"{self.programs}/{name}", *arguments], capture_output=True, text=True)
        except OSError as error:
            raise f.Failure(f"{name} cannot be run: {error.strerror}") from error
        if done.returncode:
            raise f.Failure(f"{name} ended with {done.returncode}: {done.stderr.strip()[-400:]}")
        return done.stdout

    def store(self):
        """store_bench: rows a second in batched commits, and the smallest durable commit in ms."""
        def measure():
            where = ["sqlite", f"{self.fleet.directory}/limit.db"]
            if self.fleet.kind == "services":
                self.fleet.sql("create database exosphere_limit")
                where = ["postgres", self.fleet.env["EXOSPHERE_POSTGRES_URL"] + "_limit"]
            text = self.run("store_bench", *where, "3")
            rows = re.search(r"^500 inserts.*?([\d.]+) rows/s", text, re.M)
            commit = re.search(r"^smallest commit.*?p50\s+([\d.]+) ms", text, re.M)
            return float(rows.group(1)), float(commit.group(1))

        return self.once("store", measure)

    def raw_hops(self):
        """Three hops in a row with nothing of ours between (kafka_bench; embedded: our queue is all there is): records a second,
        ms of one record through all three, us of cpu a record of librdkafka's side and of the broker."""
        def measure():
            if self.fleet.kind != "services":
                return *self.hops(), 0, 0
            for _ in range(2):  # the first compiles what the broker runs for so many records
                before = self.fleet.cpu()["kafka"]
                text = self.run("kafka_bench", self.fleet.env["EXOSPHERE_KAFKA_BROKERS"], "6")
            rate, count, cpu = re.search(r"^raw three hops, burst\s+([\d.]+) records/s\s+(\d+) records\s+([\d.]+) us", text,
                                         re.M).groups()
            one = re.search(r"^raw three hops, single\s+p50\s+([\d.]+) ms", text, re.M)
            return float(rate), float(one.group(1)), float(cpu), (self.fleet.cpu()["kafka"] - before) * 1e6 / int(count)

        return self.once("raw hops", measure)

    def hops(self):
        """hops_bench: the same through infra/log, one record at a time handed over: records a second, and ms of one record."""
        def measure():
            where = ["sqlite", f"{self.fleet.directory}/limit-log.db"]
            if self.fleet.kind == "services":
                where = ["kafka", self.fleet.env["EXOSPHERE_KAFKA_BROKERS"]]
            text = self.run("hops_bench", *where, "3")
            rate = re.search(r"^three hops, burst\s+([\d.]+) records/s", text, re.M)
            one = re.search(r"^three hops, single\s+p50\s+([\d.]+) ms", text, re.M)
            return float(rate.group(1)), float(one.group(1))

        return self.once("hops", measure)

    @or_none
    def satellites(self):
        """Satellites a second of wide executions, if each were a record of its own on three hops. They share pages, not rows."""
        return self.raw_hops()[0], "raw three hops"

    @or_none
    def executions(self):
        """Executions a second if nothing but the slower of queue and store were there: each is a row written twice."""
        rows, rate = self.store()[0] / 2, self.raw_hops()[0]
        return (rate, "raw three hops") if rate < rows else (rows, "raw batched commits of two rows")

    @or_none
    def floor(self):
        """ms from submit to done if nothing but three hops and two commits were there."""
        return self.one_through() + 2 * self.store()[1], "three hops and two commits"

    def one_through(self):
        """ms of one record through three hops, the less of both ways: each is a thousand samples of what else runs as well."""
        return min(self.raw_hops()[1], self.hops()[1])


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
    rate, one, cpu, broker_cpu = here.raw_hops()
    table.add(f"raw batched commits, {tag}", rows, "rows/s")
    table.add(f"raw smallest commit, {tag}", commit, "ms")
    table.add(f"raw three hops, {tag}", rate, "records/s",
              f"cpu/record us: librdkafka {cpu:.1f} kafka {broker_cpu:.1f}" if cpu else "")
    table.add(f"raw three hops, one at a time, {tag}", one, "ms")
    if cpu:
        table.add(f"three hops through infra/log, {tag}", here.hops()[0], "records/s", "", rate, "raw three hops")
        table.add(f"three hops through infra/log, one at a time, {tag}", here.hops()[1], "ms")
    table.add(f"raw fsync, {tag}", fsync_ms(fleet.directory), "ms")


ROWS_OF_A_FLEET = {"limits": limits}
