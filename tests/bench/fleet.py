"""A fleet for measurements: services and our roles as processes of their own, each accountable for its CPU and memory."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
TICKS = os.sysconf("SC_CLK_TCK")


class Failure(Exception):
    """What a person must know to go on; status: of an HTTP answer, else 0."""

    def __init__(self, text, status=0):
        super().__init__(text)
        self.status = status


class Scratch(tempfile.TemporaryDirectory):
    """A directory for a run, gone with it."""

    def __init__(self):
        super().__init__(prefix="exo-bench.", ignore_cleanup_errors=True)


class Worker:
    """How a worker is to be started; env: over the fleet's, None takes a variable away."""

    def __init__(self, sandbox="null", flags=(), env=None):
        self.sandbox, self.flags, self.env = sandbox, list(flags), env or {}


def process_tree(pid):
    """The pid and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    tree, todo = [], [pid]
    while todo:
        one = todo.pop()
        tree.append(one)
        todo += children.get(one, [])
    return tree


def cpu_seconds(pid):
    """User and system time of a process and all its descendants, those that ended and were waited for too."""
    total = 0
    for one in process_tree(pid):
        try:
            with open(f"/proc/{one}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += sum(int(fields[i]) for i in (11, 12, 13, 14))
        except OSError:
            pass
    return total / TICKS


def pss_mib(pid):
    """Proportional set size of a process and its descendants."""
    total = 0
    for one in process_tree(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup") as f:
                total += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
        except (OSError, AttributeError):
            pass
    return total / 1024


class Http:
    """One keep-alive connection to the API."""

    def __init__(self, port, timeout=120):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def raw(self, method, path, body=None, kind="application/json"):
        """The answer's body and headers, whatever its status is."""
        self.connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
        answer = self.connection.getresponse()
        self.status = answer.status
        return answer.read(), answer.headers

    def call(self, method, path, body=None, kind="application/json"):
        data, _ = self.raw(method, path, body, kind)
        if self.status >= 400:
            raise Failure(f"{method} {path}: {self.status} {data[:400].decode(errors='replace')}", self.status)
        return data

    def json(self, method, path, body=None):
        return json.loads(self.call(method, path, json.dumps(body) if body is not None else None))


class SecondClient:
    """Another connection to the API of a fleet, for a thread of its own."""

    def __init__(self, fleet):
        self.http = Http(fleet.http.connection.port)


def wait_for(what, check, seconds=60):
    """Looks again after 2 ms, or after a hundredth of the time waited so far where that is more: looking costs cpu, too."""
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        try:
            if check():
                return
        except (OSError, urllib.error.URLError, Failure):
            pass
        time.sleep(max(0.002, (time.monotonic() - began) / 100))
    raise Failure(f"{what}: not within {seconds} s")


def free_port():
    import socket

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Fleet:
    """kind "services": api, scheduler, worker over Kafka, Postgres, Redis; kind "embedded": `exosphere dev`.

    workers      how many of the null sandbox, or a list of Worker
    more_env     variables of all roles
    role_flags   {"api": [...], "scheduler": [...], "dev": [...]}: flags of all of a role
    """

    def __init__(self, binary, kind, workers=1, schedulers=1, more_env=None, role_flags=None):
        self.binary, self.kind = binary, kind
        self.directory = tempfile.mkdtemp(prefix="exo-bench.")
        self.processes = {}
        self.commands = {}
        self.service_pids = {}
        self.port = free_port()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("EXOSPHERE_")}
        self.env |= {"EXOSPHERE_LOG_FORMAT": "json"} | (more_env or {})
        flags = role_flags or {}
        if isinstance(workers, int):
            workers = [Worker()] * workers
        try:
            if kind == "services":
                self.start_services()
                self.start("api", ["--listen", f"127.0.0.1:{self.port}", *flags.get("api", [])])
                for i in range(schedulers):
                    self.start(f"scheduler-{i}", flags.get("scheduler", []))
                for i, worker in enumerate(workers):
                    self.start(f"worker-{i}", self.worker_flags(i, worker), worker.env)
            else:
                self.start("dev", ["--listen", f"127.0.0.1:{self.port}", "--sandbox", "null", "--data", self.directory,
                                   *flags.get("dev", [])])
            self.http = None
            self.await_ready()
        except BaseException:
            self.stop()
            raise

    def worker_flags(self, number, worker):
        os.makedirs(f"{self.directory}/worker-{number}", exist_ok=True)
        return ["--sandbox", worker.sandbox, "--worker-name", f"bench-{number}", "--data", f"{self.directory}/worker-{number}",
                "--api-url", f"http://127.0.0.1:{self.port}", *worker.flags]

    def start_services(self):
        directory = f"{self.directory}/services"
        services = f"{ROOT}/infra/services"
        subprocess.run([services, "start", "--dir", directory], check=True, stdout=subprocess.DEVNULL)
        text = subprocess.run([services, "env", "--dir", directory], check=True, capture_output=True, text=True).stdout
        for name, value in re.findall(r"^export (\w+)=(.*)$", text, re.M):
            self.env[name] = value.strip("'\"")
        status = subprocess.run([services, "status", "--dir", directory], capture_output=True, text=True).stdout
        for name, pid in re.findall(r"^(\w+).*?pid (\d+)", status, re.M):
            self.service_pids[name] = int(pid)

    def start(self, name, flags, env=None, mode="w"):
        """Starts a role as process `name` (role-number); what it says goes to name.log."""
        self.commands[name] = (flags, env)
        merged = {k: v for k, v in (self.env | (env or {})).items() if v is not None}
        with open(f"{self.directory}/{name}.log", mode) as log:
            self.processes[name] = subprocess.Popen([self.binary, name.split("-")[0], *flags], env=merged, stdout=log,
                                                    stderr=log, cwd=self.directory)

    def start_again(self, name):
        """Starts a process that has ended as it was started first; its log goes on."""
        self.start(name, *self.commands[name], mode="a")

    def switch(self, binary):
        """The same roles of another program, on the services as they are."""
        for name in self.processes:
            self.end(name)
        self.binary = binary
        for name in list(self.processes):
            self.start(name, *self.commands[name])
        self.await_ready()

    def await_ready(self):
        def is_ready():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    with open(f"{self.directory}/{name}.log") as f:
                        raise SystemExit(f"{name} ended with {process.returncode}:\n{f.read()[-2000:]}")
            self.http = Http(self.port)
            self.http.call("GET", "/readyz")
            return self.kind == "embedded" or self.http.json("GET", "/v1/workers")["workers"]

        wait_for("the fleet", is_ready, 90)

    def health_port(self, name):
        """Where a role has /readyz and /metrics."""
        if name == "dev":
            return self.port
        with open(f"{self.directory}/{name}.log") as log:
            return int(re.findall(r'"for":"health","port":(\d+)', log.read())[-1])

    def metrics(self, name):
        """What a role says of itself: {name of a metric: the sum over its labels}."""
        totals = {}
        for line in Http(self.health_port(name)).call("GET", "/metrics").decode().splitlines():
            if line and line[0] != "#":
                key, value = line.rsplit(" ", 1)
                key = key.split("{")[0]
                totals[key] = totals.get(key, 0) + float(value)
        return totals

    def total(self, name):
        """A metric of all schedulers together."""
        return sum(self.metrics(each)[name] for each in self.processes if each.startswith(("scheduler", "dev")))

    def sql(self, query):
        """Rows of a query on the fleet's Postgres, each a list of texts."""
        answer = subprocess.run(["psql", self.env["EXOSPHERE_POSTGRES_URL"], "-AtqF\t", "-c", query], check=True,
                                capture_output=True, text=True).stdout
        return [line.split("\t") for line in answer.splitlines()]

    def end(self, name, number=signal.SIGTERM):
        """Ends one process with a signal and waits for it."""
        self.processes[name].send_signal(number)
        self.processes[name].wait(30)

    def pids(self):
        ours = {name: process.pid for name, process in self.processes.items()}
        return {**ours, **self.service_pids}

    def cpu(self):
        return {name: cpu_seconds(pid) for name, pid in self.pids().items()}

    def stop(self):
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.kind == "services":
            subprocess.run([f"{ROOT}/infra/services", "stop", "--wipe", "--dir", f"{self.directory}/services"],
                           stdout=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def one_cluster():
    return {"name": "bench/one", "satellites": [{"name": "a", "image": "oci:none", "command": ["null"]}], "output": 1}


def wide_cluster():
    return {"name": "bench/wide", "output": 1,
            "satellites": [{"name": "m", "image": "oci:none", "for_each": "${{ input.items }}", "command": ["null"]}]}


def map_cluster(width, command=("null",), project="bench"):
    """A list of so many numbers, a task for each, and a join."""
    return {"name": f"{project}/map", "output": 1, "satellites": [
        {"name": "list", "image": "oci:none", "command": ["null", "--list", str(width)]},
        {"name": "m", "image": "oci:none", "for_each": "${{ satellites.list.output }}", "command": list(command)},
        {"name": "join", "image": "oci:none", "command": ["null"]}]}


def chain_cluster(length):
    return {"name": "bench/chain", "output": 1,
            "satellites": [{"name": f"s{i}", "image": "oci:none", "command": ["null"]} for i in range(length)]}


def submit(fleet, cluster, count, value=None):
    """Submits count executions in batches; gives their ids."""
    ids = []
    line = json.dumps({"cluster": cluster, "input": value or {}})
    per_call = max(1, min(1000, 3_000_000 // len(line)))
    while len(ids) < count:
        lines = min(per_call, count - len(ids))
        text = fleet.http.call("POST", "/v1/executions", "\n".join([line] * lines) + "\n", "application/x-ndjson")
        answers = [json.loads(answer) for answer in text.splitlines()]
        ids += [answer["id"] for answer in answers if "id" in answer]
        refused = [answer for answer in answers if "id" not in answer]
        if refused and refused[0]["status"] not in (429, 503):
            raise Failure(f"a submission was refused: {refused[0]}", refused[0]["status"])
        if refused:
            time.sleep(1)
    return ids


def ended(fleet):
    """How many executions have ended, by the schedulers' count."""
    return fleet.total("exosphere_scheduler_executions_finished_total")


def run_all(fleet, submission):
    """Submits executions, by submission() that gives their ids, and waits until all have ended; the last ones well."""
    before = ended(fleet)
    ids = submission()
    for one in reversed(ids[-3:]):
        wait_for(one, lambda: fleet.http.json("GET", f"/v1/executions/{one}")["state"] == "SUCCEEDED", 300)
    wait_for("all", lambda: ended(fleet) >= before + len(ids), 300)


def warm(fleet, seconds=30):
    """A broker runs its code interpreted at first, and compiles it for a minute: what is measured is a broker that has run."""
    items = {"items": list(range(1000))}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run_all(fleet, lambda: submit(fleet, one_cluster(), 1000))
        run_all(fleet, lambda: submit(fleet, wide_cluster(), 10, items))
        for _ in range(20):
            fleet.http.json("POST", "/v1/executions?wait=30s", {"cluster": one_cluster(), "input": {}})
