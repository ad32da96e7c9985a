#!/usr/bin/env bash
# A program that is not ours puts Jobs on exo.jobs: a payload made by protoc, sent by kcat, whose partitioner is another
# than ours; with an id, without one, and one that is no message at all; then Commands on exo.status.
#
#   foreign_job_test.sh EXOSPHERE     the program; Kafka, Postgres and Redis as `infra/services env` says
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
EXOSPHERE=$1
DIR=$(mktemp -d)
PIDS=()

skip() {
    printf 'skipped: %s\n' "$1"
    [ "${CI:-}" = true ] && exit 1
    exit 77
}

finish() {
    local status=$?
    for pid in "${PIDS[@]}"; do kill -9 "$pid" 2>/dev/null || :; done
    [ $status = 0 ] || tail -n 20 "$DIR"/*.log 2>/dev/null || :
    rm -rf "$DIR"
    exit $status
}
trap finish EXIT

[ -n "${EXOSPHERE_KAFKA_BROKERS:-}" ] || skip "no services; run eval \"\$(./infra/services env)\""
for tool in kcat protoc psql; do command -v $tool >/dev/null || skip "$tool is not installed"; done

sql() { psql "$EXOSPHERE_POSTGRES_URL" -Atc "$1"; }

# await WHAT SQL WANTED: asks until the answer is as wanted.
await() {
    local answer="" end=$((SECONDS + 60))
    while ((SECONDS < end)); do
        answer=$(sql "$2" 2>/dev/null || :)
        [ "$answer" = "$3" ] && return
        read -r -t 0.1 <> <(:) || :
    done
    printf '%s: "%s", not "%s"\n' "$1" "$answer" "$3"
    return 1
}

job() { protoc -I "$ROOT/schemas/proto" --encode=exo.v1.Job exo/v1/job.proto; }

"$EXOSPHERE" scheduler --data "$DIR" >"$DIR/scheduler.log" 2>&1 &
PIDS+=($!)
"$EXOSPHERE" worker --sandbox null --worker-name "foreign-$$" --data "$DIR/worker" >"$DIR/worker.log" 2>&1 &
PIDS+=($!)
await "the scheduler owns its shards" "select count(*) > 0 from shard_lease where owner <> ''" t

ID=$(cat /proc/sys/kernel/random/uuid)
NAME=foreign-$$
CLUSTER="{\\\"exosphere\\\":\\\"v1\\\",\\\"cluster\\\":{\\\"name\\\":\\\"$NAME\\\",\\\"satellites\\\":[{\\\"name\\\":\\\"a\\\",\\\"image\\\":\\\"oci:none\\\",\\\"command\\\":[\\\"null\\\"]}]}}"
printf 'version: 1\nproject: "demo"\nexecution_id: "%s"\ncluster: "%s"\n' "$ID" "$CLUSTER" | job >"$DIR/with-id"
printf 'version: 1\nproject: "demo"\ncluster: "%s"\n' "$CLUSTER" | job >"$DIR/without-id"
printf 'no message' >"$DIR/garbage"
printf 'version: 9\nproject: "demo"\ncluster: "%s"\n' "$CLUSTER" | job >"$DIR/of-later"
printf 'version: 1\nproject: "demo"\ncluster: "{ no JSON"\n' | job >"$DIR/no-json"
LETTERS=$(sql "select count(*) from dead_letter")

kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -k "$ID" "$DIR/with-id"
await "the execution with an id" "select state from execution where id = '$ID'" SUCCEEDED
kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -k "$ID" "$DIR/with-id"
kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -k other "$DIR/without-id"
for bad in garbage of-later no-json; do kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -k "$ID" "$DIR/$bad"; done
await "both executions" "select count(*) from execution where cluster = 'demo/$NAME' and state = 'SUCCEEDED'" 2
await "the dead letters" "select count(*) from dead_letter" $((LETTERS + 3))
await "one says that its version is not known" \
    "select count(*) from (select reason from dead_letter order by id desc limit 3) as last where reason like '%version%'" 1
printf 'six Jobs from kcat: two executions, three dead letters\n'

# Commands: the same program cancels, signals and approves.
record() { protoc -I "$ROOT/schemas/proto" --encode=exo.v1.StatusRecord exo/v1/status.proto; }
# send KIND TEXT: a Command to $ID.
send() {
    local bytes
    bytes=$(tr -d - <<<"$ID" | sed 's/../\\x&/g')
    printf 'version: 1\ncommands { kind: %s execution: "%s" actor: "kcat" %s }\n' "$1" "$bytes" "$2" | record >"$DIR/command"
    kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.status -X partitioner=murmur2 -k "$ID" "$DIR/command"
}
ID=$(cat /proc/sys/kernel/random/uuid)
CLUSTER="{\\\"exosphere\\\":\\\"v1\\\",\\\"cluster\\\":{\\\"name\\\":\\\"$NAME-waits\\\",\\\"satellites\\\":[{\\\"name\\\":\\\"go\\\",\\\"wait\\\":{\\\"signal\\\":\\\"paid\\\"}},{\\\"name\\\":\\\"ok\\\",\\\"needs\\\":[],\\\"wait\\\":{\\\"approval\\\":true}}]}}"
printf 'version: 1\nproject: "demo"\nexecution_id: "%s"\ncluster: "%s"\n' "$ID" "$CLUSTER" | job >"$DIR/waits"
kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -k "$ID" "$DIR/waits"
await "it waits for the signal" "select state from execution where id = '$ID'" RUNNING
send PAUSE 'reason: "lunch"'
await "it is paused" "select state from execution where id = '$ID'" PAUSED
send RESUME ''
await "it goes on" "select state from execution where id = '$ID'" RUNNING
LETTERS=$(sql "select count(*) from dead_letter")
send SIGNAL 'name: "paid" value: "{ no JSON"'
await "a value that is no JSON is a dead letter" "select count(*) from dead_letter" $((LETTERS + 1))
kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.status -p $((($(sql "select shard from execution where id = '$ID'") + 1) % 64)) "$DIR/command"
await "one on a partition of another shard too" "select count(*) from dead_letter" $((LETTERS + 2))
send SIGNAL 'id: "order-1" name: "paid" value: "{\"amount\": 12}"'
send SIGNAL 'id: "order-1" name: "paid" value: "{\"amount\": 12}"'
send APPROVE 'task: "ok"'
await "it has ended" "select state from execution where id = '$ID'" SUCCEEDED
[ "$(sql "select convert_from(output, 'UTF8')::jsonb->'ok'->>'approved_by' from execution where id = '$ID'")" = kcat ]
grep -q '"event":"command.taken".*done: execution .* pause by kcat: lunch' "$DIR/scheduler.log"
printf 'seven Commands from kcat: done, repeated or refused as they should be\n'
