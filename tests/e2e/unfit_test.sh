#!/usr/bin/env bash
# unfit_test.sh EXOSPHERE services: two workers, and the crun of one starts nothing: all tasks end well on the other, the one
# says why it takes none, and takes some again when its crun works; an image that nobody has stops neither. On the Kafka,
# Postgres and Redis that `infra/services env` names. Needs root and crun.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
choose_mode "${2:-services}"
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci skopeo jq curl
cd "$WORK" || exit 1

IMAGES=$WORK/images BROKEN=$WORK/broken
CLASS=unfit-$$ # nobody else serves it
"$ROOT/examples/make-images" "$IMAGES" busybox >images.log 2>&1 || fail "no images: $(tail -3 images.log)"

# crun --root DIR --log FILE run ...: as on a machine that may not mount, while $BROKEN is there.
mkdir bin
cat >bin/crun <<END
#!/bin/sh
if [ -e "$BROKEN" ] && [ "\$5" = run ]; then
    echo 'mount \`proc\` to \`proc\`: Operation not permitted' >"\$4"
    exit 1
fi
exec $(command -v crun) "\$@"
END
chmod +x bin/crun
touch "$BROKEN"

sed "s/CLASS/$CLASS/" >map.yaml <<'YAML'
exosphere: v1
cluster:
  name: fleet/unfit
  defaults: {image: "oci:busybox", class: CLASS, retries: {limit: 0}, resources: {cpu: 10m, memory: 16Mi}}
  satellites:
    - {name: begin, command: [sh, -c, 'echo "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]" >/exosphere/output.json']}
    - {name: each, for_each: "${{ satellites.begin.output }}", command: [sh, -c, 'sleep 0.2; echo 1 >/exosphere/output.json']}
  output: ${{ size(satellites.each.output) }}
YAML
sed "s/CLASS/$CLASS/" >nobody.yaml <<'YAML'
exosphere: v1
cluster:
  name: fleet/nobody
  defaults: {image: "docker://127.0.0.1:1/nobody:1", class: CLASS, resources: {cpu: 10m, memory: 16Mi}}
  satellites: [{name: each, for_each: "${{ [1, 2, 3, 4, 5, 6] }}", command: [a]}]
  output: 1
YAML

# start_worker NAME PATH: PATH comes before the usual one.
start_worker() {
    : >"$1.log"
    start "$1" env PATH="$2$PATH" "$EXO" worker --worker-name "$1-$$" --classes "$CLASS" --data "$WORK/$1" \
        --runtime-dir "$WORK/$1/run" --image-dir "$IMAGES" --slots 2 --drain 3s --log-format json
}
port_of() { sed -n 's/.*"for":"health","port":\([0-9]*\).*/\1/p' "$1.log" | head -n 1; }
metric() { curl -s "http://127.0.0.1:$(port_of "$1")/metrics" | awk -v name="$2" '$1 == name {print $2}'; }
# worker NAME FILTER: what jq says of it.
worker() { "$EXO" workers -o json | jq -e --arg name "$1-$$" ".workers[] | select(.name == \$name) | $2"; }
# tasks EXECUTION FILTER: what jq says of the list of its tasks.
tasks() { curl -s "$EXOSPHERE_SERVER/v1/executions/$1/tasks?limit=100" | jq -e ".tasks | $2"; }
# all_ended_on NAME EXECUTION: the last attempt of each task of a map.yaml was that worker's.
all_ended_on() {
    local task
    for task in begin each.{0..11}; do
        "$EXO" get "$2" "$task" -o json |
            jq -e --arg name "$1-$$" '.attempts[-1] | .outcome == "succeeded" and .worker == $name' || return 1
    done
}

start_api
start scheduler "$EXO" scheduler --data "$WORK/scheduler" --log-format json
start_worker bad "$WORK/bin:"
await "the bad one is known" worker bad '.state == "alive"'

say "one machine starts nothing: everything ends well on the other"
IDS=()
for _ in 1 2 3; do
    status 0 "$EXO" submit map.yaml
    IDS+=("$(cat out)")
done
# It is there first, so that it is given some.
await "the bad one has found out" eval "[[ \$(metric bad exosphere_worker_unfit) == 1 ]]"
start_worker good ""
GOOD=$PID
await "the good one is known" worker good '.state == "alive"'
LOST=0
for id in "${IDS[@]}"; do
    status 0 "$EXO" watch "$id"
    holds out 12
    check "the good one ended each task" all_ended_on good "$id"
    LOST=$((LOST + $(tasks "$id" 'map(.losses) | add')))
done
# Three that failed in a row, what it had by then, and one now and then: of 39 tasks that would have been lost ten times each.
check "the bad one was given $LOST" test "$LOST" -ge 3 -a "$LOST" -le 20

say "it says that it takes none, why, and what to do"
await "in the list of workers" worker bad '.state == "troubled" and (.trouble | contains("Operation not permitted") and contains("mend it"))'
status 0 "$EXO" workers
holds out "bad-$$ takes no tasks: attempts cannot be started here"
grep '"worker.unfit"' bad.log >unfit
check "in its log, once" jq -es 'length == 1 and .[0].level == "error" and (.[0].reason | contains("Operation not permitted"))' unfit
check "in its metrics" test "$(metric bad exosphere_worker_unfit)" = 1
check "in /readyz" test "$(curl -s -o ready -w '%{http_code}' "http://127.0.0.1:$(port_of bad)/readyz")" = 503
holds ready "attempts cannot be started here"
check "the good one has no trouble" worker good '.state == "alive" and .trouble == null'

say "without the good one tasks wait, and say for whom"
kill -TERM "$GOOD"
ends "$GOOD" 0
status 0 "$EXO" submit map.yaml
ID=$(cat out)
await "explain says it" eval "'$EXO' explain $ID | grep '1 workers could run it and take no task at present'"

say "its crun works: it finds that out by itself, and takes tasks again"
rm "$BROKEN"
status 0 timeout "$WAIT_SECONDS_MAX" "$EXO" watch "$ID"
holds out 12
check "it ran them" all_ended_on bad "$ID"
await "it has no trouble any more" worker bad '.state == "alive" and .trouble == null'
check "its log says so" grep -q '"event":"worker.fit"' bad.log
check "it is ready" curl -sf "http://127.0.0.1:$(port_of bad)/readyz"

say "an image that nobody has is no trouble of the machine"
status 0 "$EXO" submit nobody.yaml
NOBODY=$(cat out)
await "six attempts were lost, one after the other" tasks "$NOBODY" 'map(.losses) | add >= 6'
check "the worker is fit" worker bad '.state == "alive"'
status 0 "$EXO" run map.yaml
holds out 12
check "it was unfit once" test "$(metric bad exosphere_worker_unfit_total)" = 1
status 0 "$EXO" cancel "$NOBODY"
