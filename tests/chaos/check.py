"""What the journal, and the tasks' own record of what ran, say of every execution."""

import collections
import os
import subprocess

import fleet as f
import journal

TERMINAL = ("SUCCEEDED", "FAILED", "CANCELLED", "TIMED_OUT")
ENDED = ("SUCCEEDED", "FAILED", "CANCELLED", "SKIPPED", "UPSTREAM_FAILED")


def read_record(paths):
    """[(execution, task, attempt, who)] of every attempt that was started."""
    started = []
    for path in paths:
        if os.path.exists(path):
            with open(path) as file:
                started += [tuple(line.split()) for line in file]
    return [(execution, task, int(attempt), who) for execution, task, attempt, who in started]


class Journal:
    """Every change of every execution, in the order of its shard's commits."""

    def __init__(self, postgres_url):
        batch_class = journal.reader()
        self.numbers = collections.defaultdict(list)  # execution -> numbers of its changes
        self.ends = collections.Counter()  # (execution, task) -> how often it ended
        self.won = {}  # (execution, task) -> the attempt that succeeded
        self.words = collections.defaultdict(dict)  # (execution, task) -> attempt -> what was said of its end
        self.dispatched = set()  # (execution, task, attempt)
        self.gaps = []
        query = "copy (select encode(body, 'hex') from journal order by shard, batch) to stdout"
        with subprocess.Popen(["psql", postgres_url, "-Atqc", query], stdout=subprocess.PIPE, text=True) as rows:
            for row in rows.stdout:
                self.take(batch_class.FromString(bytes.fromhex(row.strip())))
        if rows.returncode:
            raise f.Failure("the journal cannot be read")

    def take(self, batch):
        if batch.gap:
            self.gaps.append(batch.gap)
        for change in batch.changes:
            execution = change.execution.hex()
            self.numbers[execution].append(change.number)
            if not change.satellite:
                continue
            key = (execution, change.satellite + (f".{change.index}" if change.has_index else ""))
            if change.state == "DISPATCHED":
                self.dispatched.add((*key, change.attempt))
            elif change.attempt and change.state != "RUNNING":
                self.words[key][change.attempt] = f"{change.state} {change.error.split(':')[0]}".strip()
            if change.state in ENDED:
                self.ends[key] += 1
                if change.state == "SUCCEEDED" and change.attempt:
                    self.won[key] = change.attempt


class Verdict:
    def __init__(self):
        self.lost, self.repeated, self.stuck, self.other = [], [], [], []
        self.again = collections.Counter()  # attempts that ran and did not succeed, by what the journal says of them
        self.tasks = self.containers = self.null_runs = 0

    def faults(self):
        return [*self.lost, *self.repeated, *self.stuck, *self.other]

    def print(self):
        for name in ("lost", "repeated", "stuck", "other"):
            for fault in getattr(self, name)[:10]:
                print(f"{name}: {fault}")
        print(f"attempts that ran: {self.null_runs} null, {self.containers} in containers")
        print(f"of these did not count, by what came of them: {sum(self.again.values())} {dict(self.again)}")
        print(f"lost {len(self.lost)}, repeated {len(self.repeated)}, stuck {len(self.stuck)}, other {len(self.other)}")


def forget_groups(kept, submitted):
    """Runs of a group succeed as tasks do, and nothing of their own runs."""
    groups = {execution.replace("-", ""): kind.group for execution, kind in submitted.items() if kind.group}
    for key in [key for key in kept.won if groups.get(key[0]) == key[1].rsplit(".", 1)[0]]:
        del kept.won[key]


def check(fleet, submitted, states, null_records, container_records):
    """submitted: execution -> load.Kind; states: execution -> its last state."""
    verdict, kept = Verdict(), Journal(fleet.env["EXOSPHERE_POSTGRES_URL"])
    null_runs, containers = read_record(null_records), read_record(container_records)
    verdict.null_runs, verdict.containers = len(null_runs), len(containers)
    verdict.other += [f"the journal has a gap: {gap}" for gap in kept.gaps]
    forget_groups(kept, submitted)
    tasks_of = collections.Counter(execution for execution, task in kept.won)
    for execution, kind in submitted.items():
        key, state = execution.replace("-", ""), states.get(execution, "unknown")
        if state not in TERMINAL:
            verdict.stuck.append(f"{execution} ({kind.cluster['name']}) is {state}")
        elif state != ("CANCELLED" if kind.is_cancelled else "SUCCEEDED"):
            if not kind.is_cancelled or state != "SUCCEEDED":  # the cancel may have come too late
                verdict.other.append(f"{execution} ({kind.cluster['name']}) is {state}")
        numbers = kept.numbers[key]
        if numbers != list(range(1, len(numbers) + 1)):
            verdict.lost.append(f"{execution}: the numbers of its changes have a gap or repeat")
        if kind.tasks is not None:
            verdict.tasks += kind.tasks
            if tasks_of[key] != kind.tasks:
                verdict.lost.append(f"{execution}: {tasks_of[key]} tasks succeeded, not {kind.tasks}")
        else:
            verdict.tasks += tasks_of[key]
    verdict.repeated += [f"task {key} ended {n} times" for key, n in kept.ends.items() if n != 1]
    check_runs(verdict, kept, null_runs)
    check_runs(verdict, kept, [run for run in containers])
    started = {(e.replace("-", ""), task, attempt) for e, task, attempt, _ in (*null_runs, *containers)}
    for (execution, task), attempt in kept.won.items():
        if (execution, task, attempt) not in started:
            verdict.lost.append(f"task {execution}/{task} succeeded in attempt {attempt}, which never ran")
    return verdict


def check_runs(verdict, kept, runs):
    """An attempt runs at most once, and only where the journal has granted it; what ran again has a reason there."""
    times = collections.Counter(((e.replace("-", ""), task), attempt) for e, task, attempt, _ in runs)
    for (key, attempt), count in times.items():
        if count != 1:
            verdict.repeated.append(f"attempt {attempt} of {key} ran {count} times")
        if attempt == kept.won.get(key):
            continue
        words = kept.words[key].get(attempt)
        if words is None:
            verdict.other.append(f"attempt {attempt} of {key} ran, and the journal does not say what came of it")
        verdict.again[words or "unexplained"] += 1
