#!/usr/bin/env bash
# schedule_test.sh EXOSPHERE [services]: schedules over REST and the command line, with the null sandbox, against
# `exosphere dev`; or against an API, a scheduler and a worker on the services that `infra/services env` names.
# What is due by the clock within minutes is left to unit tests: a trigger and a backfill start at once.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
choose_mode "${2:-}"
need jq curl python3
cd "$WORK" || exit 1
SPACE=63c77d45-5d82-5f1a-9bc9-ab37f8448688
PROJECT=sched$$

# start_all: everything that is needed; kill_all: as a loss of power does.
start_all() {
    RUNNING=()
    if [[ $MODE == dev ]]; then
        start_dev --sandbox null
        RUNNING=("$DEV")
        return
    fi
    start scheduler "$EXO" scheduler --data "$WORK/scheduler"
    RUNNING+=("$PID")
    start worker "$EXO" worker --sandbox null --worker-name "schedule-$$" --data "$WORK/worker"
    RUNNING+=("$PID")
    start_api
    RUNNING+=("$API")
}
kill_all() {
    local pid
    for pid in "${RUNNING[@]}"; do kill -KILL "$pid"; done
    for pid in "${RUNNING[@]}"; do wait "$pid" 2>/dev/null || true; done
}

# fire_id NAME TIME: the id that docs/schedules.md promises.
fire_id() {
    python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.uuid5(uuid.UUID(sys.argv[1]), sys.argv[2]), sys.argv[3]))' \
        "$SPACE" "$PROJECT/$1" "$2"
}
shown() { "$EXO" schedule show "$PROJECT/$1" -o json; }
# is NAME FILTER: what jq makes of the schedule is true.
is() { shown "$1" | jq -e "$2" >/dev/null; }
# What is asked of a shard that is more than 2 s behind is taken, and done later: so facts are waited for, also after an answer.
# answered COMMAND...: into $WORK/out, and done by now. For what does no harm twice.
answered() { "$@" >"$WORK/out" && ! grep -q 'its shard is behind' "$WORK/out"; }
# trigger NAME: starts it; sets STARTED, the execution.
trigger() {
    local last
    last=$(shown "$1" | jq '.fires[0].execution')
    status 0 "$EXO" schedule trigger "$PROJECT/$1"
    STARTED=$(cat out)
    [[ $STARTED == *'its shard is behind'* ]] || return 0
    await "it starts" is "$1" ".fires[0].execution != $last"
    STARTED=$(shown "$1" | jq -r '.fires[0].execution')
}
# executions NAME: the ids of all its executions, sorted.
executions() {
    curl -sf "$EXOSPHERE_SERVER/v1/executions?limit=1000&label=schedule=$PROJECT/$1" | jq -r '.executions[].id' | sort
}
succeeded() { [[ $("$EXO" get "$1" -o json | jq -r .state) == SUCCEEDED ]]; }
# rest ARGUMENT...: prints the status; asked again while the shard is behind (202).
rest() {
    local code end=$((SECONDS + WAIT_SECONDS_MAX))
    while code=$(curl -s -o "$WORK/out" -w '%{http_code}' "$@") && [[ $code == 202 ]] && ((SECONDS < end)); do breathe; done
    printf '%s' "$code"
}

cat >nightly.yaml <<YAML
exosphere: v1
schedule:
  name: $PROJECT/nightly
  cron: "30 2 * * *"
  tz: Europe/Berlin
  overlap: allow
  labels: {team: research}
  cluster:
    name: figures
    satellites: [{name: a, image: "oci:none", command: [none]}]
    output: "\${{ execution.labels.schedule_time }}"
YAML
sed -e 's/nightly/stored/' -e '/^  cluster:/,$d' nightly.yaml >stored.yaml
echo "  cluster: $PROJECT/kept" >>stored.yaml
cat >kept.yaml <<YAML
exosphere: v1
cluster: {name: $PROJECT/kept, satellites: [{name: a, image: "oci:none", command: [none]}], output: 7}
YAML

start_all

# ---- put, show, list ----
put_here() { "$EXO" schedule put "$1.yaml" | grep -F "$PROJECT/$1 OPEN"; }
await "a schedule is put, by a scheduler that has its shard" put_here nightly
status 0 "$EXO" schedule put nightly.yaml
holds out "$PROJECT/nightly OPEN"
check "the same again is no new version" is nightly '.version == 1 and .state == "OPEN" and (.next | length) == 5'
check "the next time is what schedule next says" test "$(shown nightly | jq -r '.next[0]')" = \
    "$("$EXO" schedule next '30 2 * * *' --tz Europe/Berlin -n 1 -o json | jq -r '.fires[0].time')"
status 0 "$EXO" schedule list --project "$PROJECT"
holds out "$PROJECT/nightly  OPEN"
sed 's/30 2/45 2/' nightly.yaml >changed.yaml
check "another text is the next version" "$EXO" schedule put changed.yaml
await "which stands" is nightly '.version == 2'
check "and back" "$EXO" schedule put nightly.yaml
await "which stands too" is nightly '.version == 3'

# ---- what is refused ----
URL=$EXOSPHERE_SERVER/v1/schedules/$PROJECT
status 65 "$EXO" schedule put <(sed 's/30 2/99 2/' nightly.yaml)
check "a missing one" test "$(rest "$URL/none")" = 404
check "a missing one is not paused" test "$(rest -X POST "$URL/none/pause")" = 404
check "no JSON" test "$(rest -X PUT -d '{' "$URL/x")" = 400
check "no schedule" test "$(rest -X PUT -d '{"cron": "x"}' "$URL/x")" = 422
check "another name than the path's" test "$(rest -X PUT -d '{"name": "y", "cron": "@daily", "cluster": "p/c"}' "$URL/x")" = 422
check "there is one" test "$(rest -X PUT -H 'If-None-Match: *' -d "$(shown nightly | jq .definition.schedule)" "$URL/nightly")" = 412
check "an old version" test "$(rest -X DELETE -H 'If-Match: "1"' "$URL/nightly")" = 412
check "a whole file" test "$(rest -X PUT -d "$(shown nightly | jq .definition)" "$URL/nightly")" = 200
check "a range the wrong way round" eval "[[ $(rest -d '{"from": "2026-11-02", "to": "2026-11-01"}' "$URL/nightly/backfill") == 422 ]] && grep -q 'before from' out"
check "a field it does not have is named" eval "[[ $(rest -d '{"from": "2026-11-01", "too": "2026-11-02"}' "$URL/nightly/backfill") == 422 ]] && grep -q 'unknown field .too.' out"
check "a range of the future" test "$(rest -d '{"from": "2026-11-01", "to": "2200-01-01"}' "$URL/nightly/backfill")" = 422
status 2 "$EXO" schedule backfill "$PROJECT/nightly" 2026-03-28 2026-03-29 --parallel 5x
holds err "--parallel 5x: give a number from 1 to 100"
status 2 "$EXO" schedule backfill "$PROJECT/nightly" 2026-03-28 --stop
check "no range" test "$(rest -d '{"from": "2026-11-01"}' "$URL/nightly/backfill")" = 422

# ---- trigger ----
trigger nightly
FIRED=$STARTED
await "what was triggered ends" succeeded "$FIRED"
check "its id follows from its time" test "$FIRED" = "$(fire_id nightly "$("$EXO" get "$FIRED" -o json | jq -r .labels.schedule_time)")"
check "its output knows the time" test "$("$EXO" get "$FIRED" -o json | jq -r .output)" = "$("$EXO" get "$FIRED" -o json | jq -r .labels.schedule_time)"
await "the schedule hears of the end" is nightly '.running == 0 and .fires[0].has_ended and .fires[0].reason == "triggered" and .fires[0].state == "SUCCEEDED" and .left_out == []'

# ---- once under one key: two seconds that are not the same, so without it the second would be another one ----
second_is_over() { [[ $(date +%s) -gt $(date -d "$("$EXO" get "$1" -o json | jq -r .labels.schedule_time)" +%s) ]]; }
await "its second goes by" second_is_over "$FIRED"
await "it is triggered" answered "$EXO" schedule trigger "$PROJECT/nightly" --idempotency-key monday
KEYED=$(cat out)
await "that second goes by, too" second_is_over "$KEYED"
await "it is asked for again" answered "$EXO" schedule trigger "$PROJECT/nightly" --idempotency-key monday
holds out "$KEYED"
check "an input that would be lost" test "$(rest -d '{"input": {"x": 1}}' "$URL/nightly/trigger")" = 400
check "an empty key" test "$(rest -X POST -H 'Idempotency-Key;' "$URL/nightly/trigger")" = 400
await "what was triggered once ends" succeeded "$KEYED"
check "there are two" test "$(executions nightly | wc -l)" = 2

# ---- backfill over three times, killed in between ----
check "three nights are filled back" "$EXO" schedule backfill "$PROJECT/nightly" 2026-03-28T00:00:00Z 2026-03-30T23:00:00Z --parallel 2
kill_all
start_all
URL=$EXOSPHERE_SERVER/v1/schedules/$PROJECT
for time in 2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z; do
    await "the execution of $time" succeeded "$(fire_id nightly "$time")"
done
await "the backfill is done" is nightly '.backfill == null and .running == 0'
expected() {
    {
        echo "$FIRED"
        echo "$KEYED"
        for time in 2026-03-28T01:30:00Z 2026-03-29T01:00:00Z 2026-03-30T00:30:00Z; do fire_id nightly "$time"; done
    } | sort
}
check "one execution each" test "$(executions nightly)" = "$(expected)"
await "over what has run" answered "$EXO" schedule backfill "$PROJECT/nightly" 2026-03-28T00:00:00Z 2026-03-30T23:00:00Z --parallel 3
await "that backfill is done too" is nightly '.backfill == null and .running == 0'
check "nothing was started again" test "$(executions nightly)" = "$(expected)"
check "each time is told once, and how it ended" is nightly '([.fires[].time] | length == (unique | length)) and all(.fires[]; .state == "SUCCEEDED")'

# ---- pause ----
check "it is paused" "$EXO" schedule pause "$PROJECT/nightly"
await "it shows" is nightly '.state == "PAUSED" and .next == []'
check "a pause holds a backfill" "$EXO" schedule backfill "$PROJECT/nightly" 2026-04-01T00:00:00Z 2026-04-01T23:00:00Z
await "which is under way" is nightly '.backfill != null and .running == 0'
check "and is the only one" test "$(rest -d '{"from": "2026-04-01", "to": "2026-04-02"}' "$URL/nightly/backfill")" = 409
check "nothing was started meanwhile" test "$(executions nightly)" = "$(expected)"
kill_all
start_all
URL=$EXOSPHERE_SERVER/v1/schedules/$PROJECT
await "a pause outlives a crash" is nightly '.state == "PAUSED" and .backfill != null'
check "it goes on" "$EXO" schedule resume "$PROJECT/nightly"
await "with the backfill" succeeded "$(fire_id nightly 2026-04-01T00:30:00Z)"

# ---- names as long as they may be ----
LONG=$(printf 'n%.0s' {1..63})
check "a schedule with a long name" "$EXO" schedule put <(sed "s/nightly/$LONG/" nightly.yaml)
await "which stands" is "$LONG" '.version == 1'
trigger "$LONG"
await "starts like any other" succeeded "$STARTED"

# ---- a stored cluster; one that is not there ----
status 0 "$EXO" schedule put stored.yaml
holds err "schedule.cluster: it is not stored (yet)"
await "it stands all the same" is stored '.version == 1'
status 0 "$EXO" schedule trigger "$PROJECT/stored"
await "a start of what is not stored is a dead letter" eval "\"$EXO\" dlq list -o json | grep -q '$PROJECT/kept'"
await "and stands as ended, in no state" is stored '.running == 0 and .fires[0].has_ended and .fires[0].state == null'
check "the cluster is stored" "$EXO" cluster put kept.yaml
status 0 "$EXO" schedule put <(sed 's/^  cluster:/  input: {x: 1}\n&/' stored.yaml)
[[ ! -s err ]] || fail "a cluster without inputs takes anything, but: $(cat err)"
sed 's/satellites/inputs: {n: {type: int, required: true}}, &/' kept.yaml >strict.yaml
check "a cluster that is stricter" "$EXO" cluster put strict.yaml
status 0 "$EXO" schedule put <(sed 's/^  cluster:/  input: {n: many}\n&/' stored.yaml)
holds err "input.n"
holds err "schedule.input: it does not fit the stored cluster"
check "the one before again" "$EXO" cluster put kept.yaml
# A scheduler that has just looked for it may take it for missing for a while.
fires_anew() {
    trigger stored
    await "it ends" is stored '.running == 0 and .fires[0].has_ended'
    succeeded "$STARTED"
}
await "then it starts" fires_anew

# ---- delete ----
check "it is deleted" "$EXO" schedule delete "$PROJECT/nightly"
is_gone() { [[ $(rest "$URL/nightly") == 404 ]]; }
await "it is gone" is_gone
check "deleting it again" test "$(rest -X DELETE "$URL/nightly")" = 404
check "what it started stays" succeeded "$FIRED"
check "it is made again" "$EXO" schedule put nightly.yaml
await "from the first version on" is nightly '.version == 1 and .fires == []'
