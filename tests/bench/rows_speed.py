"""Rows about speed: satellites and executions a second, latency, and what they cost each process."""

import json
import os
import re
import subprocess
import tempfile
import threading
import time

import fleet as f
from table import median, percentile


def timed(action):
    begin = time.monotonic()
    action()
    return time.monotonic() - begin


def cpu_each(before, after, count):
    """us of cpu of each process, for one of so many."""
    return {name: (after[name] - before[name]) / count * 1e6 for name in after}


def wide(table, fleet, tag, width=1000, count=10):
    """Ten executions of a for_each of 1,000, submitted together."""
    items = {"items": list(range(width))}
    f.run_all(fleet, lambda: f.submit(fleet, f.wide_cluster(), 2, items))
    rates, before = [], fleet.cpu()
    for _ in range(table.runs):
        seconds = timed(lambda: f.run_all(fleet, lambda: f.submit(fleet, f.wide_cluster(), count, items)))
        rates.append(width * count / seconds)
    table.add(f"wide, {tag}", median(rates), "satellites/s",
              cpu_each(before, fleet.cpu(), width * count * table.runs), *fleet.limits.satellites())


def submit_together(fleet, count, clients=2):
    """So many executions of one satellite, half by each of two clients; gives their ids."""
    ids = [[] for _ in range(clients)]

    def client(place):
        ids[place] = f.submit(f.SecondClient(fleet), f.one_cluster(), count // clients)

    threads = [threading.Thread(target=client, args=(place,)) for place in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(ids, [])


def one(table, fleet, tag, count=20_000):
    """20,000 executions of one satellite, submitted in batches over REST by two clients."""
    f.run_all(fleet, lambda: submit_together(fleet, count // 10))
    rates, before = [], fleet.cpu()
    for _ in range(table.runs):
        rates.append(count / timed(lambda: f.run_all(fleet, lambda: submit_together(fleet, count))))
    table.add(f"one-satellite executions, {tag}", median(rates), "executions/s",
              cpu_each(before, fleet.cpu(), count * table.runs), *fleet.limits.executions())


def job_file(path, count):
    """Jobs as another program packs them (protoc), for kcat: one a line of its delimiter."""
    text = json.dumps({"exosphere": "v1", "cluster": f.one_cluster()})
    job = subprocess.run(["protoc", "-I", f"{f.ROOT}/schemas/proto", "--encode=exo.v1.Job", "exo/v1/job.proto"], check=True,
                         capture_output=True, input=f'version: 1 project: "bench" cluster: {json.dumps(text)}'.encode()).stdout
    with open(path, "wb") as file:
        file.write(JOB_END.join([job] * count))


JOB_END = b"--end of job--"


def jobs(table, fleet, tag, count=20_000):
    """20,000 executions of one satellite, as Jobs that another program puts on exo.jobs (kcat)."""
    if fleet.kind != "services":
        return

    def produce(path, wanted):
        subprocess.run(["kcat", "-P", "-b", fleet.env["EXOSPHERE_KAFKA_BROKERS"], "-t", "exo.jobs", "-X", "linger.ms=5",
                        "-D", JOB_END.decode(), "-l", path], check=True)
        f.wait_for("the Jobs", lambda: f.ended(fleet) >= wanted, 300)

    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/jobs"
        job_file(path, count)
        rates, before = [], fleet.cpu()
        for _ in range(table.runs):
            wanted = f.ended(fleet) + count
            rates.append(count / timed(lambda: produce(path, wanted)))
    table.add(f"one-satellite Jobs of another program, {tag}", median(rates), "executions/s",
              cpu_each(before, fleet.cpu(), count * table.runs), *fleet.limits.executions())


def ask_one(http):
    answer = http.json("POST", "/v1/executions?wait=30s", {"cluster": f.one_cluster(), "input": {}})
    if answer["state"] != "SUCCEEDED":
        raise f.Failure(f"an execution ended {answer['state']}")


WARM_RUNS = 3  # of `latency`


def latency(table, fleet, tag, count=1000):
    """Submit to done known to the client, one at a time: medians of runs of 1,000. Three runs more come first and are not counted,
    since a broker compiles what few and small requests need apart from what many together do, and takes about so long."""
    ask = lambda: timed(lambda: ask_one(fleet.http)) * 1e3
    runs = [[ask() for _ in range(count)] for _ in range(WARM_RUNS + table.runs)][WARM_RUNS:]
    for share in (0.50, 0.99):
        figures = [percentile(samples, share) for samples in runs]
        limit = fleet.limits.floor() if share == 0.50 else ()
        table.add(f"submit to done p{share * 100:.0f}, {tag}", median(figures), "ms", " ".join(f"{each:.1f}" for each in figures), *limit)


def chain(table, fleet, tag, length=100):
    """A step of a chain of 100 satellites; the first of four chains a run is not counted."""
    body = {"cluster": f.chain_cluster(length), "input": {}}
    steps = [timed(lambda: fleet.http.json("POST", "/v1/executions?wait=60s", body)) / length * 1e3
             for _ in range(table.runs * 3 + 1)][1:]
    table.add(f"a step of a chain of {length}, {tag}", median(steps), "ms", " ".join(f"{step:.2f}" for step in steps), *fleet.limits.floor())


def memory(table, fleet, tag):
    """Proportional set size of each role after what ran before it."""
    for name, process in fleet.processes.items():
        table.add(f"memory of {name}, {tag}", f.pss_mib(process.pid), "MiB Pss")


class OpenLoop:
    """Executions submitted at fixed times, whether or not the earlier ones have ended; each request's time is counted
    from when it was due, so that a stall shows in all that it held up."""

    def __init__(self, fleet, rate, seconds, clients=64):
        self.fleet, self.rate, self.count = fleet, rate, int(rate * seconds)
        self.lock, self.next, self.samples, self.errors = threading.Lock(), 0, [], []
        self.begin = time.monotonic() + 0.2
        self.threads = [threading.Thread(target=self.client) for _ in range(clients)]

    def client(self):
        http = f.Http(self.fleet.port)
        while True:
            with self.lock:
                number, self.next = self.next, self.next + 1
            if number >= self.count:
                return
            due = self.begin + number / self.rate
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                ask_one(http)
                self.samples.append((time.monotonic() - due) * 1e3)
            except (OSError, f.Failure) as error:
                self.errors.append(error)
                http = f.Http(self.fleet.port)

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if len(self.errors) > self.count // 100:
            raise f.Failure(f"{len(self.errors)} of {self.count} requests failed: {self.errors[0]}")
        return self.samples


def closed_loop_rate(fleet, seconds=5, clients=64):
    """One-satellite executions a second that so many clients get done, each waiting for its own."""
    load = OpenLoop(fleet, 1e9, 0, clients)
    load.count = 1 << 60
    stop = time.monotonic() + seconds

    def client():
        http = f.Http(fleet.port)
        while time.monotonic() < stop:
            ask_one(http)
            load.samples.append(1)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(load.samples) / seconds


def load(table, fleet, tag, seconds=10):
    """Latency under open-loop load of 25, 50 and 75 % of the rate that 64 waiting clients reach."""
    top = closed_loop_rate(fleet)
    table.add(f"64 clients that wait, {tag}", top, "executions/s", "the clients are threads of one Python process")
    for share in (25, 50, 75):
        samples = OpenLoop(fleet, top * share / 100, seconds).run()
        table.add(f"submit to done p50 at {share} % of that, {tag}", percentile(samples, 0.5), "ms",
                  f"p99 {percentile(samples, 0.99):.1f}, p99.9 {percentile(samples, 0.999):.1f}, {len(samples)} requests")


WRK_SCRIPT = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open("%s"):read("*a")
local bad = 0
function response(status) if status ~= 202 and status ~= 201 and status ~= 200 then bad = bad + 1 end end
"""


def padded_cluster(bytes_wanted=1024):
    """A submission of one satellite of about so many bytes."""
    cluster = f.one_cluster()
    cluster["satellites"][0]["class"] = "nobody"
    body = json.dumps({"cluster": cluster, "input": {"pad": ""}})
    return json.dumps({"cluster": cluster, "input": {"pad": "x" * (bytes_wanted - len(body))}})


def accepted(table, fleet, tag, seconds=8):
    """Submissions of 1 KiB accepted and durable, by wrk over keep-alive, the API on one core. Nobody runs them."""
    if fleet.kind != "services" or subprocess.run(["sh", "-c", "command -v wrk"], stdout=subprocess.DEVNULL).returncode:
        table.skip(f"submissions accepted, {tag}", "needs wrk, and Kafka" if fleet.kind == "services" else "of services only")
        return
    with open(f"{fleet.directory}/body.json", "w") as file:
        file.write(padded_cluster())
    with open(f"{fleet.directory}/post.lua", "w") as file:
        file.write(WRK_SCRIPT % f"{fleet.directory}/body.json")

    def offer():
        text = subprocess.run(["wrk", "-t1", "-c128", f"-d{seconds}s", "--latency", "-s", f"{fleet.directory}/post.lua",
                               f"http://127.0.0.1:{fleet.port}/v1/executions"], check=True, capture_output=True, text=True).stdout
        if "Non-2xx" in text:
            raise f.Failure(f"wrk: {text}")
        return int(re.search(r"(\d+) requests in", text).group(1)), re.search(r"99%\s+(\S+)", text).group(1)

    api = fleet.processes["api"].pid
    subprocess.run(["taskset", "-a", "-pc", "0", str(api)], check=True, stdout=subprocess.DEVNULL)
    before = fleet.cpu()
    runs = [offer() for _ in range(table.runs)]
    after = fleet.cpu()
    subprocess.run(["taskset", "-a", "-pc", f"0-{os.cpu_count() - 1}", str(api)], check=True, stdout=subprocess.DEVNULL)
    count = sum(accepted for accepted, _ in runs)
    table.add(f"submissions accepted, {tag}", median([accepted / seconds for accepted, _ in runs]), "submissions/s",
              f"128 connections, p99 {' '.join(p99 for _, p99 in runs)}; the API used {(after['api'] - before['api']) / count * 1e6:.0f} us of cpu a submission")


def start(table, binary):
    """`exosphere dev`: from its start to the first submission accepted."""
    body = {"cluster": f.one_cluster(), "input": {}}

    def once():
        port = f.free_port()
        with tempfile.TemporaryDirectory() as directory, open(f"{directory}/log", "w") as log:
            begin = time.monotonic()
            dev = subprocess.Popen([binary, "dev", "--listen", f"127.0.0.1:{port}", "--sandbox", "null", "--data", directory],
                                   stdout=log, stderr=log)
            try:
                f.wait_for("dev", lambda: f.Http(port).json("POST", "/v1/executions", body), 20)
                return (time.monotonic() - begin) * 1e3
            finally:
                dev.terminate()
                dev.wait()

    table.add("dev: start to first submission", median([once() for _ in range(table.runs)]), "ms")


def containers(table, binary):
    """Containers a second through the sandbox against bare `crun run`."""
    if os.geteuid() != 0:
        table.skip("containers", "needs root")
        return
    bench = os.path.join(os.path.dirname(binary), "tests/bench/containers_bench")
    text = subprocess.run([bench, "--json", "100"], capture_output=True, text=True, check=True).stdout
    times = {}
    for line in text.splitlines():
        one = json.loads(line)
        times.setdefault(one["at_once"], {})[one["name"]] = one["us_per_container"] / 1e3
    for at_once, named in times.items():
        bare = [ms for name, ms in named.items() if name != "sandbox"]
        table.add(f"a container, {at_once} at once", named["sandbox"], "ms", "", bare[0], "bare crun run")


ROWS_OF_A_FLEET = {"wide": wide, "one": one, "jobs": jobs, "latency": latency, "chain": chain, "load": load, "memory": memory,
                   "accepted": accepted}
ROWS = {"start": start, "containers": containers}
