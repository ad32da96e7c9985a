"""What the rows put down: a figure with its unit, and beside it the limit measured in the same run."""

import statistics
import sys


class Table:
    def __init__(self, runs):
        self.runs, self.rows = runs, []

    def add(self, name, figure, unit, note="", limit=None, limit_name=""):
        """note: a text, or us of cpu of each process. limit: in the same unit, or None; of a duration the share is limit / figure:
        how near it comes."""
        row = {"row": name, "figure": figure, "unit": unit}
        if isinstance(note, dict):
            row["cpu_us"] = note
            note = "cpu/satellite us: " + " ".join(f"{process} {us:.0f}" for process, us in note.items())
        row["note"] = note
        share = ""
        if limit and figure:
            row |= {"limit": limit, "limit_name": limit_name,
                    "share": limit / figure if unit in ("ms", "s") else figure / limit}
            share = f"   {row['share']:.0%} of the limit {limit:,.2f} ({limit_name})"
        self.rows.append(row)
        print(f"{name:46} {figure:12,.2f} {unit:14}{share}{'   ' + note if note else ''}", file=sys.stderr, flush=True)

    def skip(self, name, reason):
        self.rows.append({"row": name, "skipped": reason})
        print(f"{name:46} skipped: {reason}", file=sys.stderr, flush=True)

    def medians(self):
        """The median of each row over all that was put down for it, and of the cpu of each process behind it."""
        figures = {}
        for row in self.rows:
            if "figure" in row:
                figures.setdefault(row["row"], []).append(row["figure"])
            for process, us in row.get("cpu_us", {}).items():
                figures.setdefault(f"{row['row']}: cpu of {process}, us", []).append(us)
        return {name: statistics.median(each) for name, each in figures.items()}


def median(numbers):
    return statistics.median(numbers)


def percentile(numbers, share):
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
