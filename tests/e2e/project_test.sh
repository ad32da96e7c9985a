#!/usr/bin/env bash
# project_test.sh EXOSPHERE [services]: what is said of projects over REST and the command line, and heeded: with the null
# sandbox, against `exosphere dev`; or an API, a scheduler and a worker on the services that `infra/services env` names.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
choose_mode "${2:-}"
need jq curl
cd "$WORK" || exit 1
PROJECT=quota$$

if [[ $MODE == dev ]]; then
    start_dev --sandbox null
else
    start scheduler "$EXO" scheduler --data "$WORK/scheduler"
    start worker "$EXO" worker --sandbox null --worker-name "project-$$" --data "$WORK/worker"
    start_api
fi
URL=$EXOSPHERE_SERVER/v1/projects
rest() { curl -s -o "$WORK/out" -w '%{http_code}' "$@"; }

cat >held.yaml <<YAML
exosphere: v1
cluster: {name: $PROJECT/held, satellites: [{name: a, wait: {signal: go}}]}
YAML
state() { "$EXO" get "$1" -o json | jq -r .state; }
submitted() { "$EXO" submit held.yaml -o json | jq -re .id; }

say "put, show, list, delete"
status 66 "$EXO" project show "$PROJECT"
status 0 "$EXO" project put "$PROJECT" --keep 720h --running 1
status 0 "$EXO" project show "$PROJECT"
holds out "720h"
status 0 "$EXO" project show "$PROJECT" -o json
check "it is what was put" jq -e '.version == 1 and .settings == {"retention": {"executions": "720h"}, "quotas": {"running_executions": 1}}' out
status 0 "$EXO" project put "$PROJECT" --running 1
status 0 "$EXO" project show "$PROJECT" -o json
check "a put replaces all" jq -e '.version == 2 and .settings == {"quotas": {"running_executions": 1}}' out
status 0 "$EXO" project list
holds out "$PROJECT"

say "what is refused"
check "an unknown quota" eval "[[ $(rest -X PUT -d '{"quotas": {"tasks": 5}}' "$URL/$PROJECT") == 422 ]] && grep -q running_executions out"
check "no number" test "$(rest -X PUT -d '{"quotas": {"running_executions": 0}}' "$URL/$PROJECT")" = 422
check "a time too short" eval "[[ $(rest -X PUT -d '{"retention": {"executions": "1s"}}' "$URL/$PROJECT") == 422 ]] && grep -q 'at least 1m' out"
check "no JSON" test "$(rest -X PUT -d '{' "$URL/$PROJECT")" = 400
check "no name" test "$(rest -X PUT -d '{}' "$URL/Not-One")" = 400
status 2 "$EXO" project put "$PROJECT" --running 20x
holds err "--running 20x: give a number"
status 65 "$EXO" project put "$PROJECT" --reject
holds err "running_executions"
check "another version" test "$(rest -X PUT -H 'If-Match: "1"' -d '{}' "$URL/$PROJECT")" = 412
status 0 "$EXO" project show "$PROJECT" -o json
check "nothing of that was kept" jq -e '.version == 2' out

say "one runs, the others wait and say for what"
# What was put is heeded within seconds: until then the first one runs without asking, and the second one beside it. While its ask
# is on the way each one is said to wait; who waits behind the second one shows that that one does.
judged() { [[ $(state "$1") == FAILED ]] || "$EXO" explain "$1" | grep -q 'it waits for'; }
in_a_row() {
    "$EXO" explain "$THIRD" | grep -q '1 wait before it' && "$EXO" explain "$FIRST" | grep -q 'waits for the signal' &&
        "$EXO" explain "$SECOND" | grep -q 'the quota running_executions of its project: 1 may run at once'
}
waits() {
    local id
    FIRST=$(submitted) && SECOND=$(submitted) && THIRD=$(submitted) || return 1
    for _ in {1..10}; do
        ! in_a_row || return 0
        breathe 200
    done
    for id in "$FIRST" "$SECOND" "$THIRD"; do
        status 0 "$EXO" cancel "$id"
        await "it ends" eval "[[ \$(state $id) == CANCELLED ]]"
    done
    return 1
}
await "the second one waits" waits
check "the first one does not" eval '[[ $(state "$FIRST") == RUNNING ]]'
check "the third one is not needed any more" "$EXO" cancel "$THIRD"
status 0 "$EXO" explain "$SECOND" a
holds out "the quota running_executions"
sed "s/$PROJECT/other$$/" held.yaml >other.yaml
OTHER=$("$EXO" submit other.yaml -o json | jq -re .id)
await "another project is not held up" eval "'$EXO' explain $OTHER | grep -q 'waits for the signal'"
check "the first one ends" "$EXO" signal "$FIRST" go
await "the second one has its turn" eval "'$EXO' explain $SECOND | grep -q 'waits for the signal'"

say "or they are refused"
status 0 "$EXO" project put "$PROJECT" --running 1 --reject
# Until it is heeded one more waits behind the second one.
refused() {
    local id
    id=$(submitted) || return 1
    await "it is judged" judged "$id"
    "$EXO" get "$id" -o json | jq -e '.state == "FAILED" and (.error | startswith("QUOTA: running_executions"))' && return 0
    "$EXO" cancel "$id"
    return 1
}
await "the next one is refused, by the quota's name" refused

say "nothing is said any more"
status 0 "$EXO" project delete "$PROJECT"
status 66 "$EXO" project show "$PROJECT"
check "deleting it again" test "$(rest -X DELETE "$URL/$PROJECT")" = 404
runs_free() {
    local id
    id=$(submitted) || return 1
    await "it is judged" judged "$id"
    "$EXO" explain "$id" | grep -q 'waits for the signal'
}
await "and all run" runs_free
