#!/usr/bin/env bash
# tests/e2e/compose_test.sh [1|2]: docker-compose.yml brings up a fleet that finishes a cluster.
#
# With a Docker engine of its own, started here and ended here; 1 (the default) uses docker-compose 1.29, 2 uses
# compose v2. No hub is needed: the base image is made by debootstrap, the three well-known images are built from
# Debian packages and the same jars by compose.override.yml, which changes nothing else. Needs root.
#
# Kept between runs in ${XDG_CACHE_HOME:-~/.cache}/exosphere: the base, the jars, compose v2.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
HERE=$ROOT/tests/e2e
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/exosphere
V2_VERSION=v2.29.7 # the last of its line that needs no more than Go 1.21
API=http://127.0.0.1:8080
TOKEN=compose-test-token
PROJECT=exosphere-test
BUILD_SECONDS_MAX=900
HEALTHY_SECONDS_MAX=180

say() { printf 'compose_test: %s\n' "$*"; }
fail() {
    printf 'compose_test: FAILED: %s\n' "$*" >&2
    exit 1
}
# What cannot be had here is named; where everything must be there, it is a failure.
skip() {
    [[ ${CI:-} != true ]] || fail "CI=true, and $*"
    say "SKIPPED: $*"
    exit 77
}

require() {
    local program
    [[ $EUID -eq 0 ]] || skip "a Docker engine needs root. Type: sudo $0"
    for program in dockerd:docker.io /usr/bin/docker:docker.io docker-compose:docker-compose iptables:iptables \
        debootstrap:debootstrap curl:curl umoci:umoci busybox:busybox-static; do
        command -v "${program%%:*}" >/dev/null ||
            skip "no ${program%%:*}. Type: apt-get install -y --no-install-recommends ${program#*:}"
    done
    [[ -z $(ss -Hltn "sport = :8080") ]] || fail "port 8080 is taken; the fleet is published there"
}

# --- the engine ----------------------------------------------------------------------------------------------

# The kernel's highest capability, and so all that `privileged: true` asks for, against what root has here.
lacks_a_capability() {
    local all have
    all=$(((1 << ($(</proc/sys/kernel/cap_last_cap) + 1)) - 1))
    have=$((16#$(awk '/^CapBnd/ {print $2}' /proc/self/status)))
    ((all != have))
}

start_engine() {
    local began=$SECONDS runtime=()
    unset DOCKER_HOST DOCKER_CONTEXT
    [[ ! -e /var/run/docker.pid ]] || skip "a Docker engine runs here already, and two would share their firewall rules"
    # Listing makes the tables, so that they are saved, though empty.
    iptables -t filter -L -n >/dev/null && iptables -t nat -L -n >/dev/null && iptables-save >"$WORK/iptables"
    BRIDGE_WAS_THERE=""
    [[ ! -e /sys/class/net/docker0 ]] || BRIDGE_WAS_THERE=yes
    if lacks_a_capability; then
        say "root lacks a capability on this machine: privileged containers get the others"
        runtime=(--add-runtime "fewer=$HERE/compose/runc-with-fewer-capabilities" --default-runtime fewer)
    fi
    dockerd "${runtime[@]}" --host "unix://$WORK/sock" --data-root "$WORK/data" --exec-root "$WORK/exec" --pidfile "$WORK/pid" \
        >"$WORK/dockerd.log" 2>&1 &
    ENGINE=$!
    export DOCKER_HOST=unix://$WORK/sock DOCKER_CONFIG=$WORK/docker-config
    until /usr/bin/docker info >/dev/null 2>&1; do
        kill -0 "$ENGINE" 2>/dev/null || { tail -5 "$WORK/dockerd.log" >&2; skip "dockerd does not run on this machine"; }
        ((SECONDS - began < 60)) || fail "dockerd does not answer after 60 s"
        sleep 0.1
    done
    say "engine $(/usr/bin/docker version --format '{{.Server.Version}}'), storage $(/usr/bin/docker info --format '{{.Driver}}')"
}

tear_down() {
    local status=$?
    trap - EXIT INT TERM
    if [[ -n ${ENGINE:-} ]]; then
        [[ $status -eq 0 || -z ${UP:-} ]] || "${COMPOSE[@]}" logs --tail=60 >&2 2>&1 || true
        [[ -z ${UP:-} ]] || "${COMPOSE[@]}" down -v --timeout 5 >/dev/null 2>&1 || true
        kill "$ENGINE" 2>/dev/null || true
        wait "$ENGINE" 2>/dev/null || true
        # dockerd leaves its rules (FORWARD is dropped by default from then on) and its bridge.
        iptables-restore <"$WORK/iptables" || true
        [[ -n $BRIDGE_WAS_THERE ]] || ip link delete docker0 2>/dev/null || true
    fi
    awk -v w="$WORK/" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r point; do
        umount "$point" || true
    done
    rm -rf "$WORK"
    exit "$status"
}

# --- images --------------------------------------------------------------------------------------------------

make_base() {
    local tarball=$CACHE/debian-bookworm-base.tar
    mkdir -p "$CACHE"
    if [[ ! -e $tarball ]]; then
        say "making the base image by debootstrap (once; kept in $tarball)"
        debootstrap --variant=minbase bookworm "$WORK/base" >"$WORK/debootstrap.log" 2>&1 ||
            { tail -5 "$WORK/debootstrap.log" >&2; skip "debootstrap could not make a Debian: is the archive reachable?"; }
        rm -rf "$WORK"/base/var/cache/apt/archives/*.deb "$WORK"/base/var/lib/apt/lists/*
        # A build is thrown away: no need to force each file to the disk.
        printf 'force-unsafe-io\n' >"$WORK/base/etc/dpkg/dpkg.cfg.d/unsafe-io"
        tar -C "$WORK/base" --one-file-system -cf "$tarball.part" .
        mv "$tarball.part" "$tarball"
        rm -rf "$WORK/base"
    fi
    /usr/bin/docker import "$tarball" exosphere-test-base >/dev/null
}

make_context() {
    local context=$WORK/context
    mkdir -p "$context"
    cp "$HERE"/compose/*.Dockerfile "$HERE"/compose/*-entrypoint "$ROOT/infra/deploy/kafka/log4j2.properties" "$context"
    cp -r "$("$ROOT/infra/services" jars)" "$context/jars"
    export COMPOSE_TEST_CONTEXT=$context DEBIAN_IMAGE=exosphere-test-base
}

# The image of the satellites: busybox and its names, as an OCI layout.
make_satellite_image() {
    local tree=$WORK/tree layout=$WORK/images/busybox
    mkdir -p "$tree/bin" "$WORK/images"
    cp "$(command -v busybox)" "$tree/bin/busybox"
    ln -s busybox "$tree/bin/sh"
    ln -s busybox "$tree/bin/tr"
    umoci init --layout "$layout"
    umoci new --image "$layout:latest"
    umoci insert --image "$layout:latest" "$tree/bin" /bin
    umoci config --image "$layout:latest" --config.env PATH=/bin
    export EXOSPHERE_IMAGES=$WORK/images
}

# The override may change where the three images come from, and nothing else.
check_override() {
    local other
    other=$(grep -E '^( {2}| {4})[a-z_-]+:' "$HERE/compose.override.yml" |
        grep -vE '^  (kafka|postgres|redis):$|^    (image|build):' || true)
    [[ -z $other ]] || fail "compose.override.yml changes more than image and build: $other"
}

find_compose() {
    COMPOSE=(docker-compose)
    if [[ $1 == 2 ]]; then
        local v2=$CACHE/docker-compose-$V2_VERSION
        if [[ ! -x $v2 ]]; then
            say "building compose $V2_VERSION (once; kept in $v2)"
            GOBIN=$WORK/bin GOFLAGS="" nice "$ROOT/tests/support/go" install -trimpath \
                -ldflags "-s -w -X github.com/docker/compose/v2/internal.Version=$V2_VERSION" \
                "github.com/docker/compose/v2/cmd@$V2_VERSION" >"$WORK/go.log" 2>&1 ||
                { tail -5 "$WORK/go.log" >&2; skip "compose $V2_VERSION is no Debian 12 package, and could not be built: Go and its module proxy are needed"; }
            install "$WORK/bin/cmd" "$v2"
        fi
        COMPOSE=("$v2")
    fi
    say "$("${COMPOSE[@]}" version --short | sed 's/^v*/compose /')"
    COMPOSE+=(--project-name "$PROJECT" --project-directory "$ROOT"
        -f "$ROOT/docker-compose.yml" -f "$HERE/compose.override.yml")
}

# --- the fleet -----------------------------------------------------------------------------------------------

# Those that differ, at once: the other roles are the image of the API.
build_images() {
    local service builds=()
    for service in kafka postgres redis api; do
        timeout "$BUILD_SECONDS_MAX" "${COMPOSE[@]}" build "$service" >"$WORK/build-$service.log" 2>&1 &
        builds+=("$service=$!")
    done
    for service in "${builds[@]}"; do
        wait "${service#*=}" || { tail -40 "$WORK/build-${service%=*}.log" >&2; fail "the image of ${service%=*} does not build"; }
    done
}

health_of() { # of a service: healthy, starting, unhealthy, or what else its container is
    local id
    id=$(/usr/bin/docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1")
    /usr/bin/docker inspect -f '{{if eq .State.Status "running"}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$id"
}

wait_until_healthy() {
    local service health deadline=$((SECONDS + HEALTHY_SECONDS_MAX))
    for service in "$@"; do
        until health=$(health_of "$service") && [[ $health == healthy ]]; do
            ((SECONDS < deadline)) || fail "$service is '$health' after $HEALTHY_SECONDS_MAX s"
            sleep 0.5
        done
        say "$service is healthy"
    done
}

# request STATUS ARGUMENT...: curl with the token; prints the body, fails on any other status.
request() {
    local wanted=$1 got
    shift
    got=$(curl -sS --max-time 90 -o "$WORK/body" -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "$@")
    [[ $got == "$wanted" ]] || fail "HTTP $got, not $wanted: $* answered: $(<"$WORK/body")"
    cat "$WORK/body"
}

# of_json EXPRESSION: evaluates it on the document from standard input, which it knows as `d`.
of_json() { /usr/bin/python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"; }

only_the_api_is_published() {
    local addresses
    addresses=$(ss -Hltn "sport = :8080" | awk '{print $4}')
    [[ $addresses == 127.0.0.1:8080 ]] || fail "port 8080 listens on '$addresses'"
    [[ $(/usr/bin/docker ps --format '{{.Ports}}' | grep -c -- '->') -eq 1 ]] || fail "more than the API is published"
}

nobody_gets_in_without_the_token() {
    local got
    got=$(curl -sS --max-time 10 -o /dev/null -w '%{http_code}' "$API/v1/executions")
    [[ $got == 401 ]] || fail "without a token: HTTP $got, not 401"
}

both_workers_are_known() {
    local deadline=$((SECONDS + 30)) names=""
    until names=$(request 200 "$API/v1/workers" | of_json '*sorted(w["name"] for w in d["workers"])') &&
        [[ $names == "worker-1 worker-2" ]]; do
        ((SECONDS < deadline)) || fail "the API knows these workers: '$names'"
        sleep 0.2
    done
}

# Eight numbers are made, squared each in a container of its own, and added up.
a_cluster_finishes() {
    cat >"$WORK/request.json" <<'JSON'
{"cluster": {
  "name": "compose/squares",
  "defaults": {"image": "oci:busybox"},
  "satellites": [
    {"name": "numbers", "command": ["sh", "-c", "echo '[1,2,3,4,5,6,7,8]' >/exosphere/output.json"]},
    {"name": "square", "for_each": "${{ satellites.numbers.output }}", "as": "n", "input": {"n": "${{ n }}"},
     "command": ["sh", "-c", "n=$(tr -dc 0-9 </exosphere/input.json); echo $((n * n)) >/exosphere/output.json"]},
    {"name": "add", "input": {"them": "${{ satellites.square.output }}"},
     "command": ["sh", "-c", "s=0; for n in $(tr -c 0-9 ' ' </exosphere/input.json); do s=$((s + n)); done; echo $s >/exosphere/output.json"]}
  ],
  "output": "${{ satellites.add.output }}"
}}
JSON
    request 200 -X POST "$API/v1/executions?wait=60s" -H 'Content-Type: application/json' -d "@$WORK/request.json" \
        >"$WORK/answer.json"
    [[ $(of_json 'd["state"], d["output"]' <"$WORK/answer.json") == "SUCCEEDED 204" ]] ||
        fail "the cluster did not finish with 204: $(<"$WORK/answer.json")"
}

main() {
    local version=${1:-1}
    [[ $version == [12] ]] || fail "usage: $0 [1|2]"
    require
    WORK=$(mktemp -d /var/tmp/exosphere-compose.XXXXXX)
    trap tear_down EXIT
    trap 'exit 130' INT TERM
    check_override
    find_compose "$version"
    make_context
    make_satellite_image
    start_engine
    make_base
    export EXOSPHERE_API_TOKEN=$TOKEN
    say "building the images"
    build_images
    say "starting the fleet"
    UP=yes
    "${COMPOSE[@]}" up -d --no-build >"$WORK/up.log" 2>&1 || { tail -20 "$WORK/up.log" >&2; fail "compose up"; }
    wait_until_healthy kafka postgres redis api scheduler-1 scheduler-2 worker-1 worker-2
    for story in only_the_api_is_published nobody_gets_in_without_the_token both_workers_are_known a_cluster_finishes; do
        say "${story//_/ }"
        "$story"
    done
    say "PASSED with $("${COMPOSE[@]}" version --short)"
}

main "$@"
