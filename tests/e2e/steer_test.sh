#!/usr/bin/env bash
# steer_test.sh EXOSPHERE: the examples of docs/satellites.md with real containers: control.json (prune, skip, again_after,
# more_items), progress.json as people see it, and the silence of an attempt that has a heartbeat.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci jq curl
cd "$WORK" || exit 1

# Each block of the page that is a whole cluster becomes a file of its name.
awk '/^```/ {if (file != "") printf "%s", text >file; inside = /^```yaml/; text = ""; file = ""; next}
     inside {text = text $0 "\n"}
     inside && /^  name: / {split($2, parts, "/"); file = parts[2] ".yaml"}' "$ROOT/docs/satellites.md"
for name in progress prune skip again more; do
    [[ -s $name.yaml ]] || fail "docs/satellites.md has no example steer/$name"
done

IMAGES=$WORK/images
"$ROOT/examples/images/make" "$IMAGES" busybox busybox >images.log 2>&1 || fail "no image: $(tail -3 images.log)"
mkdir flags && chmod 755 flags
start_dev --image-dir "$IMAGES" --volumes "flags=$WORK/flags" --slots 4 --drain=1s

# are NAME=STATE...: the states of satellites in $WORK/out.
are() {
    local pair
    for pair in "$@"; do
        check "${pair%=*} is ${pair#*=}" jq -e --arg name "${pair%=*}" --arg state "${pair#*=}" \
            '.satellites[] | select(.name == $name) | .state == $state' out
    done
}

say "prune"
status 0 "$EXO" run prune.yaml -o json
are look=SUCCEEDED repair=SKIPPED report=SUCCEEDED
check "what comes after it saw that" jq -e '.output == {"report": "SKIPPED"}' out

say "skip"
status 0 "$EXO" run skip.yaml -o json
are look=SUCCEEDED download=SKIPPED unpack=SKIPPED tidy=SUCCEEDED
check "the output of the one that said so" jq -e '.state == "SUCCEEDED" and .output == 7' out

say "again_after"
status 0 "$EXO" run again.yaml -o json
check "the third time it had come" jq -e '.output == {"delivery": "it has come"}' out
status 0 "$EXO" get "$(jq -r .id out)" delivery -o json
check "it asked twice, which is no failure" jq -e '.failures == 0 and ([.attempts[].outcome] == ["later", "later", "succeeded"])' out

say "more_items"
status 0 "$EXO" run more.yaml -o json
check "each page gave the next" jq -e '.output == [1, 2, 3, 4] and .satellites[0].tasks == 4' out

say "what control.json may not ask for"
sed -e 's/"prune\\": true/"prun\\": true/' -e 's/steer.prune/steer\/wrong/' prune.yaml >wrong.yaml
status 1 "$EXO" run wrong.yaml -o json
are look=FAILED repair=UPSTREAM_FAILED
check "and it is told what is wrong" jq -e '.satellites[0].error | startswith("CONTROL_INVALID: ") and contains("prun")' out

say "progress"
# As on the page, but that a part takes until it was seen.
sed -e 's|sleep 2|until [ -e /flags/$part ]; do sleep 0.1; done|' -e 's/timeouts: {heartbeat: 10s}/mounts: [{volume: flags, path: \/flags}]/' \
    progress.yaml >parts.yaml
check "both stand on the page" test "$(grep -c /flags parts.yaml)" = 2
status 0 "$EXO" submit parts.yaml
ID=$(cat out)
start watch "$EXO" watch "$ID"
WATCH=$PID
curl -sN "$EXOSPHERE_SERVER/v1/executions/$ID/events" >events 2>curl.log &
PIDS+=("$!")
await "the changes are told" grep -q "^event: " events
for part in 1 2 3 4; do
    await "the task says how far it is" eval '"$EXO" get "$ID" train -o json | jq -e ".state == \"RUNNING\" and .progress.percent == $part * 20 and .progress.message == \"part $part of 4\""'
    await "so does its satellite" eval '"$EXO" get "$ID" -o json | jq -e ".satellites[0].progress.percent == $part * 20"'
    check "and the table" eval '"$EXO" get "$ID" | grep -Eq "RUNNING.* % part $part of 4"'
    [[ $part == 4 ]] || touch flags/$part
done
# Whoever came too late for the first part has had the others.
await "who watches sees it grow" grep -Eq "60 % part 3 of 4|80 % part 4 of 4" watch.log
await "watchers are told as it comes" eval '[[ $(grep -c "^event: progress" events) -ge 3 ]]'
touch flags/4
ends "$WATCH" 0
check "with what it says" eval 'grep -A1 "^event: progress" events | grep "^data: " | tail -n 1 | cut -c 7- | jq -e ".task == \"train\" and .attempt == 1 and .progress.percent >= 60 and .progress.message == \"part \(.progress.percent / 20) of 4\""'
check "it has no id to come back to" eval '! grep -B1 "^event: progress" events | grep -q "^id:"'
check "and the changes have no gap for it" eval 'sed -n "s/^id: \([0-9]*\)\..*/\1/p" events | awk "NR > 1 && \$1 != last + 1 {exit 1} {last = \$1} END {exit NR < 2}"'
status 0 "$EXO" get "$ID" train -o json
check "it is gone with the attempt" jq -e '.state == "SUCCEEDED" and .progress == null' out

say "silence"
cat >silent.yaml <<'YAML'
exosphere: v1
cluster:
  name: steer/silent
  defaults: {image: "oci:busybox", timeouts: {heartbeat: 5s}, grace: 500ms}
  satellites:
    - name: hangs
      needs: []
      retries: {limit: 1, base: 100ms, jitter: none, never: [143]}
      command: [sh, -c, 'echo attempt "$EXOSPHERE_ATTEMPT"; [ "$EXOSPHERE_ATTEMPT" = 2 ] || exec sleep 600']
    - name: stubborn
      needs: []
      command: [sh, -c, "trap '' TERM; touch /exosphere/progress.json; while :; do sleep 1; done"]
    - name: lives
      needs: []
      command: [sh, -c, "for i in $(seq 60); do touch /exosphere/progress.json; sleep 0.2; done"]
YAML
status 1 "$EXO" run silent.yaml -o json
are hangs=SUCCEEDED stubborn=FAILED lives=SUCCEEDED
check "the error says what to do" jq -e '.satellites[] | select(.name == "stubborn") | .error | startswith("HEARTBEAT_TIMEOUT: ") and contains("progress.json")' out
status 0 "$EXO" get "$(jq -r .id out)" hangs -o json
check "it was tried again" jq -e '.failures == 1 and ([.attempts[].outcome] == ["failed", "succeeded"]) and (.attempts[0].error | startswith("HEARTBEAT_TIMEOUT"))' out
