#!/usr/bin/env bash
# A program that is not ours puts Jobs on exo.jobs: a payload made by protoc, sent by kcat, whose partitioner is another
# than ours; with an id, without one, and one that is no message at all; then every kind of Command on exo.status, also
# before its Job, and reruns.
#
#   foreign_job_test.sh EXOSPHERE     the program; Kafka, Postgres and Redis as `infra/services env` says
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
EXOSPHERE=$1
DIR=$(mktemp -d)
PIDS=()
WAIT_SECONDS_MAX=180

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
for tool in kcat protoc psql jq curl python3; do command -v $tool >/dev/null || skip "$tool is not installed"; done

sql() { psql "$EXOSPHERE_POSTGRES_URL" -Atc "$1"; }

# await WHAT SQL WANTED: asks until the answer is as wanted.
await() {
    local answer="" end=$((SECONDS + WAIT_SECONDS_MAX))
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

# A Job without an id belongs to the partition it lies on, under an id that anyone can compute (docs/operations.md); one
# that brings the id of another shard is passed on.
id_of_place() {
    python3 - "$@" <<'PYTHON'
import sys, uuid

def murmur2(key):
    mask, factor, h = 0xffffffff, 0x5bd1e995, 0x9747b28c ^ len(key)
    for at in range(0, len(key), 4):
        k = int.from_bytes(key[at:at + 4], "little") * factor & mask
        h = h * factor & mask ^ (k ^ k >> 24) * factor & mask
    h = (h ^ h >> 13) * factor & mask
    return h ^ h >> 15

partition, offset, shards = (int(argument) for argument in sys.argv[1:])
first = uuid.uuid5(uuid.UUID("6b1f0e52-3c0b-5d1e-9a77-45584f2d4a01"), f"exo.jobs/{partition}/{offset}").int
ids = (uuid.UUID(int=first >> 16 << 16 | first + more & 0xffff) for more in range(65536))
print(next(one for one in ids if (murmur2(str(one).encode()) & 0x7fffffff) % shards == partition))
PYTHON
}
METRICS=http://127.0.0.1:$(sed -n 's/.*"for":"health","port":\([0-9]*\).*/\1/p' "$DIR/scheduler.log" | head -n 1)/metrics
forwarded() { curl -sf "$METRICS" | sed -n 's/^exosphere_scheduler_jobs_forwarded_total //p'; }
SHARDS=$(sql "select count(*) from shard")
BEFORE=$(forwarded)
for partition in 0 17 $((SHARDS - 1)); do
    offset=$(kcat -Q -b "$EXOSPHERE_KAFKA_BROKERS" -t "exo.jobs:$partition:-1" | sed 's/.* //')
    kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -p "$partition" "$DIR/without-id"
    await "the execution of the Job at $partition/$offset" \
        "select state || ' on ' || shard from execution where id = '$(id_of_place "$partition" "$offset" "$SHARDS")'" "SUCCEEDED on $partition"
done
[ "$(forwarded)" = "$BEFORE" ]
HOME_OF_ID=$(sql "select shard from execution where id = '$ID'")
kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -p $(((HOME_OF_ID + 1) % SHARDS)) "$DIR/with-id"
end=$((SECONDS + WAIT_SECONDS_MAX))
until [ "$(forwarded)" = $((BEFORE + 1)) ]; do
    ((SECONDS < end)) || { printf 'forwarded: %s, not %s\n' "$(forwarded)" $((BEFORE + 1)) && exit 1; }
    read -r -t 0.1 <> <(:) || :
done
[ "$(sql "select count(*) from execution where cluster = 'demo/$NAME'")" = 5 ]
printf 'Jobs without an id: under that of their place, none passed on\n'

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

# ---- all that can be asked, by the same door ----

"$EXOSPHERE" api --listen 127.0.0.1:0 --log-format json --data "$DIR/api" >"$DIR/api.log" 2>&1 &
PIDS+=($!)
# until WHAT COMMAND...: tries until the command succeeds.
until_so() {
    local what=$1 end=$((SECONDS + WAIT_SECONDS_MAX))
    shift
    until "$@" >"$DIR/until" 2>&1; do
        ((SECONDS < end)) || {
            printf '%s: not within %s s: %s\n' "$what" "$WAIT_SECONDS_MAX" "$(head -c 600 "$DIR/until")"
            return 1
        }
        read -r -t 0.1 <> <(:) || :
    done
}
until_so "the API listens" grep -q '"for":"api","port":' "$DIR/api.log"
EXOSPHERE_SERVER=http://127.0.0.1:$(sed -n 's/.*"for":"api","port":\([0-9]*\).*/\1/p' "$DIR/api.log" | head -n 1)
export EXOSPHERE_SERVER
# reaches TASK STATE: of $ID.
reaches() { until_so "$1 is $2" eval "'$EXOSPHERE' get $ID $1 -o json | jq -e '.state == \"$2\"'"; }
# make NAME SATELLITES [OUTPUT]: a Job under a new ID, sent but for the word `later`.
make() {
    ID=$(cat /proc/sys/kernel/random/uuid)
    local cluster="{\"exosphere\":\"v1\",\"cluster\":{\"name\":\"$NAME-$1\",\"satellites\":[$2]}}"
    printf 'version: 1\nproject: "demo"\nexecution_id: "%s"\ncluster: "%s"\n' "$ID" "${cluster//\"/\\\"}" | job >"$DIR/made"
}
publish() { kcat -P -b "$EXOSPHERE_KAFKA_BROKERS" -t exo.jobs -k "$ID" "$DIR/made"; }
# A satellite of a class that nobody serves waits.
stuck() { printf '{"name":"%s","needs":[],"image":"oci:x","class":"nobody-%s","continue_on_error":true%s}' "$1" $$ "${2:-}"; }

# shellcheck disable=SC2016 # no expression of the shell
make hands "$(stuck one),$(stuck two),$(stuck many ',"for_each":"${{ [1, 2] }}"'),{\"name\":\"flaky\",\"needs\":[],\"image\":\"oci:x\",\"command\":[\"null\",\"--exit\",\"1\"],\"continue_on_error\":true,\"retries\":{\"limit\":1,\"base\":\"1h\",\"cap\":\"1h\"}},{\"name\":\"no\",\"needs\":[],\"wait\":{\"approval\":true},\"continue_on_error\":true}"
publish
reaches flaky BACKOFF
reaches one READY
send PRIORITY 'priority: 8'
until_so "its priority is 8" eval "'$EXOSPHERE' get $ID -o json | jq -e '.priority == 8'"
send RETRY 'task: "flaky"'
until_so "its second try" eval "'$EXOSPHERE' get $ID flaky -o json | jq -e '.attempt == 2'"
send SKIP 'task: "one" value: "{\"by\": \"hand\"}"'
reaches one SUCCEEDED
send SKIP 'task: "many.0" value: "7"'
reaches many.0 SUCCEEDED
"$EXOSPHERE" get "$ID" many.0 -o json | jq -e '.output == 7' >/dev/null
send CANCEL 'task: "many.1" reason: "one task"'
reaches many.1 CANCELLED
send REJECT 'task: "no" reason: "not today"'
reaches no FAILED
send CANCEL 'task: "two" reason: "one satellite"'
send CANCEL 'task: "two" reason: "again"'
await "it has ended" "select state from execution where id = '$ID'" SUCCEEDED
"$EXOSPHERE" get "$ID" -o json | jq -e '.output.one == {"by": "hand"} and .output.many == null' >/dev/null
OLD=$ID
printf 'Commands from kcat: priority, retry, skip, cancel of a task and of a satellite, reject\n'

# A rerun is a Job: from what failed, and from a satellite on with another input.
ID=$(cat /proc/sys/kernel/random/uuid)
printf 'version: 1\nexecution_id: "%s"\nrerun_of: "%s"\n' "$ID" "$OLD" | job >"$DIR/made"
publish
reaches two READY
"$EXOSPHERE" get "$ID" -o json | jq -e --arg old "$OLD" '.rerun_of == $old and .satellites[0].kept_from == $old' >/dev/null
send CANCEL 'reason: "the whole"'
await "the rerun is cancelled" "select state from execution where id = '$ID'" CANCELLED
ID=$(cat /proc/sys/kernel/random/uuid)
printf 'version: 1\nexecution_id: "%s"\nrerun_of: "%s"\nrerun_from: "flaky"\ninput: "{\\"day\\": 2}"\n' "$ID" "$OLD" | job >"$DIR/made"
publish
reaches flaky BACKOFF
"$EXOSPHERE" get "$ID" -o json | jq -e '.input == {"day": 2} and .satellites[0].state == "SUCCEEDED"' >/dev/null
send CANCEL ''
await "this one too" "select state from execution where id = '$ID'" CANCELLED
ID=$(cat /proc/sys/kernel/random/uuid)
printf 'version: 1\nexecution_id: "%s"\nrerun_of: "%s"\nstart_at_ms: 4102441200000\n' "$ID" "$OLD" | job >"$DIR/made"
publish
await "it waits for its time" "select state from execution where id = '$ID'" QUEUED
"$EXOSPHERE" get "$ID" -o json | jq -e '.start_at == "2099-12-31T23:00:00.000Z" and .satellites[0].kept_from != null' >/dev/null
send CANCEL ''
await "and this one" "select state from execution where id = '$ID'" CANCELLED
printf 'reruns from kcat: of what failed, later, and from a satellite with another input\n'

# Commands overtake their Job: they are kept, and done in their order when it comes.
LETTERS=$(sql "select count(*) from dead_letter")
make early '{"name":"go","wait":{"signal":"paid"}},{"name":"hard","image":"oci:x","class":"nobody"}'
send SIGNAL 'name: "paid" value: "{\"amount\": 13}"'
send PRIORITY 'priority: 2'
grep_kept() { grep '"event":"command.taken"' "$DIR/scheduler.log" | grep -q "kept for an execution that is not known yet: execution $ID: priority"; }
until_so "both are kept" grep_kept
publish
reaches go SUCCEEDED
"$EXOSPHERE" get "$ID" -o json | jq -e '.priority == 2' >/dev/null
"$EXOSPHERE" get "$ID" go -o json | jq -e '.output == {"amount": 13}' >/dev/null
send CANCEL ''
await "it is cancelled" "select state from execution where id = '$ID'" CANCELLED
[ "$(sql "select count(*) from dead_letter")" = "$LETTERS" ]
printf 'Commands before their Job: done when it came\n'
