#!/usr/bin/env python3
"""What tests/bench/run says and counts, without a fleet."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
sys.dont_write_bytecode = True
import built  # noqa: E402
import rows_speed  # noqa: E402
from table import Table  # noqa: E402


class Built(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.root = self.scratch.name
        for place in ("main.c", "scheduler/core/sched.c", "infra/deploy/Dockerfile", "infra/README.md", "tests/x.c", "exosphere"):
            os.makedirs(os.path.dirname(f"{self.root}/{place}"), exist_ok=True)
            self.touch(place, 1000)

    def touch(self, place, seconds):
        with open(f"{self.root}/{place}", "a"):
            pass
        os.utime(f"{self.root}/{place}", (seconds, seconds))

    def warning(self):
        return built.warning(f"{self.root}/exosphere", self.root)

    def test_as_young_as_its_sources(self):
        self.assertIsNone(self.warning())

    def test_what_is_not_in_it(self):
        for place in ("infra/deploy/Dockerfile", "infra/README.md", "tests/x.c"):
            self.touch(place, 2000)
        self.assertIsNone(self.warning())

    def test_older(self):
        self.touch("scheduler/core/sched.c", 1001)
        self.assertEqual(self.warning(), "warning: exosphere is older than scheduler/core/sched.c; build it: "
                         "cmake --preset release && cmake --build --preset release")

    def test_it_is_said(self):
        place = os.path.join(os.path.dirname(os.path.realpath(__file__)), "run")
        loader = importlib.machinery.SourceFileLoader("bench_run", place)
        run = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench_run", loader))
        loader.exec_module(run)
        with open(f"{self.root}/exosphere", "w") as file:
            file.write("#!/bin/sh\n")
        os.chmod(f"{self.root}/exosphere", 0o755)
        self.touch("exosphere", 1000)
        self.touch("main.c", 1001)
        run.BINARY, run.SPEED, run.ROWS = os.path.realpath(f"{self.root}/exosphere"), ["nothing"], {"nothing": lambda *_: None}
        kept, run.f.ROOT = run.f.ROOT, self.root
        arguments, sys.argv = sys.argv, ["run", "nothing"]
        try:
            with contextlib.redirect_stderr(io.StringIO()) as said:
                self.assertEqual(run.main(), 0)
        finally:
            run.f.ROOT, sys.argv = kept, arguments
        self.assertIn("exosphere is older than main.c; build it: cmake", said.getvalue())


class Latency(unittest.TestCase):
    """The first three runs are slow ones."""

    def test_warm(self):
        class Fleet:
            http, asked = None, 0

            class limits:
                floor = staticmethod(lambda: ())

        slow = []

        def ask_one(_):
            Fleet.asked += 1
            slow.append(Fleet.asked <= 3 * 10)

        rows_speed.ask_one, kept = ask_one, rows_speed.ask_one
        rows_speed.timed, timed = lambda action: (action(), 1.0 if slow[-1] else 0.001)[1], rows_speed.timed
        try:
            table = Table(2)
            rows_speed.latency(table, Fleet, "test", count=10)
        finally:
            rows_speed.ask_one, rows_speed.timed = kept, timed
        self.assertEqual(Fleet.asked, (3 + 2) * 10)
        for row in table.rows:
            self.assertEqual(row["note"], "1.0 1.0")


if __name__ == "__main__":
    unittest.main()
