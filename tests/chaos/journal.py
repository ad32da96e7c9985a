"""What the journal says of executions, and a client that tries again: shared by the stories of this folder."""

import collections
import http.client
import os
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import fleet as f  # noqa: E402


def missing():
    """What this cannot run without."""
    for tool in ("protoc", "psql", "redis-cli"):
        if subprocess.run(["sh", "-c", f"command -v {tool}"], stdout=subprocess.DEVNULL).returncode:
            return tool
    try:
        import google.protobuf  # noqa: F401
    except ImportError:
        return "python3-protobuf"
    return None


def skip(why):
    """Says what cannot be had here; where everything must be there, it is a failure."""
    print(f"skipped: {why}")
    return 1 if os.environ.get("CI") == "true" else 77


def call(fleet, method, path, body=None, seconds=300):
    """A client that tries again, as one would."""
    end = time.monotonic() + seconds
    while True:
        try:
            return f.Http(fleet.port, timeout=15).json(method, path, body)
        except (OSError, f.Failure, ValueError, http.client.HTTPException) as error:
            is_refusal = isinstance(error, f.Failure) and 400 <= error.status < 500 and error.status != 429
            if time.monotonic() > end or is_refusal:
                raise
            time.sleep(0.1)


def reader():
    """The ChangeBatch class of our own schema, generated for this run."""
    directory = tempfile.mkdtemp(prefix="exo-proto.")
    proto = os.path.join(f.ROOT, "schemas/proto")
    subprocess.run(["protoc", "-I", proto, f"--python_out={directory}", "exo/v1/event.proto"], check=True)
    sys.path.insert(0, directory)
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    from exo.v1 import event_pb2

    return event_pb2.ChangeBatch


def check(fleet, tasks):
    """Each execution of tasks (id -> its tasks that must have succeeded): gives the faults the journal tells of."""
    batch_class = reader()
    rows = subprocess.run(["psql", fleet.env["EXOSPHERE_POSTGRES_URL"], "-Atc",
                           "select encode(body, 'hex') from journal order by shard, batch"],
                          check=True, capture_output=True, text=True).stdout.split()
    numbers, ends, faults = collections.defaultdict(list), collections.Counter(), []
    for row in rows:
        for change in batch_class.FromString(bytes.fromhex(row)).changes:
            key = change.execution.hex()
            numbers[key].append(change.number)
            # A map ("m") and a group ("g") are not tasks: theirs are counted.
            if change.satellite and change.state == "SUCCEEDED" and (change.has_index or change.satellite not in ("m", "g")):
                ends[(key, change.instance, change.index if change.has_index else -1)] += 1
    counts = collections.Counter(execution for execution, _, _ in ends)
    for one, expected in tasks.items():
        key = one.replace("-", "")
        if numbers[key] != list(range(1, len(numbers[key]) + 1)):
            faults.append(f"{one}: the numbers of its changes have a gap or repeat")
        if counts[key] != expected:
            faults.append(f"{one}: {counts[key]} tasks ended, not {expected}")
    faults += [f"task {key} finished {n} times" for key, n in ends.items() if n != 1]
    return faults
