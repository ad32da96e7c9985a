#!/usr/bin/env bash
# control_test.sh EXOSPHERE: what people ask of an execution while it runs, and what stands in groups, against
# `exosphere dev` with the null sandbox. A satellite of a class that nobody serves is one that waits.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
need jq curl
cd "$WORK" || exit 1

# cluster NAME: the satellites on standard input, as a file NAME.yaml.
cluster() {
    {
        printf 'exosphere: v1\ncluster:\n  name: shop/%s\n  defaults: {image: "oci:none"}\n' "$1"
        cat
    } >"$1.yaml"
}
# submit NAME: starts it; sets ID.
submit() {
    status 0 "$EXO" submit "$1.yaml"
    ID=$(cat out)
}
# reaches [TASK] STATE: the execution, or a task of it.
reaches() {
    local state=${*: -1}
    await "$* of $ID" eval "'$EXO' get $ID ${*:1:$#-1} -o json | jq -e '.state == \"$state\"'"
}

cluster stuck <<'YAML'
  satellites:
    - {name: waits, class: nobody, command: ["null", --log, said]}
    - {name: next, command: ["null", --log, said]}
YAML
cluster pages <<'YAML'
  satellites:
    - name: page
      for_each: ${{ [["a", "b"], ["c"]] }}
      as: words
      satellites:
        - {name: parse, command: ["null", --log, said]}
        - {name: word, for_each: "${{ words }}", as: w, command: ["null", --log, said, --output, "\"${{ w }}\""]}
        - {name: sign, wait: {signal: go}}
        - {name: ok, wait: {approval: "Good?"}}
      output: ${{ satellites.sign.output }}
    - {name: merge, command: ["null", --log, said]}
  output: ${{ satellites.page.output }}
YAML

start_dev --sandbox null

say "groups: paths, lists, logs, reasons"
submit pages
reaches page.0.sign RUNNING
reaches page.1.sign RUNNING
status 0 "$EXO" get "$ID"
holds out "page"
status 0 "$EXO" get "$ID" page.0.word.1 -o json
status 0 "$EXO" get "$ID" -o json
check "what stands in the runs, added up" jq -e '[.inside[] | [.satellite, .runs, .tasks, .counts]] == [
    ["page.parse", 2, 2, {"SUCCEEDED": 2}], ["page.word", 2, 3, {"SUCCEEDED": 3}],
    ["page.sign", 2, 2, {"RUNNING": 2}], ["page.ok", 2, 0, {}]] and .inside_is_cut == false' out
status 0 "$EXO" get "$ID"
check "for people, too" grep -qE '^page.word +2 +3 +0 +3' out
status 0 "$EXO" get "$ID" page.0.word.1 -o json
check "a task in a run" jq -e '.task == "page.0.word.1" and .satellite == "page.0.word" and .state == "SUCCEEDED"' out
status 66 "$EXO" get "$ID" page.7.word.0
holds err "2 tasks so far"
status 66 "$EXO" get "$ID" page.word
check "what stands in a run" eval "curl -sf '$EXOSPHERE_SERVER/v1/executions/$ID/tasks?run=page.1' |
    jq -e '[.tasks[].task] == [\"page.1.parse\", \"page.1.word.0\", \"page.1.sign\", \"page.1.ok\"]'"
status 0 "$EXO" logs "$ID"
holds out "==> page.0.word.1, attempt 1 <=="
status 0 "$EXO" logs "$ID" page.1
holds out "==> page.1.parse, attempt 1 <=="
status 0 "$EXO" logs "$ID" page.0.parse --follow
status 2 "$EXO" logs "$ID" page.0 --follow
status 0 "$EXO" explain "$ID"
holds out "page.1.sign"
holds out 'waits for the signal `go`'

status 0 "$EXO" explain "$ID" page.1.ok
holds out "it waits for sign (RUNNING)"
status 66 "$EXO" explain "$ID" page.1.none

say "signals: a repeat is none, also after a kill -9"
start watch "$EXO" watch "$ID"
WATCH=$PID
status 0 "$EXO" signal "$ID" go --data '{"n": 1}' --idempotency-key one
# Whichever of the two began to wait first.
takes_the_signal() {
    for FIRST in 0 1; do
        [[ $("$EXO" get "$ID" "page.$FIRST.sign" -o json | jq -r .state) != SUCCEEDED ]] || return 0
    done
    return 1
}
await "one of the two takes it" takes_the_signal
SECOND=$((1 - FIRST))
kill -KILL "$DEV"
ends "$DEV" 137
start dev2 "$EXO" dev --sandbox null --listen "${EXOSPHERE_SERVER#http://}" --data "$WORK/data" --log-format json
DEV=$PID
await "dev is back" "$EXO" get "$ID"
status 0 "$EXO" signal "$ID" go --data '{"n": 1}' --idempotency-key one
status 0 "$EXO" pause "$ID" --reason lunch
holds out "$ID asked"
reaches PAUSED
check "the second run waits still" eval "'$EXO' get $ID page.$SECOND.sign -o json | jq -e '.state == \"RUNNING\"'"
status 0 "$EXO" pause "$ID"
holds out "PAUSED"
status 0 "$EXO" explain "$ID"
holds out "paused"
status 0 "$EXO" resume "$ID"
reaches RUNNING
status 0 "$EXO" resume "$ID" -o json
check "resumed already" jq -e '.state == "RUNNING"' out
status 0 "$EXO" signal "$ID" go --data two
status 66 "$EXO" signal "$ID" stop
holds err '`go`'

say "approvals"
reaches page.0.ok RUNNING
reaches page.1.ok RUNNING
status 0 "$EXO" approve "$ID" page.0.ok --comment fine --actor ada
reaches page.0.ok SUCCEEDED
status 0 "$EXO" get "$ID" page.0.ok -o json
check "who approved it" jq -e '.output == {"approved_by": "ada", "comment": "fine"}' out
status 0 "$EXO" approve "$ID" page.0.ok
status 73 "$EXO" reject "$ID" page.0.ok
status 73 "$EXO" approve "$ID" page.0.parse
status 0 "$EXO" approve "$ID" page.1.ok -o json
check "the answer" jq -e '.task == "page.1.ok" and .id == "'"$ID"'"' out
ends "$WATCH" 0
status 0 "$EXO" get "$ID" -o json
check "each signal once, in order" jq -e --argjson first "$FIRST" \
    '.state == "SUCCEEDED" and .output[$first] == {"n": 1} and .output[1 - $first] == "two"' out
status 73 "$EXO" pause "$ID"
cluster asks <<'YAML'
  satellites: [{name: ok, wait: {approval: true}}]
YAML
submit asks
reaches ok RUNNING
status 0 "$EXO" reject "$ID" ok --comment "not today"
status 1 "$EXO" watch "$ID"
holds err "not today"

say "skip, cancel of a part, priority"
submit stuck
reaches waits READY
status 0 "$EXO" priority "$ID" 9
await "it has it" eval "'$EXO' get $ID -o json | jq -e '.priority == 9'"
status 2 "$EXO" priority "$ID" high
status 0 "$EXO" skip "$ID" waits --result '{"by": "hand"}' --reason known
holds out "$ID waits asked"
status 0 "$EXO" watch "$ID"
status 0 "$EXO" get "$ID" waits -o json
check "its result" jq -e '.output == {"by": "hand"}' out
status 0 "$EXO" skip "$ID" waits --result '{"by": "hand"}'
holds out "$ID waits SUCCEEDED"
status 73 "$EXO" skip "$ID" waits --result 2
status 73 "$EXO" cancel "$ID" --task waits
printf '[1' >broken.json
status 65 "$EXO" skip "$ID" waits --result @broken.json
submit stuck
reaches waits READY
status 0 "$EXO" cancel "$ID" --task waits --reason "no use"
status 1 "$EXO" watch "$ID" # as a failure: what comes after it cannot run
status 0 "$EXO" get "$ID" waits -o json
check "only that" jq -e '.state == "CANCELLED"' out
status 66 "$EXO" cancel "$ID" --task nosuch

say "what is final outlives a cancel, and can be ended by itself"
cluster tidies <<'YAML'
  satellites:
    - {name: work, needs: [], class: nobody, command: ["null"]}
    - {name: map, needs: [], for_each: "${{ [1, 2, 3] }}", command: ["null", --exit, "${{ item == 2 ? 7 : 0 }}"]}
    - {name: after, needs: [map], command: ["null"]}
    - {name: tidy, final: true, class: nobody, command: ["null"]}
YAML
submit tidies
reaches work READY
reaches after UPSTREAM_FAILED
status 0 "$EXO" explain "$ID" after
holds out "it has ended: UPSTREAM_FAILED: it comes after map (FAILED)"
status 0 "$EXO" explain "$ID" map.1
holds out "it has ended: FAILED (\`EXIT_STATUS: "
status 0 "$EXO" get "$ID" map.1
check "a task says why it failed" grep -Eq '^error +EXIT_STATUS: ' out
status 0 "$EXO" cancel "$ID" --reason enough
reaches tidy READY
status 0 "$EXO" explain "$ID"
holds out 'the execution is being ended (`enough`); tidy: no worker serves the class'
status 73 "$EXO" pause "$ID"
status 0 "$EXO" cancel "$ID" --task tidy
status 3 "$EXO" watch "$ID"

say "the end of a map of which no task was ever dispatched"
cluster late <<'YAML'
  satellites:
    - {name: map, for_each: "${{ [1, 2, 3] }}", class: nobody, timeouts: {queue: 200ms}, command: ["null"]}
YAML
submit late
status 1 "$EXO" watch "$ID"
status 0 "$EXO" get "$ID" map.2 -o json
check "a task of it" jq -e '.state == "TIMED_OUT"' out
check "and the list" eval "curl -sf '$EXOSPHERE_SERVER/v1/executions/$ID/tasks?state=TIMED_OUT' | jq -e '.tasks | length == 3'"

say "a delayed start, over a kill -9"
cluster later <<'YAML'
  satellites: [{name: a, command: ["null"]}]
YAML
status 2 "$EXO" submit later.yaml --delay soon
status 2 "$EXO" submit later.yaml --delay 1s --start-at 2100-01-01T00:00:00Z
status 0 "$EXO" submit later.yaml --start-at 2100-01-01T00:00:00Z
ID=$(cat out)
await "it tells when it starts" eval "'$EXO' get $ID | grep -q '^starts *2100-01-01T00:00:00'"
status 0 "$EXO" explain "$ID"
holds out "it starts at"
status 0 "$EXO" get "$ID" -o json
check "its time" jq -e '.start_at == "2100-01-01T00:00:00.000Z" and .started_at == null' out
status 0 "$EXO" cancel "$ID"
# Killed before its time: where that came too late, once more with longer.
for delay in 3 12 48; do
    START=$(time_in "$delay")
    status 0 "$EXO" submit later.yaml --delay "${delay}s"
    ID=$(cat out)
    await "it is there" "$EXO" get "$ID"
    kill -KILL "$DEV"
    KILLED=$(time_in 0)
    ends "$DEV" 137
    start dev3 "$EXO" dev --sandbox null --listen "${EXOSPHERE_SERVER#http://}" --data "$WORK/data" --log-format json
    DEV=$PID
    await "dev is back" "$EXO" get "$ID"
    status 0 "$EXO" watch "$ID"
    [[ $KILLED > $START ]] || break
done
status 0 "$EXO" get "$ID" -o json
check "not before its time" jq -e --arg start "$START" '.state == "SUCCEEDED" and .start_at == null and .started_at >= $start' out

say "retry: a task in BACKOFF is tried now"
cluster flaky <<'YAML'
  satellites:
    - {name: flaky, command: ["null", --exit, "1"], retries: {limit: 1, base: 1h, cap: 1h}}
YAML
submit flaky
reaches flaky BACKOFF
status 0 "$EXO" retry "$ID" flaky --reason mended
await "its second try" eval "'$EXO' get $ID flaky -o json | jq -e '.attempt == 2'"
status 66 "$EXO" retry "$ID" nosuch

say "the log says who asked for what"
check "a pause with its reason" eval "grep '\"event\":\"command.taken\"' '$WORK'/dev*.log | grep -q 'done: execution .* pause by anonymous, id .*: lunch'"
check "a repeat" eval "grep '\"event\":\"command.taken\"' '$WORK'/dev2.log | grep -q 'changed nothing: .* signal go by anonymous, id one'"
kill -TERM "$DEV"
ends "$DEV" 0
