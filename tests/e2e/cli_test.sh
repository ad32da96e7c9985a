#!/usr/bin/env bash
# cli_test.sh EXOSPHERE: every command that speaks to the API, against `exosphere dev` with the null sandbox.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
need jq curl
cd "$WORK" || exit 1

cat >map.yaml <<'YAML'
exosphere: v1
cluster:
  name: shop/map
  labels: {kind: map}
  inputs:
    n: {type: list, default: [1, 2, 3]}
    who: {type: string, default: nobody}
  satellites:
    - name: begin
      image: oci:none
      command: [none]
    - name: each
      image: oci:none
      for_each: ${{ input.n }}
      command: [none, "${{ item }}"]
  output: {who: "${{ input.who }}", n: "${{ size(satellites.each.output) }}"}
YAML
sed -e 's/shop.map/shop\/bad/' -e 's/^  output:.*/  output: ${{ satellites.begin.output.nothing }}/' map.yaml >bad.yaml
# A class that nobody serves: it waits.
cat >stuck.yaml <<'YAML'
exosphere: v1
cluster:
  name: stuck
  satellites: [{name: waits, image: "oci:none", command: [none], class: nobody}]
YAML
sed 's/^  name: stuck/&\n  timeout: 300ms/' stuck.yaml >late.yaml

say "dev starts, once a directory and once a port"
start_dev --sandbox null
PORT=${EXOSPHERE_SERVER##*:}
status 1 "$EXO" dev --sandbox null --listen 127.0.0.1:0 --data "$WORK/data"
holds err "$DEV"
status 1 "$EXO" dev --sandbox null --listen "127.0.0.1:$PORT" --data "$WORK/other"
holds err "$PORT"

say "run"
status 0 "$EXO" run map.yaml --input 'n=[1,2,3,4]' --input who=12 --label run=one
check "the output is JSON, a declared string stays one" jq -e '. == {"who": "12", "n": 4}' out
holds err "execution "
holds err "each"
holds err "SUCCEEDED"
status 0 "$EXO" run map.yaml -q -o json
check "the whole execution" jq -e '.state == "SUCCEEDED" and .output.n == 3 and .labels.kind == "map"' out
[[ ! -s $WORK/err ]] || fail "run -q wrote on stderr: $(cat err)"
status 0 "$EXO" run map.yaml -q -o yaml
holds out "state: SUCCEEDED"
printf 'who: [1]\n' >wrong-input.yaml
status 65 "$EXO" run map.yaml --input @wrong-input.yaml
holds err "input.who"
status 2 "$EXO" run map.yaml --input who
status 2 "$EXO" run
status 1 "$EXO" run bad.yaml
holds err "FAILED"
holds err "nothing"
status 4 "$EXO" run late.yaml
holds err "TIMED_OUT"

say "submit, watch, get, list, logs, explain"
status 0 "$EXO" submit map.yaml --idempotency-key k1
ID=$(cat out)
status 0 "$EXO" submit map.yaml --idempotency-key k1
[[ $(cat out) == "$ID" ]] || fail "the same key gave another id"
status 73 "$EXO" submit map.yaml --idempotency-key k1 --input n='[]'
status 0 "$EXO" watch "$ID"
check "its output" jq -e '.n == 3' out
status 0 "$EXO" get "$ID"
holds out "SUCCEEDED"
holds out "shop/map"
status 0 "$EXO" get "$ID" each.2
holds out "each.2"
status 0 "$EXO" get "$ID" -o yaml
holds out "id: $ID"
status 66 "$EXO" get 00000000-0000-7000-8000-000000000000
status 66 "$EXO" get "$ID" nosuch
status 66 "$EXO" get not-an-id
holds err "36 characters"
status 0 "$EXO" list --cluster shop/map --label run=one --state SUCCEEDED -o json
check "one execution has the label" jq -e '.executions | length == 1' out
status 0 "$EXO" list --limit 1
holds err "--cursor"
status 0 "$EXO" list --limit 1 --cursor "$(sed -n 's/.*--cursor //p' err)"
status 65 "$EXO" list --state NONE
status 65 "$EXO" list --cluster map
holds err "write cluster=PROJECT/NAME"
status 65 "$EXO" list --since yesterday
holds err "submitted_after"
SUBMITTED=$("$EXO" get "$ID" -o json | jq -r .submitted_at)
status 0 "$EXO" list --since 2020-01-01 --until "$SUBMITTED" -o json
check "none before the first" jq -e "[.executions[].id] | index(\"$ID\") == null" out
status 0 "$EXO" list --since 2020-01-01T00:00:00Z --label run=one -o json
check "the one since then" jq -e '.executions | length == 1' out
status 0 "$EXO" logs "$ID"
holds out "==> each.1, attempt 1 <=="
status 0 "$EXO" logs "$ID" begin --follow
status 2 "$EXO" logs "$ID" --follow
status 0 "$EXO" logs "$ID" -o json
check "no heading among JSON" eval "! grep -q '==>' out"
status 0 "$EXO" explain "$ID"
holds out "SUCCEEDED"

say "what waits is explained and cancelled"
status 0 "$EXO" submit stuck.yaml --project shop
STUCK=$(cat out)
await "explain names the class" eval "'$EXO' explain $STUCK | grep -F nobody"
status 0 "$EXO" get "$STUCK" -o json
check "the project came from --project" jq -e '.cluster == "shop/stuck"' out
start watch "$EXO" watch "$STUCK"
WATCH=$PID
start quit "$EXO" watch "$STUCK"
QUIT=$PID
await "it is watched" grep -q waits watch.log
await "it is watched twice" grep -q waits quit.log
kill -INT "$QUIT"
ends "$QUIT" 130
status 0 "$EXO" cancel "$STUCK" --reason "enough of it"
holds out "CANCELLING"
ends "$WATCH" 3
holds watch.log "CANCELLED"
status 73 "$EXO" cancel "$ID"
status 66 "$EXO" cancel 00000000-0000-7000-8000-000000000000

say "the fleet"
await "the worker is heard of" eval "'$EXO' workers -o json | jq -e '.workers | length == 1'"
WORKER=$("$EXO" workers -o json | jq -r '.workers[0].name')
status 0 "$EXO" workers
holds out "$WORKER"
status 66 "$EXO" drain nobody-of-that-name

say "dead letters"
status 0 "$EXO" dlq list
holds out "REASON"
status 66 "$EXO" dlq show 999
status 66 "$EXO" dlq replay 999
status 66 "$EXO" dlq show x

say "an API that goes away and comes back while it is watched"
status 0 "$EXO" submit stuck.yaml
STUCK=$(cat out)
start back "$EXO" watch "$STUCK"
WATCH=$PID
await "it is watched" grep -q waits back.log
kill -KILL "$DEV"
ends "$DEV" 137
await "the watcher notices" grep -q 'does not answer' back.log
start dev2 "$EXO" dev --sandbox null --listen "127.0.0.1:$PORT" --data "$WORK/data"
DEV=$PID
await "dev is back" "$EXO" get "$STUCK"
status 0 "$EXO" cancel "$STUCK"
ends "$WATCH" 3
await "the worker is heard of" eval "'$EXO' workers -o json | jq -e '.workers | length == 1'"
status 0 "$EXO" drain "$WORKER"
await "the drained worker has left, the API is there" grep -q '"event":"role.left"' dev2.log
status 0 "$EXO" list --limit 1

say "SIGTERM ends it in order"
kill -TERM "$DEV"
ends "$DEV" 0
holds dev2.log "role.stopped"

say "a token"
printf 'tea for two\n' >token
start_dev --sandbox null --ephemeral --api-token-file token
status 77 "$EXO" list
holds err "EXOSPHERE_TOKEN"
EXOSPHERE_TOKEN="tea for two" status 0 "$EXO" list
status 0 "$EXO" list --token-file token
status 0 "$EXO" run map.yaml -q --token-file token
kill -TERM "$DEV"
ends "$DEV" 0
check "the token is in no line" eval "! grep -q 'tea for two' '$WORK'/*.log"
