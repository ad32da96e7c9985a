#!/usr/bin/env bash
# poison_test.sh EXOSPHERE FRAGILE: inputs that kill the scheduler that steps them. FRAGILE is the program with a flaw
# (fragile.c); whoever looks after it starts it again each time. After a bounded number of deaths the input lies in the
# dead letters and everything behind it is done; embedded, and on a Kafka, Postgres and Redis of their own.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
FRAGILE=$(realpath "${2:?the program with a flaw}")
without_services
need jq
cd "$WORK" || exit 1

DEATHS_MAX=5 # two until somebody is careful (fewer when somebody still is), two on the marker, one to spare
DEATHS=0
declare -a SERVANT=()

# serve COMMAND...: keeps it running.
serve() {
    SERVANT=("$@")
    start servant "${SERVANT[@]}"
    SERVANT_PID=$PID
}
revive() {
    if ! kill -0 "$SERVANT_PID" 2>/dev/null; then
        DEATHS=$((DEATHS + 1))
        wait "$SERVANT_PID" 2>/dev/null || true
        start servant "${SERVANT[@]}"
        SERVANT_PID=$PID
    fi
}
# revived COMMAND...: for await, while somebody looks after the servant.
revived() { revive && "$@"; }
# in_the_end WHAT COMMAND...
in_the_end() {
    local what=$1
    shift
    await "$what" revived "$@"
}

cluster() { # cluster NAME [RETRIES]
    cat <<YAML
exosphere: v1
cluster:
  name: poison/$1
  satellites:
    - {name: first, image: "oci:none", command: [none], retries: {limit: ${2:-0}, base: 10ms}}
    - {name: second, image: "oci:none", command: [none]}
YAML
}
for name in good kills_reader kills_granter kills_taker; do cluster $name >$name.yaml; done
cluster kills_taker 2 >taker_with_retries.yaml

id_of() { "$EXO" submit "$1.yaml" --idempotency-key "$2" -o json | jq -re .id; }
submitted() { id_of "$1" "$2" >"$2.id"; }
is() { [[ $("$EXO" get "$(cat "$1.id")" -o json | jq -r .state) == "$2" ]]; }
letters() { "$EXO" dlq list -o json | jq -e "[.dead_letters[] | select(.reason | startswith(\"POISON\"))] | length == $1" >/dev/null; }

# kills WHAT LETTERS: submits it between others; it ends in the dead letters, they end well.
kills() {
    local what=$1 wanted=$2 number
    DEATHS=0
    for number in 1 2 3; do in_the_end "a good one is taken" submitted good "$what-before-$number"; done
    if [[ $what == kills_reader ]]; then
        "$EXO" submit kills_reader.yaml >/dev/null 2>&1 || true # once: the same again would kill again
    else
        in_the_end "$what is taken" submitted "$what" "$what"
    fi
    for number in 1 2 3; do in_the_end "a good one is taken" submitted good "$what-after-$number"; done
    in_the_end "$what lies in the dead letters" letters "$wanted"
    for number in 1 2 3; do
        in_the_end "what was before $what ends" is "$what-before-$number" SUCCEEDED
        in_the_end "what was behind $what ends" is "$what-after-$number" SUCCEEDED
    done
    ((DEATHS >= 2 && DEATHS <= DEATHS_MAX)) || fail "$what killed $DEATHS times"
    CHECKS=$((CHECKS + 1))
    say "$what: $DEATHS deaths"
}

reason() { "$EXO" dlq list -o json | jq -r '.dead_letters[-1].reason'; }

all_kinds() {
    kills kills_reader 1
    check "the letter says what became of it" eval 'reason | grep -q "no execution was begun with it"'
    check "no execution was begun with it" eval '[[ $("$EXO" list --cluster poison/kills_reader -o json | jq ".executions | length") == 0 ]]'
    kills kills_granter 2
    check "its execution says why it failed" eval '"$EXO" get "$(cat kills_granter.id)" -o json | jq -e ".state == \"FAILED\" and (.error | startswith(\"POISON\"))"'
    check "the letter names the execution" eval '"$EXO" dlq list -o json | jq -e --arg id "$(cat kills_granter.id)" ".dead_letters[-1] | .key == \$id and .topic == \"internal\""'
    kills kills_taker 3
    in_the_end "the execution fails" is kills_taker FAILED
    check "the attempt says why it failed" eval '"$EXO" get "$(cat kills_taker.id)" first -o json | jq -e ".attempts | length == 1 and (.[0].error | startswith(\"POISON\"))"'
    kills taker_with_retries 4
    in_the_end "the second try ends well" is taker_with_retries SUCCEEDED
    check "the first attempt was failed, not lost" eval '"$EXO" get "$(cat taker_with_retries.id)" first -o json | jq -e ".attempts | length == 2 and .[0].outcome == \"failed\""'
}

say "embedded"
start_dev --sandbox null --drain=1s
PORT=${EXOSPHERE_SERVER##*:}
kill -KILL "$DEV"
wait "$DEV" 2>/dev/null || true
serve "$FRAGILE" dev --sandbox null --data "$WORK/data" --listen "127.0.0.1:$PORT" --log-format json
all_kinds

say "a person's kill -9 blames nobody"
for number in 1 2 3 4 5 6; do
    in_the_end "a good one is taken" submitted good "innocent-$number"
    kill -KILL "$SERVANT_PID"
    wait "$SERVANT_PID" 2>/dev/null || true
done
for number in 1 2 3 4 5 6; do in_the_end "an innocent ends" is "innocent-$number" SUCCEEDED; done
check "and lies in no dead letter" letters 4

say "the flaw is mended: what was put aside is sent again"
kill -KILL "$SERVANT_PID"
wait "$SERVANT_PID" 2>/dev/null || true
serve "$EXO" dev --sandbox null --data "$WORK/data" --listen "127.0.0.1:$PORT" --log-format json
in_the_end "it is there" letters 4
status 0 "$EXO" dlq replay 1
in_the_end "the Job is done after all" eval '"$EXO" list --cluster poison/kills_reader -o json | jq -e ".executions[0].state == \"SUCCEEDED\""'
status 0 "$EXO" dlq show 1
holds out "sent again"
status 73 "$EXO" dlq replay 2
holds err "not sent again"
kill -KILL "$SERVANT_PID"

say "on Kafka, Postgres and Redis"
need java redis-server
SERVICES=("$ROOT/infra/services")
end_services() {
    local status=$?
    "${SERVICES[@]}" stop --wipe --dir "$WORK/services" >>services.log 2>&1 || true
    finish "$status"
}
"${SERVICES[@]}" start --dir "$WORK/services" >>services.log 2>&1 || skip "the services do not start here: $(tail -n 1 services.log)"
trap end_services EXIT
eval "$("${SERVICES[@]}" env --dir "$WORK/services")"
rm -f ./*.id
status 0 "$EXO" migrate
start_api
start worker "$EXO" worker --log-format json --data "$WORK/worker" --sandbox null --worker-name w
serve "$FRAGILE" scheduler --log-format json --data "$WORK/scheduler"
all_kinds
