#!/usr/bin/env bash
# offline_test.sh EXOSPHERE: the commands that need no server, and how every role refuses wrong settings.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
cd "$WORK" || exit 1

say "help and version"
status 2 "$EXO"
holds err "usage: exosphere COMMAND"
status 0 "$EXO" --help
status 0 "$EXO" version
holds out "exosphere 0."
status 2 "$EXO" vaildate
holds err "did you mean \`validate\`?"
status 2 "$EXO" dlq
holds err "dlq list, dlq show, dlq replay"
while read -r name; do
    # shellcheck disable=SC2086 # a name may be two words
    status 0 "$EXO" $name --help
    holds out "usage: exosphere $name"
    holds out "Exit status"
    check "docs/cli.md tells of $name" grep -qF "\`${name%% *}" "$ROOT/docs/cli.md"
done < <("$EXO" --help | sed -n 's/^  \([a-z]* \{0,1\}[a-z]*\)  .*/\1/p' | sed 's/ *$//')

say "init and validate"
status 0 "$EXO" init
status 73 "$EXO" init
holds err "--force"
status 0 "$EXO" init --force
status 0 "$EXO" validate cluster.yaml
holds out "collect"
holds out "after greet"
status 0 "$EXO" validate cluster.yaml --input 'names=["a"]' -o json
check "the graph as JSON" jq -e '.valid and .graph[1].after == ["greet"]' out
status 65 "$EXO" validate cluster.yaml --input nmes=1
cat >group.yaml <<'YAML'
exosphere: v1
cluster:
  name: p/group
  defaults: {image: i}
  satellites:
    - name: page
      for_each: ${{ input.pages }}
      satellites: [{name: fetch}, {name: parse, input: "${{ satellites.fetch.output }}"}]
    - {name: tidy, final: true, input: "${{ failures }}"}
YAML
status 0 "$EXO" validate group.yaml
holds out "    parse  after fetch"
status 0 "$EXO" validate group.yaml -o json
check "a group as JSON" jq -e '[.graph[] | select(.satellite == "parse") | .group, .kind] == ["page", "container"]' out
status 66 "$EXO" validate nothing.yaml
status 0 "$EXO" validate - <cluster.yaml
cat >wrong.yaml <<'YAML'
exosphere: v1
cluster:
  name: Bad Name
  slaa: 5m
  timeout: 5 minutes
  satellites:
    - name: a
      image: oci:x
      needs: [b]
      input: {x: "${{ satellites.nobody.output }}"}
    - name: b
      image: oci:x
      needs: [a]
      when: ${{ 1 + }}
    - name: b
      image: oci:x
YAML
status 65 "$EXO" validate wrong.yaml
holds err "wrong.yaml:4:3: cluster.slaa: unknown field"
holds err "did you mean \`sla\`?"
holds err "wrong.yaml:5:"
holds err "cycle"
holds err "nobody"
holds err "wrong.yaml:14:"
holds err "wrong.yaml:15:"
status 65 "$EXO" validate wrong.yaml -o json
check "every fault has its place" jq -e '(.valid | not) and (.errors | length) >= 6 and all(.errors[]; .line > 0 and .column > 0)' out
printf 'a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n' >bomb.yaml
status 65 "$EXO" validate bomb.yaml
head -c 1100000 /dev/zero | tr '\0' '#' >large.yaml
status 65 "$EXO" validate large.yaml
holds err "limit"
printf '{"exosphere": "v1", "cluster": {"name": "a/b", "name": "a/c"}}' >twice.json
status 65 "$EXO" validate twice.json
for example in "$ROOT"/examples/*/cluster.yaml; do
    status 0 "$EXO" validate "$example"
done

say "eval"
status 0 "$EXO" eval 'size([1, 2, 3]) > 2 ? "many" : "few"'
holds out '"many"'
printf 'files: [{name: x}]\n' >input.yaml
# shellcheck disable=SC2016 # an expression, not the shell's
status 0 "$EXO" eval '${{ input.files[0].name }}-1' --input input.yaml
holds out '"x-1"'
status 65 "$EXO" eval '1 +'
holds err "column"
status 65 "$EXO" eval 'input.n'
holds err "unknown name: input; --input FILE gives"
status 65 "$EXO" eval 'size(satellites.a.output)' --input input.yaml
holds err "--scope FILE gives"
status 65 "$EXO" eval '1 / 0'
status 0 "$EXO" eval '{"a": [1, 2.5]}' -o yaml
holds out "- 2.5"
status 0 "$EXO" eval 'input.files.filter(f, f.name.matches("^[a-z]$")).map(f, f.name.upperAscii())' --input input.yaml
check "macros and patterns" jq -ce '. == ["X"]' out
status 0 "$EXO" eval '[timestamp("2026-01-31T12:00:00Z") + duration("1h30m"), duration("90m")]'
check "times are strings of JSON" jq -ce '. == ["2026-01-31T13:30:00Z", "5400s"]' out
status 0 "$EXO" eval '1 + 1 // a remark'
holds out "2"
status 0 "$EXO" eval '-7 % 2'
holds out "-1"
status 65 "$EXO" eval '1}} x'
holds err "column 2: an operator or the end of the expression must stand here"
status 65 "$EXO" eval 'matches("a", "(")'
holds err "column 14: no pattern of RE2"
status 65 "$EXO" eval '[1, 2].map(x, x + "a")'
holds err "column 17: + does not go with int and string"
cat >types.yaml <<'END'
exosphere: v1
cluster:
  name: p/types
  inputs: {top: {type: int, default: 20}}
  defaults: {image: "oci:busybox"}
  satellites:
    - name: a
      when: ${{ input.top }}
      input: {x: "${{ input.top + 'a' }}"}
END
status 65 "$EXO" validate types.yaml
holds err 'types.yaml:8:'
holds err 'takes a bool, but this gives int'
holds err 'types.yaml:9:'
holds err 'does not go with int and string'

say "schedule next"
status 0 "$EXO" schedule next '30 2 * * *' --tz Europe/Berlin --from 2026-03-28T00:00:00Z -n 3
holds out "2026-03-29T03:00:00+02:00"
holds out "due at the change"
status 0 "$EXO" schedule next @hourly --from 2026-10-24 -n 30 --tz Europe/Berlin -o json
check "an hour that is there twice" jq -e '[.fires[] | select(.local | startswith("2026-10-25T02:00"))] | length == 2' out
status 0 "$EXO" schedule next '0 0 29 2 *' -n 1 -o yaml
holds out "moved: false"
status 65 "$EXO" schedule next '0 25 * * *'
holds err "column 3: 25 is no hour"
status 65 "$EXO" schedule next '@reboot'
holds err "no machine that boots"
status 65 "$EXO" schedule next '* * * * *' --tz ../../etc/passwd
holds err "no time zone is called"
status 65 "$EXO" schedule next '* * * * *' --from yesterday
status 2 "$EXO" schedule next '* * * * *' -n 0
status 2 "$EXO" schedule next

say "schedule validate"
cat >nightly.yaml <<'YAML'
exosphere: v1
schedule:
  name: research/nightly
  cron: 30 2 * * *
  tz: Europe/Berlin
  cluster: figures@3
YAML
status 0 "$EXO" schedule validate nightly.yaml
holds out "research/nightly is valid"
holds out "due 20"
status 0 "$EXO" schedule validate nightly.yaml -o json
check "the canonical form" jq -e '.schedule.cluster == "research/figures@3"' out
sed -e 's/30 2/30 25/' -e 's/Berlin/Berlni/' -e 's/@3/@x/' nightly.yaml >wrong.yaml
status 65 "$EXO" schedule validate wrong.yaml
holds err "wrong.yaml:4:12: schedule.cron: 25 is no hour"
holds err "wrong.yaml:5:7: schedule.tz: no time zone is called"
holds err "wrong.yaml:6:"
status 66 "$EXO" schedule validate nothing.yaml

say "settings"
status 0 "$EXO" config
holds out "--kafka-brokers"
status 0 "$EXO" config worker
status 2 "$EXO" config wroker
check "as JSON too, secrets hidden" eval "EXOSPHERE_API_TOKEN=hush '$EXO' config api -o json | jq -e '.settings[] | select(.name == \"api_token\") | .value == \"***\" and .from == \"EXOSPHERE_API_TOKEN\"'"
check "and all of them" eval "'$EXO' config -o json | jq -e '.settings[] | select(.name == \"slots\") | .default != null'"
check "the version too" eval "'$EXO' version -o json | jq -e '.version != null'"
status 2 "$EXO" version -o xml
holds err "give table, json or yaml"
EXOSPHERE_SLOT=3 status 78 "$EXO" worker
holds err "EXOSPHERE_SLOTS"
status 2 "$EXO" worker --slot 3
holds err "--slots"
printf 'slotss: 3\n' >settings.yaml
status 78 "$EXO" worker --config settings.yaml
holds err "settings.yaml:1"
holds err "slots"
printf 'slots: 3\n' >settings.yaml
EXOSPHERE_DRAIN=5s status 0 "$EXO" worker --config settings.yaml --cpu 1 --print-config
check "from the file" grep -E '^slots +3 +settings.yaml:1' out
check "from the environment" grep -E '^drain +5s +EXOSPHERE_DRAIN' out
check "from a flag" grep -E '^cpu +1 +--cpu' out
EXOSPHERE_API_TOKEN=verysecret status 0 "$EXO" api --print-config
check "a secret is hidden" eval "! grep -q verysecret '$WORK/out'"
status 0 "$EXO" scheduler --check-config
status 78 "$EXO" api --api-token verysecret
check "a secret in argv is not repeated" eval "! grep -q verysecret '$WORK/err'"
status 78 "$EXO" dev --sandbox nothing
status 78 "$EXO" list --server nonsense
status 78 "$EXO" api --listen nonsense --log sqlite --store sqlite --cache memory --data "$WORK/api"
status 78 "$EXO" api --listen 0.0.0.0:0 --log sqlite --store sqlite --cache memory --data "$WORK/api"
holds err "api_token"

say "migrate"
status 0 "$EXO" migrate --store sqlite --data "$WORK/m" --shards 3
holds out "3 shards"
status 0 "$EXO" migrate --store sqlite --data "$WORK/m"
holds out "3 shards"
status 78 "$EXO" migrate --store sqlite --data "$WORK/m" --shards 4
holds err "3 shards"
status 69 "$EXO" migrate --postgres-url-file <(printf 'postgresql://127.0.0.1:1/none') --wait 300ms
status 69 "$EXO" list --server http://127.0.0.1:1
holds err "EXOSPHERE_SERVER"

say "shard resume"
status 2 "$EXO" shard resume x --log sqlite --store sqlite --data "$WORK/m"
status 2 "$EXO" shard resume 3 --log sqlite --store sqlite --data "$WORK/m"
holds err "0 to 2"
status 0 "$EXO" shard resume 1 --log sqlite --store sqlite --data "$WORK/m"
holds out "shard 1 goes on"

say "a role whose services are away says so and waits"
printf 'log_level: info\n' >role.yaml
printf 'postgresql://127.0.0.1:1/none\n' >postgres-url
printf 'redis://127.0.0.1:1\n' >redis-url
start waiting "$EXO" scheduler --config role.yaml --health-listen 127.0.0.1:0 --kafka-brokers 127.0.0.1:1 --log-format json \
    --postgres-url-file postgres-url --redis-url-file redis-url
await "it says what it waits for" grep -q '"for":"postgres"' "$WORK/waiting.log"
HEALTH=$(sed -n 's/.*"for":"health","port":\([0-9]*\).*/\1/p' "$WORK/waiting.log")
[[ $(curl -s -o "$WORK/out" -w '%{http_code}' "http://127.0.0.1:$HEALTH/healthz") == 200 ]] || fail "/healthz is not 200"
[[ $(curl -s -o "$WORK/out" -w '%{http_code}' "http://127.0.0.1:$HEALTH/readyz") == 503 ]] || fail "/readyz is not 503"
holds out "postgres"
check "/metrics" curl -sf "http://127.0.0.1:$HEALTH/metrics"
say "SIGHUP reads the settings again"
printf 'log_level: nonsense\n' >role.yaml
kill -HUP "$PID"
await "a wrong one is refused" grep -q '"event":"setting.refused"' "$WORK/waiting.log"
printf 'log_level: debug\n' >role.yaml
kill -HUP "$PID"
await "a good one is taken" grep -q '"event":"setting.reloaded"' "$WORK/waiting.log"
kill -TERM "$PID"
ends "$PID" 0
