#!/usr/bin/env bash
# example_test.sh EXOSPHERE: README's first command, twice in a row, with a program that is built already.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci

# A checkout of its own: nothing of this one's state is touched.
mkdir -p "$WORK/infra/deploy"
cp -r "$ROOT/examples" "$WORK/examples"
cp "$ROOT"/infra/deploy/{install-packages,packages.txt} "$WORK/infra/deploy"
for round in 1 2; do
    say "round $round"
    status 0 "$WORK/examples/run" --binary "$EXO"
    holds err "SUCCEEDED"
    holds out '"the":'
    check "it names the execution" grep -qE '== execution [0-9a-f-]{36} succeeded' "$WORK/out"
    holds out "What to try next"
    check "dev is stopped" eval "! pgrep -f '$EXO dev .*$WORK' >/dev/null"
done
say "batch inference: every second row of the table is scored once, in eight shards"
status 0 "$WORK/examples/run" batch --binary "$EXO"
ROWS=$(($(wc -l <"$WORK/.exosphere/examples/packages/packages.csv") - 1))
check "eight shards" grep -qE '"shards": ?8\b' "$WORK/out"
check "all rows" grep -qE "\"rows\": ?$((ROWS / 2))\b" "$WORK/out"
say "another example, left running: texts of several executions in one container"
status 0 "$WORK/examples/run" inference --keep --binary "$EXO"
holds out '"label": "complaint"'
PID=$(sed -n 's/.*end it with: kill \([0-9]*\)$/\1/p' "$WORK/out")
URL=$(sed -n 's/.*EXOSPHERE_SERVER=\([^;]*\);.*/\1/p' "$WORK/out")
PIDS+=("$PID")
status 0 "$EXO" list --server "$URL"
holds out "SUCCEEDED"
IDS=()
# Full with these four, whenever they come; a second try of one would wait for another three.
sed -e 's/size: 16, interval: 5s/size: 4, interval: 1h/' -e 's/retries: {limit: 1,/retries: {limit: 0,/' "$WORK/examples/inference/cluster.yaml" >"$WORK/four.yaml"
for texts in '["great service"]' '["late again", " "]' '["never on time"]'; do
    status 0 "$EXO" submit "$WORK/four.yaml" --input "texts=$texts" --server "$URL"
    IDS+=("$(cat "$WORK/out")")
done
for id in "${IDS[@]}"; do
    await "$id ends" eval "'$EXO' get $id -o json --server '$URL' | grep -q '\"state\": \"SUCCEEDED\"'"
done
status 0 "$EXO" get "${IDS[0]}" -o json --server "$URL"
check "four texts of three executions in one container" grep -q '"of": 4' "$WORK/out"
status 0 "$EXO" get "${IDS[1]}" -o json --server "$URL"
holds out '"label": "complaint"'
holds out 'null'
kill -TERM "$PID"
await "it ends" eval "! kill -0 $PID 2>/dev/null"
say "and one that fails twice"
status 0 "$WORK/examples/run" diamond --binary "$EXO"
status 2 "$WORK/examples/run" nosuch
