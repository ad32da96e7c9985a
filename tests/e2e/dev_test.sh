#!/usr/bin/env bash
# dev_test.sh EXOSPHERE: `exosphere dev` with real containers: the examples, logs as they appear, kill -9 in the middle,
# what goes wrong inside a container, volumes and secrets. Needs root and crun.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci jq
cd "$WORK" || exit 1

IMAGES=$WORK/images
"$ROOT/examples/make-images" "$IMAGES" busybox word-frequency diamond >images.log 2>&1 || fail "no images: $(tail -3 images.log)"
mkdir -p secrets/dev && printf 'sesame' >secrets/dev/door
# What a container waits for: that it lives on until the test has seen what it came for.
mkdir flags && chmod 755 flags

begin_dev() {
    start_dev --image-dir "$IMAGES" --secrets-dir "$WORK/secrets" --slots 4 \
        --volumes "licenses=/usr/share/common-licenses,flags=$WORK/flags" "${@:---drain=1s}"
}

# cluster NAME: the satellites on standard input, as a file NAME.yaml of the project dev.
cluster() {
    {
        printf 'exosphere: v1\ncluster:\n  name: dev/%s\n  defaults: {image: "oci:busybox"}\n' "$1"
        cat
    } >"$1.yaml"
}

say "a first start makes its own image directory, and none that is named"
start_dev
cp -r "$IMAGES/." "$WORK/data/images/"
status 0 "$EXO" init
status 0 "$EXO" run cluster.yaml --input 'names=["Bea"]'
check "an image put there later" jq -e '. == ["Hello, Bea!"]' out
kill -TERM "$DEV"
ends "$DEV" 0
rm -rf "$WORK/data" cluster.yaml
status 78 "$EXO" dev --listen 127.0.0.1:0 --data "$WORK/data" --image-dir "$WORK/misspelt"
holds err "misspelt"

say "the examples"
begin_dev
status 0 "$EXO" run "$ROOT/examples/word-frequency/cluster.yaml" --input top=3
find /usr/share/common-licenses -type f -exec cat {} + | tr -cs 'A-Za-z' '\n' | grep . | tr 'A-Z' 'a-z' >words
check "files and words are counted right" jq -e --argjson files "$(find /usr/share/common-licenses -type f | wc -l)" \
    --argjson words "$(wc -l <words)" '.files == $files and .words == $words' out
jq -r '.top | to_entries[] | "\(.value) \(.key)"' out >got
sort words | uniq -c | sort -k1,1nr -k2,2 | awk 'NR <= 3 {print $1, $2}' >wanted
check "the most frequent words are the right ones" diff got wanted
status 0 "$EXO" run "$ROOT/examples/diamond/cluster.yaml"
check "the third try gave the answer" jq -e '. == {"sum": 62, "tries": 3}' out
status 0 "$EXO" list --limit 1 -o json
ID=$(jq -r '.executions[0].id' out)
status 0 "$EXO" get "$ID" left -o json
check "two attempts failed before" jq -e '[.attempts[].outcome] | length == 3 and .[2] == "succeeded"' out
status 0 "$EXO" logs "$ID" left --attempt 1
holds out "not today"
status 0 "$EXO" init
status 0 "$EXO" run cluster.yaml --input 'names=["Ada"]'
check "the example of init" jq -e '. == ["Hello, Ada!"]' out

say "what a container sees, and what goes wrong in it"
cluster sight <<'YAML'
  satellites:
    - name: look
      secrets: [door]
      env: {FROM: "${{ execution.id }}"}
      mounts: [{volume: licenses, path: /licenses}]
      command:
        - sh
        - -c
        - |
          set -e
          [ "$FROM" = "$EXOSPHERE_EXECUTION" ]; [ "$EXOSPHERE_TASK" = look ]; [ "$(id -u)" = 65532 ]
          [ "$(cat /exosphere/secrets/door)" = sesame ]; [ -s /licenses/GPL-3 ]; ! touch /licenses/x /bin/x 2>/dev/null
          echo '"seen"' >/exosphere/output.json
  output: ${{ satellites.look.output }}
YAML
status 0 "$EXO" run sight.yaml
holds out '"seen"'
cluster wrong <<'YAML'
  satellites:
    - {name: code, needs: [], command: [sh, -c, "echo oh >&2; exit 7"]}
    - {name: json, needs: [], command: [sh, -c, "echo '{' >/exosphere/output.json"]}
    - {name: image, needs: [], command: [sh], image: "oci:nowhere"}
    - {name: command, needs: [], command: [no-such-program]}
    - {name: volume, needs: [], command: [sh], mounts: [{volume: nowhere, path: /x}]}
    - {name: slow, needs: [], command: [sleep, "60"], timeout: 500ms, grace: 200ms}
    - {name: stubborn, needs: [], command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"], timeout: 500ms, grace: 200ms}
    - {name: fat, needs: [], command: [sh, -c, "tail /dev/zero"], resources: {memory: 16Mi}}
    - {name: after, needs: [code], command: [sh]}
YAML
status 1 "$EXO" run wrong.yaml -o json
of() { jq -re --arg name "$1" '.satellites[] | select(.name == $name) | .state + " " + (.error // "")' out; }
for satellite in code json image command volume fat; do
    check "$satellite fails" eval "[[ '$(of $satellite | cut -d' ' -f1)' == FAILED ]]"
done
for satellite in slow stubborn; do
    check "$satellite times out" eval "[[ '$(of $satellite | cut -d' ' -f1)' == TIMED_OUT ]]"
done
check "what comes after a failure never starts" eval "[[ '$(of after | cut -d' ' -f1)' == UPSTREAM_FAILED ]]"
check "out of memory is told" eval "of fat | grep -i memory >/dev/null"
check "a missing image is named" eval "of image | grep nowhere >/dev/null"
check "a missing program is named" eval "of command | grep no-such-program >/dev/null"
check "a missing volume is named" eval "of volume | grep nowhere >/dev/null"
ID=$(jq -r .id out)
status 0 "$EXO" get "$ID" code -o json
check "the exit status is told" jq -e '.attempts[0].exit_status == 7' out
status 0 "$EXO" logs "$ID" code
holds out "oh"

say "logs as they appear"
cluster chatty <<'YAML'
  satellites:
    - name: talk
      mounts: [{volume: flags, path: /flags}]
      command:
        - sh
        - -c
        - |
          echo line 1
          until [ -e /flags/talk ]; do sleep 0.1; done
          for i in 2 3 4 5 6 7 8 9; do echo line $i; sleep 0.3; done
YAML
status 0 "$EXO" submit chatty.yaml
ID=$(cat out)
start follow "$EXO" logs "$ID" talk -f
FOLLOW=$PID
start lines "$EXO" logs "$ID" talk -f -o json
LINES_PID=$PID
await "the first line" grep -q 'line 1' follow.log
await "the first line as JSON" grep -q 'line 1' lines.log
check "it still runs" eval "'$EXO' get $ID -o json | jq -e '.state == \"RUNNING\"'"
touch flags/talk
ends "$FOLLOW" 0
holds follow.log "line 9"
ends "$LINES_PID" 0
check "a line of JSON for each" jq -es '[.[] | del(.task, .satellite)] == [range(1; 10) | {attempt: 1, line: ., text: "line \(.)"}]
    and all(.[]; .task == "talk" and .satellite == "talk")' lines.log
status 0 "$EXO" logs "$ID" -o yaml
check "a document of YAML for each" eval "[[ \$(grep -cx -- --- out) -eq 9 ]] && grep -qx 'text: line 9' out"
check "each line once" eval "[[ \$(grep -c line follow.log) -eq 9 ]]"

say "kill -9 in the middle, start again, and it finishes"
cluster work <<'YAML'
  satellites:
    - name: items
      command: [sh, -c, "echo '[1,2,3,4,5,6,7,8,9,10,11,12]' >/exosphere/output.json"]
    - name: square
      for_each: ${{ satellites.items.output }}
      env: {N: "${{ item }}"}
      mounts: [{volume: flags, path: /flags}]
      command: [sh, -c, "[ $N -le 2 ] || until [ -e /flags/go ]; do sleep 0.1; done; echo $((N * N)) >/exosphere/output.json"]
  output: ${{ satellites.square.output }}
YAML
submit_work() {
    rm -f flags/go
    status 0 "$EXO" submit work.yaml
    ID=$(cat out)
}
for round in 1 2; do
    submit_work
    await "round $round: some squares are done" eval \
        "'$EXO' get $ID -o json | jq -e '.satellites[1].counts.SUCCEEDED >= 2 and .state == \"RUNNING\"'"
    kill -KILL "$DEV"
    ends "$DEV" 137
    touch flags/go
    begin_dev
    status 0 "$EXO" watch "$ID"
    check "round $round: every square once" jq -e '. == [1,4,9,16,25,36,49,64,81,100,121,144]' out
    status 0 "$EXO" get "$ID" -o json
    check "round $round: no try of the user's was spent" jq -e '.satellites[1].counts == {"SUCCEEDED": 12}' out
done

say "SIGTERM hands back what runs; nothing is left behind"
submit_work
await "it runs" eval "'$EXO' get $ID -o json | jq -e '.satellites[1].state == \"RUNNING\"'"
kill -TERM "$DEV"
ends "$DEV" 0
check "no container is left" eval "! pgrep -f '$WORK/data/run' >/dev/null"
check "nothing is left mounted" eval "! grep -q '$WORK/data' /proc/self/mountinfo"
touch flags/go
begin_dev
status 0 "$EXO" watch "$ID"
check "it goes on at the next start" jq -e 'length == 12' out
kill -TERM "$DEV"
ends "$DEV" 0

say "a second signal ends it at once"
begin_dev --drain 1h
submit_work
await "it runs" eval "'$EXO' get $ID -o json | jq -e '.satellites[1].state == \"RUNNING\"'"
kill -TERM "$DEV"
await "it drains" grep -q '"event":"worker.draining"' dev.log
kill -TERM "$DEV"
ends "$DEV" 1
touch flags/go
begin_dev
status 0 "$EXO" watch "$ID"
kill -TERM "$DEV"
ends "$DEV" 0

say "the tables are what the journal says"
status 0 "$EXO" replay --data "$WORK/data"
holds out "identical: 0 differences"
status 66 "$EXO" replay --data "$WORK/nothing-here"
holds err "there is no store"
[[ ! -e $WORK/nothing-here ]] || fail "replay has made what it was to look into"
