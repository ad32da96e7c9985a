"""What is done to a fleet: each of its processes and services killed, stalled and started again, at random."""

import collections
import signal
import subprocess
import threading
import time

import fleet as f

SERVICES = ("kafka", "postgres", "redis")
# What every run must have seen, however short it is.
MUST = ("kill -9 api", "kill -9 scheduler", "kill -9 worker", "kill -9 kafka", "kill -9 postgres", "flush redis")


class Harm:
    """One harm after the other on a thread of its own, until it is told to end: first each of MUST, in any order,
    then by chance. The rng is its alone."""

    def __init__(self, fleet, rng, say):
        self.fleet, self.rng, self.say, self.done = fleet, rng, say, collections.Counter()
        self.error = None
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def service(self, *words):
        subprocess.run([f"{f.ROOT}/infra/services", *words, "--dir", f"{self.fleet.directory}/services"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, role=""):
        """kill -9 of a process (of that role), started again a moment later."""
        name = self.rng.choice(sorted(n for n in self.fleet.processes if n.startswith(role)))
        process = self.fleet.processes[name]
        process.kill()
        process.wait()
        time.sleep(self.rng.random())
        self.fleet.start_again(name)
        self.done[f"kill -9 {name.split('-')[0]}"] += 1

    def stall(self):
        """SIGSTOP of a role or a service for up to 6 s: shorter and longer than the leases of shards."""
        name = self.rng.choice(sorted(self.fleet.processes) + list(SERVICES))
        seconds = self.rng.uniform(0.5, 6)
        if name in SERVICES:
            self.service("pause", name)
            time.sleep(seconds)
            self.service("resume", name)
        else:
            process = self.fleet.processes[name]
            process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            process.send_signal(signal.SIGCONT)
        self.done[f"SIGSTOP {name.split('-')[0]}"] += 1

    def long_stall(self):
        """A worker that is silent for longer than its lease, and then wakes up."""
        name = self.rng.choice(sorted(n for n in self.fleet.processes if n.startswith("worker")))
        process = self.fleet.processes[name]
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.uniform(18, 22))
        process.send_signal(signal.SIGCONT)
        self.done["SIGSTOP worker 20 s"] += 1

    def restart(self, name=None):
        """kill -9 of the broker or of Postgres."""
        name = name or self.rng.choice(("kafka", "postgres"))
        self.service("stop", "--kill", name)
        time.sleep(self.rng.random() * 2)
        self.service("start", name)
        self.done[f"kill -9 {name}"] += 1

    def flush(self):
        port = self.fleet.env["EXOSPHERE_REDIS_URL"].rsplit(":", 1)[1].split("/")[0]
        subprocess.run(["redis-cli", "-p", port, "flushall"], stdout=subprocess.DEVNULL)
        self.done["flush redis"] += 1

    def missing(self):
        """What of MUST was not done yet. Raises what went wrong in the harm itself."""
        if self.error:
            raise self.error
        return [name for name in MUST if not self.done[name]]

    def do_one(self):
        missing = self.missing()
        if missing:
            name = self.rng.choice(missing).split()[-1]
            if name == "redis":
                self.flush()
            elif name in SERVICES:
                self.restart(name)
            else:
                self.kill(name)
        else:
            harms = [self.kill, self.stall, self.restart, self.flush, self.long_stall]
            self.rng.choices(harms, [8, 6, 2, 2, 0.5])[0]()

    def run(self):
        try:
            while not self.is_over.wait(self.rng.uniform(0.2, 2)):
                self.do_one()
                if sum(self.done.values()) % 20 == 0:
                    self.say(f"done to it so far: {dict(self.done)}")
        except Exception as error:  # noqa: BLE001 - told by missing() and end()
            self.error = error

    def begin(self):
        self.thread.start()

    def end(self):
        """Ends after the harm under way; every process runs then. Raises what went wrong in the harm itself."""
        self.is_over.set()
        self.thread.join()
        if self.error:
            raise self.error
