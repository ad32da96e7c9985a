#!/usr/bin/env bash
# used_cluster_test.sh EXOSPHERE: stored clusters used as satellites, alone, for each item and two deep, against
# `exosphere dev` with the null sandbox. A satellite of a class that nobody serves is one that waits.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
need jq curl
cd "$WORK" || exit 1

# cluster NAME: what stands under `cluster:` on standard input, as a file NAME.yaml.
cluster() {
    {
        printf 'exosphere: v1\ncluster:\n  name: %s\n' "shop/$1"
        cat
    } >"$1.yaml"
}
# put NAME VERSION: stores it; it is that version.
put() {
    status 0 "$EXO" cluster put "$1.yaml"
    [[ $(cat out) == "shop/$1@$2" ]] || fail "put $1 printed $(cat out)"
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

cluster word <<'YAML'
  title: One word
  sla: 1m
  timeout: 1h
  inputs:
    word: {type: string, required: true, pattern: '^[a-z]+$'}
    n: {type: int, default: 2, maximum: 5}
  defaults: {image: "oci:none", timeout: 9m}
  satellites:
    - {name: list, command: ["null", --output, "[\"${{ input.word }}\", ${{ input.n }}]"]}
    - {name: check, command: ["null", --output, "{\"got\": ${{ satellites.list.output }}}"]}
    - {name: tidy, final: true, command: ["null", --log, tidied]}
  output: {word: "${{ satellites.check.output.got[0] }}", n: "${{ input.n }}", v: 1}
YAML
sed 's/v: 1}/v: 2}/' word.yaml >word2.yaml
cluster page <<'YAML'
  inputs: {words: {type: list, required: true}}
  satellites:
    - name: word
      uses: cluster/shop/word
      for_each: ${{ input.words }}
      as: w
      tolerate: 1
      input: {word: "${{ w }}", n: "${{ index + 1 }}"}
  output: {words: "${{ satellites.word.output }}", error: "${{ satellites.word.error }}"}
YAML
cluster book <<'YAML'
  defaults: {image: "oci:none", class: nobody}
  satellites:
    - {name: list, class: default, command: ["null", --output, '["b", "A7", "c"]']}
    - name: page
      uses: cluster/shop/page@1
      input: {words: "${{ satellites.list.output }}"}
  output: ${{ satellites.page.output }}
YAML

say "offline: the form is checked, and what was not looked up is told"
status 0 "$EXO" validate book.yaml
holds err "cluster.satellites[1].uses: it was not looked up"
holds out "page  after list; runs cluster/shop/page@1"
sed 's/uses: .*/&\n      command: [x]/' book.yaml >wrong.yaml
status 65 "$EXO" validate wrong.yaml
holds err '`command` has no place beside `uses: cluster/...`'

start_dev --sandbox null

say "what is used must be stored before"
status 65 "$EXO" cluster put page.yaml
holds err "cluster/shop/word: the store has none of this name"
put word 1
put page 1
put book 1
status 0 "$EXO" cluster show shop/book --definition
check "both are written out" jq -e '.cluster.satellites[1] |
    .uses == "cluster/shop/page@1" and .satellites[0].uses == "cluster/shop/word@1"
    and .satellites[0].timeout == "1h" and .satellites[0].satellites[0].timeout == "9m"' out
"$EXO" cluster show shop/book --definition >again.json
status 0 "$EXO" cluster put again.json
[[ $(cat out) == shop/book@1 ]] || fail "its own definition is $(cat out)"
jq -Rs '{cluster: .}' book.yaml | curl -sS -X POST --data-binary @- "$EXOSPHERE_SERVER/v1/validate" >out
check "the API validates it whole" jq -e '.definition.cluster.satellites[1].satellites[0].name == "word" and (.errors | length == 0)' out

say "two deep, for each item; its result passes, and a wrong input fails its run alone"
status 0 "$EXO" run shop/book
check "the result" jq -ce '. == {
    words: [{word: "b", n: 1, v: 1}, null, {word: "c", n: 3, v: 1}],
    error: "input.word: `word` does not match its `pattern` `^[a-z]+$`"}' out
status 0 "$EXO" run shop/book -o json -q
ID=$(jq -r .id out)
status 0 "$EXO" get "$ID" page.word.2.check -o json
check "a task two deep" jq -e '.task == "page.word.2.check" and .output.got == ["c", 3] and .attempt == 1' out
status 0 "$EXO" get "$ID" page.word.1 -o json
check "the run that failed" jq -e '.state == "FAILED" and (.attempts[0].error | startswith("input.word: "))' out
status 0 "$EXO" get "$ID" page.word.1.list -o json
check "nothing of it ran" jq -e '.state == "UPSTREAM_FAILED"' out
status 0 "$EXO" logs "$ID" page.word.0.tidy
holds out "tidied"
status 0 "$EXO" get "$ID"
holds out "cluster/shop/page@1"

say "a new version of what is used changes nothing that is stored"
cp word2.yaml word.yaml
put word 2
status 0 "$EXO" run shop/book
check "still version 1" jq -e '.words[0].v == 1' out
put page 2
status 1 "$EXO" diff shop/page@1 shop/page@2
holds out '~ satellites[word].uses: "cluster/shop/word@1" -> "cluster/shop/word@2"'
status 0 "$EXO" diff shop/page@2 page.yaml
status 0 "$EXO" run page.yaml --input 'words=["x"]'
check "the newest where none is named" jq -e '.words == [{word: "x", n: 1, v: 2}]' out

say "a wrong input: at the door where it is known, else a failure that says so"
cluster literal <<'YAML'
  satellites: [{name: w, uses: cluster/shop/word, input: {word: 3, m: 1}}]
YAML
status 65 "$EXO" submit literal.yaml
holds err 'cluster.satellites[0].input.word: `word` must be a string, not an int'
holds err 'the cluster that is used has no input `m`'
cluster typed <<'YAML'
  inputs: {n: {type: int, required: true}}
  satellites: [{name: w, uses: cluster/shop/word, input: {word: "${{ input.n }}"}}]
YAML
status 65 "$EXO" submit typed.yaml --input n=1
holds err '`word` takes string, but this gives int'
cluster late <<'YAML'
  satellites: [{name: w, uses: cluster/shop/word, input: {word: "${{ input.word }}", n: 6}}]
YAML
status 65 "$EXO" submit late.yaml --input word=x
sed -i 's/, n: 6//' late.yaml
status 1 "$EXO" run late.yaml --input word=X
holds err 'input.word: `word` does not match its `pattern`'

say "a bound that would not be kept is refused"
cluster bound <<'YAML'
  concurrency: {limit: 1}
  satellites: [{name: a, image: "oci:none"}]
YAML
put bound 1
cluster unbound <<'YAML'
  satellites: [{name: b, uses: cluster/shop/bound}]
YAML
status 65 "$EXO" submit unbound.yaml
holds err "cluster/shop/bound@1: its \`concurrency\` bounds executions"

say "cancel, skip and explain reach into it, also after a kill -9"
cluster slow <<'YAML'
  inputs: {n: {type: int, required: true}}
  defaults: {image: "oci:none"}
  satellites:
    - {name: waits, class: nobody, command: [x], input: "${{ input.n }}"}
    - {name: gives, command: ["null", --output, "${{ input.n + 100 }}"]}
    - {name: end, final: true, command: ["null", --log, over]}
  output: ${{ satellites.gives.output }}
YAML
put slow 1
cluster many <<'YAML'
  satellites:
    - {name: part, uses: cluster/shop/slow, for_each: "${{ [1, 2, 3] }}", tolerate: 3, input: {n: "${{ item }}"}}
  output: ${{ satellites.part.output }}
YAML
submit many
reaches part.2.waits READY
kill -KILL "$DEV"
ends "$DEV" 137
start_dev --sandbox null
says_nobody() { "$EXO" explain "$ID" | grep "part.1.waits" | grep -q "nobody"; }
await "it is said that nobody serves the class" says_nobody
status 0 "$EXO" skip "$ID" part.1.waits
reaches part.1 SUCCEEDED
status 0 "$EXO" cancel "$ID" --task part.0
reaches part.0 CANCELLED
status 0 "$EXO" get "$ID" part.0.waits -o json
check "what stood in the run" jq -e '.state == "CANCELLED"' out
status 0 "$EXO" get "$ID" part.0.end -o json
check "its final satellite ran" jq -e '.state == "SUCCEEDED"' out
status 0 "$EXO" get "$ID" part.1.gives -o json
check "with what it was given before" jq -e '.output == 102' out
reaches part.2.waits READY
status 0 "$EXO" cancel "$ID"
reaches CANCELLED
status 0 "$EXO" get "$ID" part.2.end -o json
check "after a cancel of all too" jq -e '.state == "SUCCEEDED"' out

say "its timeout is that of each run"
cluster nap <<'YAML'
  timeout: 1s
  satellites: [{name: nap, wait: {for: 1h}}]
YAML
put nap 1
cluster naps <<'YAML'
  satellites: [{name: n, uses: cluster/shop/nap}]
YAML
status 1 "$EXO" run naps.yaml
holds err "TIMEOUT: the run did not end within timeout"

say "a rerun keeps it, or runs it again as a whole"
status 0 "$EXO" run shop/book -o json -q
ID=$(jq -r .id out)
status 0 "$EXO" rerun "$ID" --from page
ID=$(cat out)
status 0 "$EXO" watch "$ID"
status 0 "$EXO" get "$ID" -o json
check "page alone" jq -e '.state == "SUCCEEDED" and .output.words[2].word == "c"' out
check "list is kept" jq -e '[.satellites[] | select(.kept_from != null) | .satellite // .name] == ["list"]' out
