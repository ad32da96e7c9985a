"""What runs while things break: a mixture of clusters, each with the number of tasks it must end with."""

PER_ROUND = 100  # the mixture repeats after so many executions

DIAMOND = {
    "name": "chaos/diamond",
    "defaults": {"image": "oci:none", "retries": {"limit": 3, "base": "50ms"}},
    "satellites": [
        {"name": "a", "command": ["null", "--sleep", "20ms"]},
        {"name": "m", "needs": [], "for_each": "${{ input.items }}", "max_parallel": 8, "command": ["null", "--sleep", "30ms"]},
        {"name": "b", "needs": ["a"], "command": ["null"]},
        {"name": "z", "needs": ["m", "b"], "command": ["null", "--sleep", "10ms"]},
    ],
    "output": "${{ size(satellites.m.output) }}",
}

WIDE = {
    "name": "chaos/wide",
    "defaults": {"image": "oci:none"},
    "satellites": [
        {"name": "m", "for_each": "${{ input.items }}", "command": ["null", "--sleep", "15ms", "--output", "7"]},
        {"name": "join", "command": ["null"]},
    ],
    "output": "${{ size(satellites.m.output) }}",
}

# Is cancelled right after it was submitted.
CANCELLED = {
    "name": "chaos/cancelled",
    "defaults": {"image": "oci:none"},
    "satellites": [
        {"name": "m", "for_each": "${{ input.items }}", "max_parallel": 20, "command": ["null", "--sleep", "400ms"]},
    ],
    "output": 1,
}

# Each item goes through both steps without waiting for the others.
PIPELINE = {
    "name": "chaos/pipeline",
    "defaults": {"image": "oci:none"},
    "satellites": [
        {"name": "page", "for_each": "${{ input.items }}", "max_parallel": 4, "satellites": [
            {"name": "fetch", "command": ["null", "--sleep", "10ms"]},
            {"name": "parse", "command": ["null", "--sleep", "10ms"]},
        ]},
        {"name": "last", "command": ["null"]},
    ],
    "output": "done",
}

# Tells what it runs over the machine's network, and fails once where the item says so.
SCRIPT = """echo "$EXOSPHERE_EXECUTION $EXOSPHERE_TASK $EXOSPHERE_ATTEMPT crun" | nc -w 10 127.0.0.1 "$1" || exit 3
[ "$2" = no ] || [ "$EXOSPHERE_ATTEMPT" != 1 ] || exit 4
echo 1 >/exosphere/output.json"""

CONTAINERS = {
    "name": "chaos/containers",
    "defaults": {"image": "oci:busybox", "class": "containers", "network": "host",
                 "resources": {"cpu": "10m", "memory": "16Mi"}, "retries": {"limit": 5, "base": "100ms"}},
    "satellites": [
        {"name": "c", "for_each": "${{ input.fails }}", "as": "fails",
         "command": ["sh", "-c", SCRIPT, "sh", "${{ input.port }}", "${{ fails }}"]},
    ],
    "output": "${{ size(satellites.c.output) }}",
}


class Kind:
    """tasks: that run, None where nobody can say; group: the satellite whose tasks are runs, and run nothing."""

    def __init__(self, cluster, value, tasks, is_cancelled=False, group=None):
        self.cluster, self.value, self.tasks, self.is_cancelled, self.group = cluster, value, tasks, is_cancelled, group


def kinds(has_containers, recorder_port):
    """The mixture, in the order it is submitted: PER_ROUND entries."""
    diamond = Kind(DIAMOND, {"items": list(range(12))}, 15)
    wide = Kind(WIDE, {"items": list(range(300))}, 301)
    pipeline = Kind(PIPELINE, {"items": list(range(8))}, 17, group="page")
    cancelled = Kind(CANCELLED, {"items": list(range(200))}, None, is_cancelled=True)
    containers = Kind(CONTAINERS, {"port": str(recorder_port), "fails": ["no", "once", "no", "no"]}, 4)
    mixture = []
    for i in range(PER_ROUND):
        mixture.append(wide if i % 10 == 0 else
                       cancelled if i % 50 == 7 else
                       containers if i % 5 == 3 and has_containers else
                       pipeline if i % 3 == 0 else diamond)
    return mixture
