# stage.sh: what the end-to-end tests share; sourced. $1 is the program under test.
#
# A test calls `check "what is promised" COMMAND...`, or says more with fail. It waits with `await`, never by sleeping.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
EXO=$(realpath "${1:?the program to test}")
NAME=$(basename "$0" .sh)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/exo-$NAME-XXXXXX")
PIDS=()
CHECKS=0
WAIT_SECONDS_MAX=180 # of a machine that has much else to do: the first program to use a Kafka makes all topics there

say() { printf '%s: %s\n' "$NAME" "$*"; }
fail() {
    printf '%s: FAILED: %s\n' "$NAME" "$*" >&2
    exit 1
}
# What cannot be had here is named; where everything must be there, it is a failure.
skip() {
    [[ ${CI:-} != true ]] || fail "CI=true, and $*"
    say "SKIPPED: $*"
    exit 77
}

finish() {
    local status=${1:-$?} pid
    trap - EXIT INT TERM
    for pid in "${PIDS[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    if ((status != 0 && status != 77)); then
        tail -n 15 "$WORK"/*.log >&2 2>/dev/null || true
    fi
    # What a killed worker left mounted.
    awk -v w="$WORK/" 'index($5, w) == 1 {print $5}' /proc/self/mountinfo | sort -r | while read -r point; do
        umount -l "$point" || true
    done
    rm -rf "$WORK"
    ((status != 0)) || say "PASSED, $CHECKS checks"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

# breathe [MILLISECONDS]
breathe() {
    local seconds
    printf -v seconds '0.%03d' "${1:-50}"
    read -r -t "$seconds" <> <(:) || true
}

# await WHAT COMMAND...: tries until the command succeeds. Less often as time goes by: each try starts programs, which
# what is waited for could use the cpu of.
await() {
    local what=$1 end=$((SECONDS + WAIT_SECONDS_MAX)) pause=50
    shift
    until "$@" >"$WORK/await" 2>&1; do
        ((SECONDS < end)) || fail "$what: not within $WAIT_SECONDS_MAX s; last: $(head -c 600 "$WORK/await")"
        breathe "$pause"
        pause=$((pause < 300 ? pause * 5 / 4 : pause))
    done
}

# check WHAT COMMAND...: the command succeeds.
check() {
    local what=$1
    shift
    "$@" >"$WORK/check" 2>&1 || fail "$what: $* gave $?: $(head -c 600 "$WORK/check")"
    CHECKS=$((CHECKS + 1))
}

is_told_to_ask_again() { grep -q 'its shard is behind; ask again' "$WORK/err"; }

# status WANTED COMMAND...: runs it into $WORK/out and $WORK/err and compares the exit status. The API waits 2 s for a shard
# that is behind, then says to ask again, and so it is asked again.
status() {
    local wanted=$1 got end=$((SECONDS + WAIT_SECONDS_MAX))
    shift
    while :; do
        got=0
        "$@" >"$WORK/out" 2>"$WORK/err" || got=$?
        ((got == 69 && wanted != 69 && SECONDS < end)) && is_told_to_ask_again || break
        breathe 300
    done
    [[ $got -eq $wanted ]] || fail "exit status $got, not $wanted: $*: $(head -c 600 "$WORK/err")"
    CHECKS=$((CHECKS + 1))
}

# holds FILE TEXT: the text stands in $WORK/FILE.
holds() {
    grep -qF -- "$2" "$WORK/$1" || fail "no \"$2\" in $1: $(head -c 1000 "$WORK/$1")"
    CHECKS=$((CHECKS + 1))
}

# start LOG COMMAND...: runs a role in the background, its output into $WORK/LOG.log; PID is its process.
start() {
    local log=$1
    shift
    "$@" >>"$WORK/$log.log" 2>&1 &
    PID=$!
    PIDS+=("$PID")
}

# start_dev FLAG...: exosphere dev on a free port, state in $WORK/data; sets DEV and EXOSPHERE_SERVER.
start_dev() {
    : >"$WORK/dev.log"
    start dev "$EXO" dev --listen 127.0.0.1:0 --data "$WORK/data" --log-format json "$@"
    DEV=$PID
    await "exosphere dev is ready" grep -q 'Exosphere listens on' "$WORK/dev.log"
    EXOSPHERE_SERVER=$(grep -o 'http://[0-9.]*:[0-9]*' "$WORK/dev.log" | head -n 1)
    export EXOSPHERE_SERVER
}

# start_api: exosphere api on a free port, state in $WORK/api; sets API and EXOSPHERE_SERVER.
start_api() {
    : >"$WORK/api.log"
    start api "$EXO" api --listen 127.0.0.1:0 --data "$WORK/api" --log-format json
    API=$PID
    await "the API listens" grep -q '"for":"api","port":' "$WORK/api.log"
    EXOSPHERE_SERVER=http://127.0.0.1:$(sed -n 's/.*"for":"api","port":\([0-9]*\).*/\1/p' "$WORK/api.log" | head -n 1)
    export EXOSPHERE_SERVER
    await "the API is ready" curl -sf "$EXOSPHERE_SERVER/readyz"
}

# time_in SECONDS: the time then, as the API writes it.
time_in() { date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%S.%3NZ; }

# ends PID WANTED: the process ends with that status.
ends() {
    local got=0
    await "process $1 ends" eval "! kill -0 $1 2>/dev/null || grep -q '^State:.Z' /proc/$1/status"
    wait "$1" 2>/dev/null || got=$?
    [[ $got -eq $2 ]] || fail "process $1 ended with $got, not $2"
    CHECKS=$((CHECKS + 1))
}

# The settings of services belong to the tests that want them.
without_services() {
    local variable
    for variable in "${!EXOSPHERE_@}"; do unset "$variable"; done
}

# choose_mode [services]: sets MODE, `dev` or `services`: against which of them the test runs.
choose_mode() {
    MODE=${1:-dev}
    if [[ $MODE == services ]]; then
        [[ -n ${EXOSPHERE_KAFKA_BROKERS:-} ]] || skip "no services; run eval \"\$(./infra/services env)\""
    else
        without_services
    fi
}
