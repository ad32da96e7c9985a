#!/usr/bin/env bash
# disk_full_test.sh EXOSPHERE: a worker whose --runtime-dir is really full (a tmpfs of 96 MiB): it says so, takes nothing,
# loses nothing, keeps what ends meanwhile, and goes on when there is room; and a `dev` whose --data is. Needs root and crun.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci jq curl
cd "$WORK" || exit 1

IMAGES=$WORK/images DISK=$WORK/disk
"$ROOT/examples/make-images" "$IMAGES" busybox >images.log 2>&1 || fail "no images: $(tail -3 images.log)"
mkdir "$DISK" flag
mount -t tmpfs -o size=96m tmpfs "$DISK"

FLAGS=(--runtime-dir "$DISK/run" --image-dir "$IMAGES" --volumes "flag=$WORK/flag" --slots 2 --drain 1s)
fill() {
    dd if=/dev/zero of="$DISK/filler" bs=64k >dd.log 2>&1 || true
    holds dd.log "No space left"
    await "the worker says that it is full" eval "[[ \$(curl -s -o ready -w '%{http_code}' $EXOSPHERE_SERVER/readyz) == 503 ]]"
    holds ready "is full"
    holds ready "make room there"
}
make_room() {
    rm "$DISK/filler"
    await "the worker takes tasks again" eval "[[ \$(curl -s -o ready -w '%{http_code}' $EXOSPHERE_SERVER/readyz) == 200 ]]"
}
attempts() { "$EXO" get "$1" hold -o json | jq -c '[.attempts[].outcome]'; }

cat >hold.yaml <<'YAML'
exosphere: v1
cluster:
  name: dev/hold
  defaults: {image: "oci:busybox"}
  inputs: {flag: {type: string}}
  satellites:
    - name: hold
      retries: {limit: 0}
      mounts: [{volume: flag, path: /flag}]
      env: {FLAG: "${{ input.flag }}"}
      command: [sh, -c, 'echo here; while [ ! -e "/flag/$FLAG" ]; do sleep 0.1; done; echo "\"$FLAG\"" >/exosphere/output.json']
  output: ${{ satellites.hold.output }}
YAML
hold() {
    status 0 "$EXO" submit hold.yaml --input flag="$1"
    cat out
}
is_running() { "$EXO" logs "$1" hold | grep -x here; } # before, its image may still be on the way

say "what runs ends well on a full disk; what comes waits"
start_dev "${FLAGS[@]}"
FIRST=$(hold first)
await "it runs" is_running "$FIRST"
fill
grep '"worker.full"' dev.log >full
check "the log says what to do, once" jq -es 'length == 1 and .[0].level == "error" and (.[0].reason | contains("make room there"))' full
check "a gauge says it" eval "curl -s $EXOSPHERE_SERVER/metrics | grep -x 'exosphere_worker_full 1'"
SECOND=$(hold second)
touch flag/first flag/second
status 0 "$EXO" watch "$FIRST"
holds out '"first"'
check "its end was kept although the disk is full" eval "! grep -q worker.not_spooled dev.log"
check "the second waits and has no attempt" eval "[[ \$(attempts $SECOND) == '[]' ]]"
make_room
status 0 "$EXO" watch "$SECOND"
holds out '"second"'
check "it took one attempt" eval "[[ \$(attempts $SECOND) == '[\"succeeded\"]' ]]"
check "that there is room is said too" grep -q '"event":"worker.room"' dev.log

say "kill -9 while it is full: the next life waits for room as well, and no try of the user's is spent"
THIRD=$(hold third)
await "it runs" is_running "$THIRD"
fill
kill -KILL "$DEV"
ends "$DEV" 137
touch flag/third
: >dev.log
start dev "$EXO" dev --listen 127.0.0.1:0 --data data --log-format json "${FLAGS[@]}" # not ready, so no greeting
DEV=$PID
await "it listens" grep -q '"http.listening"' dev.log
EXOSPHERE_SERVER=http://127.0.0.1:$(sed -n 's/.*"http.listening".*"port":\([0-9]*\).*/\1/p' dev.log)
await "it says that it is full" eval "[[ \$(curl -s -o ready -w '%{http_code}' $EXOSPHERE_SERVER/readyz) == 503 ]]"
make_room
status 0 "$EXO" watch "$THIRD"
holds out '"third"'
check "the first was lost, not failed" eval "[[ \$(attempts $THIRD) == '[\"lost\",\"succeeded\"]' ]]"
kill -TERM "$DEV"
ends "$DEV" 0

say "the disk of dev's own data"
mkdir "$DISK/data"
: >dev.log
cat >waves.yaml <<'YAML'
exosphere: v1
cluster:
  name: dev/waves
  defaults: {image: "oci:none"}
  satellites:
    - {name: wave, for_each: "${{ [1, 2, 3, 4, 5, 6, 7, 8] }}", command: ["null", --sleep, 300ms]}
    - {name: last, command: ["null"]}
  output: ${{ size(satellites.wave.output) }}
YAML
start dev "$EXO" dev --listen 127.0.0.1:0 --data "$DISK/data" --runtime-dir "$WORK/run" --sandbox null --log-format json
DEV=$PID
await "exosphere dev is ready" grep -q 'Exosphere listens on' dev.log
EXOSPHERE_SERVER=$(grep -o 'http://[0-9.]*:[0-9]*' dev.log | head -n 1)
IDS=()
for _ in 1 2 3; do
    status 0 "$EXO" submit waves.yaml
    IDS+=("$(cat out)")
done
fill_data() {
    dd if=/dev/zero of="$DISK/filler" bs=4k >dd.log 2>&1 || true
    # What it says first may be that it loads its shards again, since a commit has failed.
    [[ $(curl -s -o ready -w '%{http_code}' "$EXOSPHERE_SERVER/readyz") == 503 ]] && grep -q "the disk is full: free space there" ready
}
await "it says that it is full" fill_data
status 69 "$EXO" submit waves.yaml --idempotency-key late
holds err "it has not been submitted: SQLite file"
check "the log says it" grep -q 'the disk is full: free space there' dev.log
make_room
status 0 "$EXO" submit waves.yaml --idempotency-key late
IDS+=("$(cat out)")
for id in "${IDS[@]}"; do
    status 0 "$EXO" watch "$id"
    holds out 8
    check "each task took one attempt" eval "'$EXO' get $id wave.7 -o json | jq -e '.attempts | length == 1'"
done
kill -TERM "$DEV"
ends "$DEV" 0
check "the tables are what the journal says" "$EXO" replay --data "$DISK/data"
