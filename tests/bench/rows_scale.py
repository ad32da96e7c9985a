"""Rows about size: what a task costs in a map of a million, what waits in memory, what a take-over takes."""

import os
import signal
import statistics
import time

import fleet as f

HUNDRED_THOUSAND, MILLION = 100_000, 1_000_000


def state_of(fleet, one):
    return fleet.http.json("GET", f"/v1/executions/{one}")["state"]


def await_end(fleet, one, seconds=900):
    """Waits for the end of an execution, which must be a good one."""
    f.wait_for(one, lambda: state_of(fleet, one) not in ("QUEUED", "RUNNING"), seconds)
    if state_of(fleet, one) != "SUCCEEDED":
        raise f.Failure(f"{one}: {fleet.http.json('GET', f'/v1/executions/{one}')}")


def ended_tasks(fleet, one, satellite="m"):
    for each in fleet.http.json("GET", f"/v1/executions/{one}")["satellites"]:
        if each["name"] == satellite:
            return each.get("counts", {}).get("SUCCEEDED", 0)
    return 0


def run_map(fleet, width):
    """One map with a join: (seconds, cpu seconds of each process)."""
    before, begin = fleet.cpu(), time.monotonic()
    await_end(fleet, f.submit(fleet, f.map_cluster(width), 1)[0])
    seconds, after = time.monotonic() - begin, fleet.cpu()
    return seconds, {name: after[name] - before[name] for name in after}


def ours(fleet, cpu):
    return sum(seconds for name, seconds in cpu.items() if name in fleet.processes)


def maps(table, fleet, tag):
    """for_each of 1,000 to 1,000,000 and a join; what a task costs against one of 1,000."""
    run_map(fleet, 1000)
    cost = {}
    for width, runs in ((1000, 20), (10_000, 5), (HUNDRED_THOUSAND, 2), (MILLION, 1)):
        seconds, cpu = zip(*[run_map(fleet, width) for _ in range(runs)])
        total = {name: sum(each[name] for each in cpu) / runs / width * 1e6 for name in cpu[0]}
        cost[width] = sum(total.values())
        table.add(f"map of {width:,} and a join, {tag}", statistics.median(seconds), "s",
                  "cpu/task us: " + " ".join(f"{name} {us:.1f}" for name, us in total.items()))
    table.add(f"cpu a task, 1,000,000 against 1,000, {tag}", cost[MILLION] / cost[1000], "times")
    table.add(f"cpu a task, 1,000,000 against 10,000, {tag}", cost[MILLION] / cost[10_000], "times")


def nobody(cluster):
    """The same for a class that no worker serves: its tasks stay READY."""
    return cluster | {"defaults": {"class": "nobody"}}


def settle(fleet, check, seconds=600):
    f.wait_for("the load", check, seconds)
    time.sleep(1.5)  # the last commits, and the caches of what has been written


def trimmed_pss(fleet):
    """MiB of the scheduler once it has given back what is free, as each role does every minute."""
    time.sleep(65)
    return f.pss_mib(fleet.processes["scheduler-0"].pid)


def live(table, binary):
    """100,000 executions live at once, then a map of 1,000,000 ready tasks, each in a scheduler of its own."""
    # The bound is shared evenly by the shards, and executions fall on them by chance.
    with f.Fleet(binary, "services", role_flags={"scheduler": ["--executions-max", "200000"]}) as fleet:
        before, core = f.pss_mib(fleet.processes["scheduler-0"].pid), fleet.metrics("scheduler-0")
        begin = time.monotonic()
        ids = f.submit(fleet, nobody(f.one_cluster()), HUNDRED_THOUSAND)
        settle(fleet, lambda: fleet.metrics("scheduler-0")["exosphere_scheduler_executions"] >= HUNDRED_THOUSAND)
        admitted = time.monotonic() - begin
        after, cores = trimmed_pss(fleet), fleet.metrics("scheduler-0")
        name = "exosphere_scheduler_memory_bytes"
        table.add("100,000 live executions: scheduler", after, "MiB Pss", f"admitted in {admitted:.0f} s")
        table.add("memory a waiting execution", (after - before) * 1048576 / HUNDRED_THOUSAND, "bytes",
                  f"of them in the core {(cores[name] - core[name]) / HUNDRED_THOUSAND:.0f}")
        http = f.Http(fleet.port)  # the connection of before has been idle for too long
        for one in ids:
            http.json("POST", f"/v1/executions/{one}/cancel", {})
        settle(fleet, lambda: fleet.metrics("scheduler-0")["exosphere_scheduler_executions"] == 0)
        left = fleet.metrics("scheduler-0")[name] - core[name]
        table.add("left in the core when all have ended", left / 1024, "KiB",
                  f"Pss {trimmed_pss(fleet):.0f} MiB, {before:.0f} before")
    with f.Fleet(binary, "services") as fleet:
        f.run_all(fleet, lambda: f.submit(fleet, f.one_cluster(), 10))
        before, core = f.pss_mib(fleet.processes["scheduler-0"].pid), fleet.metrics("scheduler-0")
        cluster = f.map_cluster(MILLION)
        cluster["satellites"][1]["class"] = "nobody"
        f.submit(fleet, cluster, 1)
        settle(fleet, lambda: fleet.metrics("scheduler-0")["exosphere_scheduler_ready_tasks"] >= MILLION)
        after, cores = f.pss_mib(fleet.processes["scheduler-0"].pid), fleet.metrics("scheduler-0")
        table.add("memory a live task of a map", (after - before) * 1048576 / MILLION, "bytes",
                  f"of them in the core {(cores[name] - core[name]) / MILLION:.0f}")


def accepted(fleet):
    return fleet.metrics("worker-0")["exosphere_worker_accepted_total"]


def takeover(table, binary):
    """A scheduler with 1,000,000 live tasks is killed (-9) and another is started: until a worker gets a task again."""
    with f.Fleet(binary, "services") as fleet:
        one = f.submit(fleet, f.map_cluster(MILLION), 1)[0]
        f.wait_for("its first tasks", lambda: ended_tasks(fleet, one) > 10_000, 300)
        times = []
        for _ in range(table.runs):
            fleet.end("scheduler-0", signal.SIGKILL)
            begin = time.monotonic()
            fleet.start_again("scheduler-0")
            seen = -1.0
            while accepted(fleet) != seen:  # what was on its way when it died
                seen = accepted(fleet)
                time.sleep(0.2)
            f.wait_for("a task again", lambda: accepted(fleet) > seen, 120)
            times.append(time.monotonic() - begin)
            time.sleep(1)
        ended = ended_tasks(fleet, one)
        table.add("take-over of 1,000,000 live tasks", statistics.median(times), "s",
                  f"killed to first dispatch, {' '.join(f'{t:.1f}' for t in times)}; {ended:,} tasks had ended")


def shards_running(fleet, name):
    return fleet.metrics(name).get("exosphere_scheduler_shards_running", 0)  # not there before it is ready


def shards(table, binary):
    """One of three schedulers is killed (-9): until the two others run all its shards."""
    names, times = [f"scheduler-{i}" for i in range(3)], []
    with f.Fleet(binary, "services", schedulers=3) as fleet:
        for run in range(table.runs):
            f.wait_for("an even share", lambda: all(20 <= shards_running(fleet, name) <= 22 for name in names), 60)
            time.sleep(run * 0.17)  # another moment of its round
            dead, *left = names[run % 3:] + names[:run % 3]
            fleet.end(dead, signal.SIGKILL)
            begin = time.monotonic()
            f.wait_for("the take-over", lambda: all(shards_running(fleet, name) == 32 for name in left), 60)
            times.append(time.monotonic() - begin)
            fleet.start_again(dead)
    table.add("shards of a killed scheduler taken over by two", statistics.median(times), "s",
              " ".join(f"{t:.2f}" for t in times) + "; lease 3 s, looked at each 0.5 s")


def fairness(table, binary):
    """A project with 1,000,000 ready tasks and another with one: submit to done of the one."""
    with f.Fleet(binary, "services") as fleet:
        crowd = f.submit(fleet, f.map_cluster(MILLION, ["null", "--sleep", "1ms"], "crowd"), 1)[0]
        f.wait_for("the crowd", lambda: ended_tasks(fleet, crowd) > 10_000, 300)
        times = []
        for _ in range(20):
            begin = time.monotonic()
            fleet.http.json("POST", "/v1/executions?wait=30s", {"cluster": f.one_cluster(), "input": {}})
            times.append((time.monotonic() - begin) * 1e3)
        table.add("one task beside a million: submit to done", statistics.median(times), "ms",
                  f"longest {max(times):.0f}; {ended_tasks(fleet, crowd):,} of the million had ended")


class Cap:
    """A cgroup that gives what is in it so much of one core; needs root. v1 or v2."""

    def __init__(self, name, share):
        self.is_v2 = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
        self.path = f"/sys/fs/cgroup/{'' if self.is_v2 else 'cpu/'}exo-bench-{os.getpid()}-{name}"
        os.mkdir(self.path)
        quota = int(share * 100_000)
        if self.is_v2:
            self.write("cpu.max", f"{quota} 100000")
        else:
            self.write("cpu.cfs_period_us", "100000")
            self.write("cpu.cfs_quota_us", str(quota))

    def write(self, file, text):
        with open(f"{self.path}/{file}", "w") as out:
            out.write(text)

    def hold(self, pid):
        self.write("cgroup.procs", str(pid))

    def remove(self):
        os.rmdir(self.path)


def capped_rate(binary, count, share, executions):
    caps = []
    try:
        with f.Fleet(binary, "services", schedulers=count) as fleet:
            f.warm(fleet)  # a broker just started is what is short; meanwhile shards spread over the two
            for i in range(count):
                caps.append(Cap(f"scheduler-{i}", share))
                caps[-1].hold(fleet.processes[f"scheduler-{i}"].pid)
            before, begin = fleet.cpu(), time.monotonic()
            f.run_all(fleet, lambda: f.submit(fleet, f.one_cluster(), executions))
            seconds, after = time.monotonic() - begin, fleet.cpu()
            used = [(after[f"scheduler-{i}"] - before[f"scheduler-{i}"]) / seconds for i in range(count)]
            return executions / seconds, used
    finally:
        for cap in caps:
            cap.remove()


def two(table, binary, share=0.15, executions=12_000):
    """Two schedulers against one, each capped at 15 % of a core, so that they are what is short."""
    if os.geteuid() != 0:
        table.skip("two schedulers against one", "needs root, for a cgroup")
        return
    one, used_by_one = capped_rate(binary, 1, share, executions)
    both, used_by_both = capped_rate(binary, 2, share, executions)
    table.add("two schedulers against one, capped", both / one, "times",
              f"{one:.0f} and {both:.0f} executions/s; cores used {used_by_one[0]:.3f} and "
              + " ".join(f"{used:.3f}" for used in used_by_both))


def idle(table, binary, seconds=20):
    """cpu with nothing to do, and memory at start."""
    with f.Fleet(binary, "services") as fleet:
        time.sleep(5)
        for name, process in fleet.processes.items():
            table.add(f"memory at start of {name}", f.pss_mib(process.pid), "MiB Pss")
        before = fleet.cpu()
        time.sleep(seconds)
        after = fleet.cpu()
        shares = {name: (after[name] - before[name]) / seconds * 100 for name in after}
        table.add("cpu with nothing to do, all our roles", sum(shares[name] for name in fleet.processes), "% of a core",
                  " ".join(f"{name} {share:.2f}" for name, share in shares.items()))


TABLES = """select c.relname, pg_total_relation_size(c.oid) / 1024, coalesce(n_dead_tup, 0), coalesce(n_live_tup, 0)
  from pg_class c left join pg_stat_user_tables s on s.relid = c.oid
 where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and pg_total_relation_size(c.oid) > 1024 * 1024
 order by 2 desc"""


def tables(table, binary, rounds=10):
    """What the tables hold after maps of 1,000,000 and 20,000 executions of one satellite, again and again."""
    with f.Fleet(binary, "services") as fleet:
        sizes = []
        for _ in range(rounds):
            await_end(fleet, f.submit(fleet, f.map_cluster(MILLION), 1)[0])
            f.run_all(fleet, lambda: f.submit(fleet, f.one_cluster(), 20_000))
            fleet.sql("analyze")
            sizes.append({name: int(size) for name, size, _, _ in fleet.sql(TABLES)})
        for name, size, dead, alive in fleet.sql(TABLES):
            table.add(f"table {name} after {rounds} x 1,020,000 tasks", int(size) / 1024, "MiB",
                      f"{int(alive):,} rows, {int(dead):,} dead; after each round "
                      + " ".join(f"{each.get(name, 0) / 1024:.1f}" for each in sizes))


ROWS_OF_A_FLEET = {"maps": maps}
ROWS = {"live": live, "takeover": takeover, "shards": shards, "fairness": fairness, "two": two, "idle": idle, "tables": tables}
