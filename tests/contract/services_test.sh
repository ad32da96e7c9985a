#!/usr/bin/env bash
# tests/contract/services_test.sh: what infra/services promises to tests and developers, against the real services.
# Two instances side by side; kill, pause, restart and wipe; ports and data that stay; errors that say what to do.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
SERVICES=$ROOT/infra/services
WORK=$(mktemp -d)

fail() {
    printf 'services_test: FAILED: %s\n' "$*" >&2
    exit 1
}
tear_down() {
    local status=$? dir
    trap - EXIT
    for dir in "$WORK"/*/ports; do
        "$SERVICES" stop --kill --dir "${dir%/ports}" >/dev/null || true
        "$SERVICES" stop --wipe --dir "${dir%/ports}" >/dev/null || true
    done
    rm -rf "$WORK"
    exit "$status"
}
trap tear_down EXIT

# expect STATUS PATTERN COMMAND...: the command ends with STATUS and prints a line that fits PATTERN.
expect() {
    local status=$1 pattern=$2 got=0 printed
    shift 2
    printed=$("$@" 2>&1) || got=$?
    [[ $got -eq $status ]] || fail "exit $got, not $status: $* printed: $printed"
    grep -qE -- "$pattern" <<<"$printed" || fail "no line like '$pattern': $* printed: $printed"
}

# all_answer DIR: a look waits two seconds for each, and one that has just begun or come back may need longer.
all_answer() {
    local deadline=$((SECONDS + 120)) printed
    until printed=$("$SERVICES" status --dir "$1" 2>&1); do ((SECONDS < deadline)) || fail "not all answer: $printed"; done
    grep -qE "^kafka .* answers" <<<"$printed" || fail "status does not say so: $printed"
}

require() {
    local program missing=""
    for program in java mvn redis-server kcat psql; do
        command -v "$program" >/dev/null || missing+=" $program"
    done
    [[ -n $missing ]] || return 0
    [[ ${CI:-} != true ]] || fail "CI=true, and not installed:$missing"
    printf 'services_test: SKIPPED: not installed:%s\n' "$missing"
    exit 77
}

query() { psql -X -q -A -t -v ON_ERROR_STOP=1 "$EXOSPHERE_POSTGRES_URL" -c "$1"; }

wrong_use_is_explained() {
    expect 2 "is no service" "$SERVICES" start rabbit
    expect 2 "unknown command" "$SERVICES" begin
    expect 2 "unknown option" "$SERVICES" start --fast
    expect 2 "needs a service" "$SERVICES" restart
    expect 2 "leave out" "$SERVICES" stop redis --wipe
    expect 1 "services start" "$SERVICES" env --dir "$WORK/never"
    expect 1 "services start" "$SERVICES" status --dir "$WORK/never"
    expect 0 "nothing was started" "$SERVICES" stop --dir "$WORK/never"
    mkdir -p "$WORK/foreign/redis"
    expect 1 "was not made by" "$SERVICES" start redis --dir "$WORK/foreign"
}

missing_packages_are_named() {
    # A PATH with nothing but what the script itself runs on.
    mkdir "$WORK/bin"
    ln -s "$(command -v bash)" "$(command -v dirname)" "$(command -v sed)" "$WORK/bin/"
    expect 1 "apt-get install .*redis-server" env "PATH=$WORK/bin" "$SERVICES" start redis --dir "$WORK/never"
}

both_start() {
    "$SERVICES" start --dir "$WORK/a" >"$WORK/a.out" 2>&1 &
    local first=$!
    # A closed directory, as mktemp -d makes it: the user of Postgres cannot pass through it.
    mkdir -m 700 "$WORK/b"
    "$SERVICES" start postgres --dir "$WORK/b" >"$WORK/b.out" 2>&1 || fail "start b: $(<"$WORK/b.out")"
    wait "$first" || fail "start a: $(<"$WORK/a.out")"
    all_answer "$WORK/a"
    expect 1 "^redis .* stopped" "$SERVICES" status --dir "$WORK/b"
    expect 0 "^redis +runs already" "$SERVICES" start --dir "$WORK/a"
    [[ -z $(sort "$WORK/a/ports" "$WORK/b/ports" | sed 's/.*=//' | uniq -d) ]] || fail "two services share a port"
}

they_answer_their_clients() {
    eval "$("$SERVICES" env --dir "$WORK/a")"
    [[ $EXOSPHERE_LOG,$EXOSPHERE_STORE,$EXOSPHERE_CACHE == kafka,postgres,redis ]] || fail "env names no back-ends"
    query "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)"
    query "CREATE DATABASE another"
    [[ $(query "SHOW fsync") == on ]] || fail "Postgres runs without fsync"
    [[ $(query "SELECT rolsuper FROM pg_roles WHERE rolname = 'exosphere'") == f ]] || fail "exosphere is a superuser"
    expect 0 "1 brokers" kcat -L -m 10 -b "$EXOSPHERE_KAFKA_BROKERS"
    [[ $(redis-cli -u "$EXOSPHERE_REDIS_URL" ping) == PONG ]] || fail "Redis does not answer its client"
}

a_paused_one_is_told_from_a_dead_one() {
    local name
    for name in kafka postgres redis; do
        "$SERVICES" pause "$name" --dir "$WORK/a" >/dev/null
        expect 1 "^$name .* paused" "$SERVICES" status --dir "$WORK/a"
        "$SERVICES" resume "$name" --dir "$WORK/a" >/dev/null
    done
    all_answer "$WORK/a"
}

killed_ones_come_back_on_their_ports() {
    local before name
    before=$("$SERVICES" env --dir "$WORK/a")
    for name in kafka postgres redis; do
        expect 0 "^$name +answers" "$SERVICES" restart "$name" --kill --dir "$WORK/a"
    done
    # Somebody else kills the head of Postgres; its children are still leaving when it is started again.
    kill -9 "$(cut -d' ' -f1 "$WORK/a/postgres.pid")"
    expect 0 "^postgres +answers" "$SERVICES" start postgres --dir "$WORK/a"
    "$SERVICES" stop --dir "$WORK/a" >/dev/null
    expect 1 "^postgres .* stopped" "$SERVICES" status --dir "$WORK/a"
    "$SERVICES" start postgres --dir "$WORK/a" >/dev/null
    [[ $(query "SELECT n FROM kept") == 7 ]] || fail "Postgres lost a committed row"
    [[ $("$SERVICES" env --dir "$WORK/a") == "$before" ]] || fail "the ports changed"
}

a_taken_port_is_named() {
    local port
    port=$(sed -n 's/^redis=//p' "$WORK/b/ports")
    redis-server --port "$port" --bind 127.0.0.1 --save "" --dir "$WORK" >/dev/null &
    local thief=$! deadline=$((SECONDS + 20))
    until redis-cli -p "$port" ping >/dev/null 2>&1; do ((SECONDS < deadline)) || fail "no thief on port $port"; done
    expect 1 "port $port of redis is taken" "$SERVICES" start redis --dir "$WORK/b"
    kill "$thief"
    wait "$thief" || true
}

the_classes_of_kafka_are_archived() {
    local archive
    archive=$(grep -ao 'SharedArchiveFile=.*' <(tr '\0' '\n' <"/proc/$(cut -d' ' -f1 "$WORK/a/kafka.pid")/cmdline"))
    [[ -s ${archive#*=} ]] || fail "the broker has no archive: '$archive'"
    grep -q "${archive#*=}" "/proc/$(cut -d' ' -f1 "$WORK/a/kafka.pid")/maps" || fail "the broker does not use $archive"
    # One of other jars: the same ones elsewhere.
    mkdir -p "$WORK/cache/exosphere"
    cp -r "$("$SERVICES" jars)" "${archive#*=}" "$WORK/cache/exosphere/"
}

# Here also: an archive that does not fit is ignored, and nothing is said of it.
durable_is_asked_of_kafka() {
    XDG_CACHE_HOME=$WORK/cache "$SERVICES" start kafka --durable --dir "$WORK/b" >/dev/null
    ! grep -iE 'archive|shared|\[cds' "$WORK/b/kafka.log" || fail "an archive that does not fit is spoken of"
    grep -qx 'log.flush.interval.messages=1' "$WORK/b/kafka/server.properties" || fail "--durable changed nothing"
}

wipe_leaves_nothing() {
    local dir postgres
    for dir in a b; do
        postgres=$(readlink -f "$WORK/$dir/postgres")
        "$SERVICES" stop --wipe --dir "$WORK/$dir" >/dev/null
        [[ ! -e $WORK/$dir && ! -e $postgres ]] || fail "stop --wipe left $WORK/$dir or $postgres"
    done
}

# As root the whole test runs as root: start once more as somebody else, from a copy that user can read.
an_ordinary_user_can_start_them() {
    [[ $EUID -eq 0 ]] || return 0
    local as=(setpriv --reuid nobody --regid nogroup --clear-groups env "HOME=$WORK/home" "$WORK/home/infra/services")
    chmod 711 "$WORK"
    mkdir -p "$WORK/home/infra/deploy"
    cp "$SERVICES" "$WORK/home/infra/"
    cp -r "$ROOT/infra/deploy/kafka" "$WORK/home/infra/deploy/"
    chown -R nobody "$WORK/home"
    expect 0 "^postgres +answers" "${as[@]}" start postgres
    expect 0 "^redis +answers" "${as[@]}" start redis
    expect 0 "deleted the data" "${as[@]}" stop --wipe
}

require
for story in wrong_use_is_explained missing_packages_are_named both_start the_classes_of_kafka_are_archived they_answer_their_clients \
    a_paused_one_is_told_from_a_dead_one killed_ones_come_back_on_their_ports a_taken_port_is_named \
    durable_is_asked_of_kafka wipe_leaves_nothing an_ordinary_user_can_start_them; do
    printf 'services_test: %s\n' "${story//_/ }"
    "$story"
done
