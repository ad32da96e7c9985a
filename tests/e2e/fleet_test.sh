#!/usr/bin/env bash
# fleet_test.sh EXOSPHERE: an API, three schedulers and two workers on a Kafka, Postgres and Redis of their own, which are
# away when the roles start, and go away again while they work.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
need jq curl java redis-server
cd "$WORK" || exit 1

SERVICES=("$ROOT/infra/services")
services() { "${SERVICES[@]}" "$@" --dir "$WORK/services" >>services.log 2>&1; }
end_services() {
    local status=$?
    services stop --wipe || true
    finish "$status"
}
services start || skip "the services do not start here: $(tail -n 1 services.log)"
trap end_services EXIT
eval "$("${SERVICES[@]}" env --dir "$WORK/services")"
services stop

cat >map.yaml <<'YAML'
exosphere: v1
cluster:
  name: fleet/map
  inputs: {n: {type: list, default: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]}}
  satellites:
    - {name: begin, image: "oci:none", command: [none]}
    - {name: each, image: "oci:none", for_each: "${{ input.n }}", command: [none]}
    - {name: last, image: "oci:none", command: [none]}
  output: ${{ size(satellites.each.output) }}
YAML

port_of() { sed -n "s/.*\"for\":\"$2\",\"port\":\([0-9]*\).*/\1/p" "$1.log" | head -n 1; }
metric() { curl -s "http://127.0.0.1:${PORT[$1]}/metrics" | awk -v name="$2" '$1 == name {print $2}'; }
code() { curl -s -o body -w '%{http_code}' "http://127.0.0.1:$1/$2"; }

say "every role starts while all services are away, and says what it waits for"
ROLES=(api scheduler-1 scheduler-2 scheduler-3 worker-1 worker-2)
declare -A PID_OF PORT
for role in "${ROLES[@]}"; do
    flags=(--data "$WORK/$role")
    [[ $role != api ]] || flags=(--listen 127.0.0.1:0)
    [[ $role != worker-* ]] || flags+=(--sandbox null --worker-name "$role")
    [[ $role != worker-2 ]] || flags+=(--classes "default,rare")
    start "$role" "$EXO" "${role%-*}" --log-format json "${flags[@]}"
    PID_OF[$role]=$PID
done
for role in "${ROLES[@]}"; do
    await "$role says what it waits for" grep -q '"event":"dependency.waiting"' "$role.log"
    PORT[$role]=$(port_of "$role" health)
    check "$role is alive" eval "[[ \$(code ${PORT[$role]} healthz) == 200 ]]"
    check "$role is not ready" eval "[[ \$(code ${PORT[$role]} readyz) == 503 ]]"
done
EXOSPHERE_SERVER=http://127.0.0.1:$(port_of api api)
export EXOSPHERE_SERVER
status 69 "$EXO" submit map.yaml

say "the services come, and all become ready by themselves"
services start
for role in "${ROLES[@]}"; do
    await "$role is ready" eval "[[ \$(code ${PORT[$role]} readyz) == 200 ]]"
done
status 0 "$EXO" run map.yaml
holds out 10
await "both workers are known" eval "[[ \$('$EXO' workers -o json | jq '.workers | length') -eq 2 ]]"
sed 's/name: last,/& class: rare,/' map.yaml >rare.yaml
say "a class that no scheduler was told of"
status 0 timeout "$WAIT_SECONDS_MAX" "$EXO" run rare.yaml
check "metrics of a scheduler" eval "curl -s http://127.0.0.1:${PORT[scheduler-1]}/metrics | grep >/dev/null exosphere_scheduler_commits_total"
check "metrics of the API" eval "curl -s $EXOSPHERE_SERVER/metrics | grep >/dev/null exosphere_api_submitted_total"

say "a backup says when it begins and when it can be restored"
status 0 "$EXO" restore-point begin
POINT=$(cat out)
status 0 "$EXO" restore-point complete "$POINT"
status 73 "$EXO" restore-point complete 999
holds err "no restore point 999"
status 0 "$EXO" restore-point list
holds out "$POINT "

# shards LEAST MOST SCHEDULER...: each of them runs so many, and all 64 run somewhere.
shards() {
    local least=$1 most=$2 all=0 count scheduler
    shift 2
    for scheduler in "$@"; do
        count=$(metric "$scheduler" exosphere_scheduler_shards_running)
        printf '%s runs %s\n' "$scheduler" "$count"
        ((count >= least && count <= most)) || return 1
        all=$((all + count))
    done
    ((all == 64))
}

submit_some() {
    local i
    IDS=()
    for ((i = 0; i < $1; i++)); do
        status 0 "$EXO" submit map.yaml
        IDS+=("$(cat out)")
    done
}
all_finish() {
    local id
    for id in "${IDS[@]}"; do
        status 0 "$EXO" watch "$id" -q
    done
}

say "three schedulers share the shards evenly; those of one that is killed go to the others"
await "each has its share" shards 20 22 scheduler-1 scheduler-2 scheduler-3
submit_some 20
kill -KILL "${PID_OF[scheduler-3]}"
BEGIN_MS=$(date +%s%3N)
# Within 5 s is what lease and rounds promise (unit.ownership_test, by the virtual clock): here it is told, not tested.
await "the others have its shards" shards 32 32 scheduler-1 scheduler-2
say "taken over $(($(date +%s%3N) - BEGIN_MS)) ms after the kill"
all_finish

say "one scheduler and one worker are killed: the others finish everything"
submit_some 20
kill -KILL "${PID_OF[scheduler-1]}" "${PID_OF[worker-1]}"
all_finish

for service in postgres kafka redis; do
    say "$service is killed and comes back while there is work"
    submit_some 5
    services stop "$service" --kill
    if [[ $service != redis ]]; then
        await "the scheduler is not ready" eval "[[ \$(code ${PORT[scheduler-2]} readyz) == 503 ]]"
    fi
    services start "$service"
    all_finish
    await "the API is ready again" eval "[[ \$(code ${PORT[api]} readyz) == 200 ]]"
    status 0 "$EXO" run map.yaml
done

say "the tables are what the journal says, also while the fleet runs"
status 0 "$EXO" replay
holds out "identical: 0 differences"
submit_some 3
status 0 "$EXO" replay --shard 0
all_finish
status 0 "$EXO" history "${IDS[0]}"
holds out "SUCCEEDED"
status 0 "$EXO" history "${IDS[0]}" --at 2200-01-01
holds out "state     SUCCEEDED"
status 2 "$EXO" replay --shard x
status 2 "$EXO" replay --at yesterday

# One that waits: what had ended before a shard's snapshot is not in its journal any more, and replay leaves it out.
status 0 "$EXO" submit map.yaml --delay 24h
WAITS=$(cat out)
await "it waits" eval "[[ \$('$EXO' get '$WAITS' -o json | jq -r .state) == QUEUED ]]"

say "SIGTERM ends each in order"
for role in worker-2 scheduler-2 api; do
    kill -TERM "${PID_OF[$role]}"
    ends "${PID_OF[$role]}" 0
done

say "a table that somebody wrote to is told"
psql=$(command -v psql) || skip "psql is not installed"
status 0 "$EXO" replay
"$psql" -q "$EXOSPHERE_POSTGRES_URL" -c "UPDATE execution SET state = 'FAILED' WHERE id = '$WAITS'"
status 1 "$EXO" replay
holds out "execution id=$WAITS: state differs"
holds out "NOT IDENTICAL: 1 differences"
"$psql" -q "$EXOSPHERE_POSTGRES_URL" -c "UPDATE execution SET state = 'QUEUED' WHERE id = '$WAITS'"
status 0 "$EXO" replay

say "a store that is newer than the program is refused"
"$psql" -q "$EXOSPHERE_POSTGRES_URL" -c "INSERT INTO schema_version (version, at_ns) VALUES (99, 0)"
status 78 "$EXO" migrate
holds err "99"
status 78 "$EXO" scheduler
