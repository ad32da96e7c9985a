#!/usr/bin/env bash
# rerun_test.sh EXOSPHERE [services]: executions run again from what failed and from a chosen satellite, with edited input,
# with real containers, against `exosphere dev`; or an API, a scheduler and a worker on the services that `infra/services env`
# names. Needs root and crun.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
choose_mode "${2:-}"
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci jq curl
cd "$WORK" || exit 1

IMAGES=$WORK/images
"$ROOT/examples/make-images" "$IMAGES" busybox >images.log 2>&1 || fail "no images: $(tail -3 images.log)"
mkdir -p flags worker && chmod 755 flags

# begin: what is needed. DECIDER is who decides, and may be killed: begin_decider brings it back.
begin_decider() {
    if [[ $MODE == services ]]; then
        start scheduler "$EXO" scheduler --data "$WORK/scheduler"
        DECIDER=$PID
        return
    fi
    start_dev --image-dir "$IMAGES" --volumes "flags=$WORK/flags" --slots 4 --drain 1s
    DECIDER=$DEV
}
begin() {
    begin_decider
    [[ $MODE == services ]] || return 0
    start_api
    start worker "$EXO" worker --worker-name "rerun-$$" --data "$WORK/worker" --image-dir "$IMAGES" \
        --volumes "flags=$WORK/flags" --slots 4 --api-url "$EXOSPHERE_SERVER"
}

# Each step tells in which execution it ran. `one` also gives more than stands in a row, `blob` more than 64 KiB.
cat >chain.yaml <<'YAML'
exosphere: v1
cluster:
  name: dev/chain
  inputs: {word: {type: string, default: old}}
  defaults:
    image: "oci:busybox"
    env: {FROM: "${{ execution.id }}", WORD: "${{ input.word }}"}
  satellites:
    - name: one
      needs: []
      command: [sh, -c, 'echo "$FROM" >/exosphere/artefacts/who && printf "{\"from\":\"%s\",\"large\":\"%03000d\"}" "$FROM" 7 >/exosphere/output.json']
    - name: blob
      needs: []
      command: [sh, -c, 'printf "\"%0100000d\"" 8 >/exosphere/output.json']
    - name: two
      needs: [one, blob]
      mounts: [{volume: flags, path: /flags}]
      input: {blob: "${{ satellites.blob.output }}", large: "${{ satellites.one.output.large }}"}
      command:
        - sh
        - -c
        - |
          [ -e /flags/go ] || exit 9
          printf '{"from":"%s","word":"%s","bytes":%d,"left":"%s"}' "$FROM" "$WORD" "$(wc -c </exosphere/input.json)" \
            "$(cat /exosphere/artefacts-of/one/who)" >/exosphere/output.json
    - name: three
      needs: [two]
      command: [sh, -c, 'printf "\"%s\"" "$FROM" >/exosphere/output.json']
  output:
    one: ${{ satellites.one.output.from }}
    two: ${{ satellites.two.output.from }}
    three: ${{ satellites.three.output }}
    word: ${{ satellites.two.output.word }}
    bytes: ${{ satellites.two.output.bytes }}
    left: ${{ satellites.two.output.left }}
YAML
cat >map.yaml <<'YAML'
exosphere: v1
cluster:
  name: dev/map
  inputs: {add: {type: int, default: 1}, count: {type: int, default: 300}}
  defaults: {image: "oci:busybox", env: {FROM: "${{ execution.id }}"}}
  satellites:
    - name: numbers
      env: {COUNT: "${{ input.count }}"}
      command: [sh, -c, 'echo "[$(seq -s, 1 $COUNT)]" >/exosphere/output.json']
    - name: square
      for_each: ${{ satellites.numbers.output }}
      env: {N: "${{ item }}"}
      command: [sh, -c, "[ $N != 18 ] || echo square >/exosphere/artefacts/$N; echo $((N * N)) >/exosphere/output.json"]
    - name: merge
      input: {squares: "${{ satellites.square.output }}"}
      env: {ADD: "${{ input.add }}"}
      command:
        - sh
        - -c
        - |
          [ "$ADD" -gt 0 ] || exit 9
          sum=$ADD
          for n in $(sed 's/[^0-9]/ /g' /exosphere/input.json); do sum=$((sum + n)); done
          printf '{"sum":%d,"from":"%s","left":"%s"}' $sum "$FROM" "$(cat /exosphere/artefacts-of/square/17/18)" >/exosphere/output.json
  output: {sum: "${{ satellites.merge.output.sum }}", left: "${{ satellites.merge.output.left }}", last: "${{ satellites.square.output[299] }}", size: "${{ size(satellites.square.output.filter(n, n > 0)) }}"}
YAML

state() { "$EXO" get "$1" -o json | jq -er --arg name "$2" '.satellites[] | select(.name == $name) | .state'; }
kept() { "$EXO" get "$1" -o json | jq -er '[.satellites[] | select(.kept_from != null) | .name] | join(" ")'; }
post() { curl -s -o out -w '%{http_code}' -X POST "$EXOSPHERE_SERVER/v1/executions/$1/rerun" -d "$2"; }

say "a chain of which the second step fails: from failed only two and three run"
begin
status 1 "$EXO" run chain.yaml -o json
OLD=$(jq -r .id out)
check "two failed" eval "[[ $(state "$OLD" two) == FAILED && $(state "$OLD" three) == UPSTREAM_FAILED ]]"
touch flags/go
status 0 "$EXO" rerun "$OLD" --idempotency-key "again-$$"
NEW=$(cat out)
status 0 "$EXO" rerun "$OLD" --idempotency-key "again-$$"
check "the same key is the same rerun" test "$NEW" = "$(cat out)"
status 0 "$EXO" watch "$NEW"
check "one is kept, two and three ran" jq -e --arg old "$OLD" --arg new "$NEW" \
    '.one == $old and .two == $new and .three == $new and .bytes > 103000 and .word == "old" and .left == $old' out
status 0 "$EXO" get "$NEW" -o json
check "it says so" jq -e --arg old "$OLD" '.rerun_of == $old and [.satellites[].kept_from] == [$old, $old, null, null]' out
status 0 "$EXO" get "$NEW"
check "for people, too" eval "grep -q '^rerun of *$OLD' out && grep -q 'one *SUCCEEDED, kept' out && grep -q 'two *SUCCEEDED *-' out"
status 0 "$EXO" explain "$NEW" -o json
check "explain says so" jq -e --arg old "$OLD" '.rerun_of == $old and .kept == ["one", "blob"]' out
status 0 "$EXO" artefacts "$NEW" one --file who --to left
check "and gives the artefacts of what was kept" test "$(cat left/who 2>/dev/null || cat left)" = "$OLD"
status 0 "$EXO" get "$NEW" one -o json
check "what was kept can be read" jq -e '.state == "SUCCEEDED" and (.output.large | length) == 3000' out
curl -s "$EXOSPHERE_SERVER/v1/executions/$NEW/satellites/blob/output" >out
check "a blob, too" jq -e 'length == 100000' out

say "from a satellite, with an edited input; a rerun of a rerun names the first"
status 0 "$EXO" rerun "$NEW" --from two --input word=new
THIRD=$(cat out)
status 0 "$EXO" watch "$THIRD"
check "two ran with the new word, one is the oldest's" jq -e --arg old "$OLD" --arg third "$THIRD" \
    '.one == $old and .two == $third and .three == $third and .word == "new"' out
status 0 "$EXO" get "$THIRD" -o json
check "origins are the first" jq -e --arg old "$OLD" --arg new "$NEW" \
    '.rerun_of == $new and [.satellites[].kept_from] == [$old, $old, null, null] and .input.word == "new"' out
status 0 "$EXO" rerun "$THIRD" --from three
status 0 "$EXO" watch "$(cat out)"
check "only three ran" jq -e --arg third "$THIRD" '.two == $third and .three != $third' out

say "a delayed start, over a kill -9"
status 2 "$EXO" rerun "$THIRD" --from three --delay soon
status 2 "$EXO" rerun "$THIRD" --from three --delay 1s --start-at 2100-01-01T00:00:00Z
status 2 "$EXO" rerun "$THIRD" --from three --start-at tomorrow
status 65 "$EXO" rerun "$THIRD" --from three --start-at 2200-01-01T00:00:00Z
status 0 "$EXO" rerun "$THIRD" --from three --start-at 2100-01-01T00:00:00Z
LATER=$(cat out)
await "it is there" "$EXO" get "$LATER"
status 0 "$EXO" get "$LATER" -o json
check "its time" jq -e '.start_at == "2100-01-01T00:00:00.000Z" and .started_at == null' out
check "it keeps already" eval "[[ '$(kept "$LATER")' == 'one blob two' ]]"
status 0 "$EXO" explain "$LATER"
holds out "it starts at"
status 0 "$EXO" cancel "$LATER"
# Killed before its time: where that came too late, once more with longer.
for delay in 4 16 64; do
    START=$(time_in "$delay")
    status 0 "$EXO" rerun "$THIRD" --from three --delay "${delay}s"
    LATER=$(cat out)
    await "it is there" "$EXO" get "$LATER"
    kill -KILL "$DECIDER"
    KILLED=$(time_in 0)
    ends "$DECIDER" 137
    begin_decider
    await "it is known again" "$EXO" get "$LATER"
    status 0 "$EXO" watch "$LATER"
    [[ $KILLED > $START ]] || break
done
check "only three ran" jq -e --arg third "$THIRD" --arg later "$LATER" '.two == $third and .three == $later' out
status 0 "$EXO" get "$LATER" -o json
check "not before its time" jq -e --arg start "$START" '.start_at == null and .started_at >= $start' out

say "what cannot be run again is refused"
check "nothing failed" eval "[[ $(post "$THIRD" '{}') == 422 ]] && grep -q 'nothing of the execution failed' out"
check "no such satellite" eval "[[ $(post "$THIRD" '{"from": "four"}') == 422 ]] && grep -q four out"
check "a wrong input" eval "[[ $(post "$THIRD" '{"from": "two", "input": {"wort": "x"}}') == 422 ]] && grep -q word out"
check "an unknown member" eval "[[ $(post "$THIRD" '{"form": "two"}') == 422 ]] && grep -q from out"
check "no JSON" eval "[[ $(post "$THIRD" '{') == 400 ]]"
check "no such execution" eval "[[ $(post 00000000-0000-7000-8000-000000000000 '{}') == 404 ]]"

say "a map of 300 is kept, the merge after it runs again with another input, over a kill -9"
status 1 "$EXO" run map.yaml --input add=0 -o json
OLD=$(jq -r .id out)
check "the map is done" eval "[[ $(state "$OLD" square) == SUCCEEDED && $(state "$OLD" merge) == FAILED ]]"
status 0 "$EXO" rerun "$OLD" --input add=5
NEW=$(cat out)
kill -KILL "$DECIDER"
ends "$DECIDER" 137
begin_decider
status 0 "$EXO" watch "$NEW"
check "the sum of 300 squares and 5" jq -e '. == {"sum": 9045055, "left": "square", "last": 90000, "size": 300}' out
check "numbers and square are kept" eval "[[ '$(kept "$NEW")' == 'numbers square' ]]"
status 0 "$EXO" get "$NEW" -o json
check "no task of the map ran twice" jq -e '.input == {"add": 5, "count": 300} and .satellites[1].counts == {"SUCCEEDED": 300}' out
status 0 "$EXO" get "$NEW" square.17 -o json
check "a task of it can be read" jq -e '.state == "SUCCEEDED" and .output == 324 and (.attempts | length) == 1' out
curl -s "$EXOSPHERE_SERVER/v1/executions/$NEW/satellites/square/output" >out
check "and its list" jq -e 'length == 300 and .[299] == 90000' out
curl -s "$EXOSPHERE_SERVER/v1/executions/$NEW/tasks?satellite=square&limit=1000" >out
check "and its tasks" jq -e '[.tasks[].state] == [range(300) | "SUCCEEDED"]' out
status 0 "$EXO" rerun "$NEW" --from merge --input add=7
NEXT=$(cat out)
status 0 "$EXO" watch "$NEXT"
check "the list of the first once more" jq -e '.sum == 9045057' out
status 0 "$EXO" get "$NEXT" -o json
check "it names the first" jq -e --arg old "$OLD" '.satellites[1].kept_from == $old' out
kill -TERM "$DECIDER"
ends "$DECIDER" 0
