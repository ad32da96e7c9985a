#!/usr/bin/env bash
# batch_test.sh EXOSPHERE [services]: tasks of several executions that one container runs together, with real containers, against
# `exosphere dev`; or an API, two schedulers and a worker on the services that `infra/services env` names. Needs root and crun.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
choose_mode "${2:-}"
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci jq curl
cd "$WORK" || exit 1

IMAGES=$WORK/images
"$ROOT/examples/make-images" "$IMAGES" busybox >images.log 2>&1 || fail "no images: $(tail -3 images.log)"
# What a container waits for: that it lives on until the test has seen what it came for.
mkdir flags && chmod 755 flags

# DECIDER is who decides, and may be killed: begin_decider brings it back.
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
    start second "$EXO" scheduler --data "$WORK/second"
    start_api
    mkdir -p "$WORK/worker"
    start worker "$EXO" worker --worker-name "batch-$$" --data "$WORK/worker" --image-dir "$IMAGES" --slots 4 \
        --volumes "flags=$WORK/flags" --api-url "$EXOSPHERE_SERVER"
}

# Each item's input is {"word": W}: it is given back twice, with the number of items and the execution that ran. The word `bad` is an
# error of that item alone, `crash` one of the whole, `slow` takes its time: until flags/go is there.
cluster() { # NAME SIZE INTERVAL RETRIES
    cat >"$1.yaml" <<YAML
exosphere: v1
cluster:
  name: words-$$/$1
  inputs: {word: {type: string}, model: {type: string, default: small}}
  satellites:
    - name: infer
      image: "oci:busybox"
      mounts: [{volume: flags, path: /flags}]
      batch: {size: $2, interval: $3, key: "\${{ input.model }}"}
      input: {word: "\${{ input.word }}"}
      retries: {limit: $4, base: 10ms, cap: 10ms}
      command:
        - sh
        - -c
        - |
          tr '{' '\n' </exosphere/input.json | sed -n 's/.*"word":"\([^"]*\)".*/\1/p' >/tmp/words
          n=\$(grep -c . /tmp/words)
          ! grep -q '^crash\$' /tmp/words || exit 9
          ! grep -q '^slow\$' /tmp/words || until [ -e /flags/go ]; do sleep 0.1; done
          sed -e 's|^bad\$|{"error":"no such word"}|' -e t \
              -e "s|.*|{\"output\":{\"twice\":\"&&\",\"of\":\$n,\"ran\":\"\$EXOSPHERE_EXECUTION\"}}|" /tmp/words |
              paste -sd, - | sed 's/^/[/; s/\$/]/' >/exosphere/output.json
  output: "\${{ satellites.infer.output }}"
YAML
}
# submit FILE WORD [FLAG...]: starts it; sets ID.
submit() {
    local file=$1 word=$2
    shift 2
    status 0 "$EXO" submit "$file.yaml" --input "word=$word" "$@"
    ID=$(cat out)
}
field() { "$EXO" get "$1" -o json | jq -r "$2"; }
# ends_as ID STATE: waits until it has ended so.
ends_as() {
    await "$1 ends" eval "[[ \$('$EXO' get $1 -o json | jq -r .state) =~ ^(SUCCEEDED|FAILED|CANCELLED|TIMED_OUT)$ ]]"
    [[ $(field "$1" .state) == "$2" ]] || fail "$1 is $(field "$1" .state), not $2: $(field "$1" .error)"
    CHECKS=$((CHECKS + 1))
}
# gathered ID COUNT SIZE: it waits for a batch, so many of which are there.
gathered() { "$EXO" explain "$1" | grep -qE "waits for a batch: $2 of $3 gathered, it runs at .*, in .* at the latest"; }
# How many executions have run a batch so far.
batches() { curl -sf "$EXOSPHERE_SERVER/v1/executions?cluster=words-$$/batch&limit=100" | jq '.executions | length'; }

begin
cluster full 4 1h 0
cluster three 3 1h 0
cluster again 2 1h 1

say "four executions, one container"
IDS=()
for word in a b c d; do
    submit full "$word"
    IDS+=("$ID")
    [[ $word == d ]] || await "$word waits for a batch" gathered "$ID" ${#IDS[@]} 4
done
RAN=
for i in 0 1 2 3; do
    word=$(cut -d' ' -f$((i + 1)) <<<"a b c d")
    ends_as "${IDS[i]}" SUCCEEDED
    check "its own result, of four" test "$(field "${IDS[i]}" '.output.twice + " " + (.output.of | tostring)')" = "$word$word 4"
    RAN=${RAN:-$(field "${IDS[i]}" .output.ran)}
    check "in one container" test "$(field "${IDS[i]}" .output.ran)" = "$RAN"
    status 0 "$EXO" get "${IDS[i]}" infer -o json
    check "which execution ran it" jq -e ".attempts | length == 1 and .[0].batch == \"$RAN\"" out
done
check "one batch so far" test "$(batches)" = 1
status 0 "$EXO" get "$RAN" -o json
check "it says what it is" jq -e '.cluster == "words-'$$'/batch" and .state == "SUCCEEDED" and (.labels.batch | length) == 36' out

say "fewer start when the time is over; another key is another batch; an error is of one task"
# Where the second one came after the time of the first, once more with longer.
for interval in 10s 40s 160s; do
    BEFORE=$(batches)
    cluster brief 100 $interval 0
    submit brief e
    ONE=$ID
    submit brief bad
    BAD=$ID
    submit brief f --input model=large
    OTHER=$ID
    ends_as "$ONE" SUCCEEDED
    ends_as "$OTHER" SUCCEEDED
    ends_as "$BAD" FAILED
    [[ $(field "$ONE" .output.of) == 1 ]] || break
done
check "two went together" test "$(field "$ONE" .output.of)" = 2
check "one went alone" test "$(field "$OTHER" .output.of)" = 1
check "its own error" test "$(field "$BAD" .error)" = "infer: no such word"
check "two batches more" test "$(batches)" = $((BEFORE + 2))

say "a batch that fails as a whole fails each, and each tries again"
submit again crash
BAD=$ID
submit again g
ONE=$ID
ends_as "$BAD" FAILED
ends_as "$ONE" FAILED
check "the error of the batch" grep -q '^infer: BATCH: batch: ' <<<"$(field "$ONE" .error)"
status 0 "$EXO" get "$ONE" infer -o json
check "two tries, in two batches" jq -e '[.attempts[].batch] | length == 2 and .[0] != .[1]' out

say "who is cancelled leaves the others alone"
submit three h
ONE=$ID
submit three i
BAD=$ID
await "two are there" gathered "$ONE" 2 3
status 0 "$EXO" cancel "$BAD"
ends_as "$BAD" CANCELLED
await "the other one is left" gathered "$ONE" 1 3
submit three n
submit three o
ends_as "$ONE" SUCCEEDED
check "two others went with it" test "$(field "$ONE" .output.of)" = 3

say "a kill -9 while one gathers and one runs"
submit full slow
IDS=("$ID")
for word in j k l; do
    submit full "$word"
    IDS+=("$ID")
done
submit brief m
IDS+=("$ID")
await "the batch runs" eval "'$EXO' explain ${IDS[0]} | grep -q 'it runs in a batch'"
{ kill -KILL "$DECIDER" && wait "$DECIDER"; } 2>/dev/null || true
touch flags/go
begin_decider
for i in 0 1 2 3 4; do ends_as "${IDS[i]}" SUCCEEDED; done
for i in 0 1 2 3; do
    check "its own result, of four" test "$(field "${IDS[i]}" '.output.twice + " " + (.output.of | tostring)')" = \
        "$(cut -d' ' -f$((i + 1)) <<<"slowslow jj kk ll") 4"
done

say "what makes no sense is refused"
sed 's/    - name: infer/    - name: infer\n      claim: strict/' full.yaml >wrong.yaml
status 65 "$EXO" submit wrong.yaml --input word=x
holds err 'cannot be kept in a batch'
