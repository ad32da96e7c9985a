#!/usr/bin/env bash
# version_test.sh EXOSPHERE: stored clusters and satellites, and diff, against `exosphere dev` with the null sandbox.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
need jq curl
cd "$WORK" || exit 1

cat >tool.yaml <<'YAML'
exosphere: v1
satellite:
  name: tools/count
  title: Counts
  inputs:
    path: {type: string, required: true}
    top: {type: int, default: 20}
  image: oci:none
  command: [none, "${{ input.path }}", "--top=${{ input.top }}"]
  timeout: 2m
YAML
cat >user.yaml <<'YAML'
exosphere: v1
cluster:
  name: shop/user
  inputs: {who: {type: string, default: nobody}}
  satellites:
    - name: count
      uses: satellite/tools/count
      input: {path: "${{ input.who }}"}
  output: {who: "${{ input.who }}", version: 1}
YAML
sed 's/version: 1/version: 2/' user.yaml >user2.yaml
cat >plain.yaml <<'YAML'
exosphere: v1
cluster: {name: shop/plain, satellites: [{name: a, image: "oci:none", command: [none]}], output: 1}
YAML
cat >plain2.yaml <<'YAML'
exosphere: v1
cluster:
  output: 1
  satellites: [{command: [none], image: "oci:none", name: a, needs: []}]
  name: shop/plain
YAML
sed 's/command: .none./&, timeout: 5s/' plain.yaml >plain3.yaml

say "offline: validate takes a satellite, and warns of what it cannot look up"
status 0 "$EXO" validate tool.yaml
holds out "satellite/tools/count: 2 inputs"
status 0 "$EXO" validate user.yaml
holds err "user.yaml:7:13: warning: cluster.satellites[0].uses: it was not looked up"
holds out "count"
sed 's/image: oci:none/needs: [a]/' tool.yaml >bad-tool.yaml
status 65 "$EXO" validate bad-tool.yaml
holds err "satellite.needs"
holds err "satellite.image"

say "offline: diff of files"
status 0 "$EXO" diff plain.yaml plain2.yaml
[[ ! -s $WORK/out ]] || fail "the same differ: $(cat out)"
status 1 "$EXO" diff plain.yaml plain3.yaml
holds out '+ satellites[a].timeout: "5s"'
status 1 "$EXO" diff plain3.yaml plain.yaml -o json
check "for machines" jq -e '.differences == [{"path": "satellites[a].timeout", "kind": "removed", "before": "5s"}]' out
status 2 "$EXO" diff plain.yaml tool.yaml
status 2 "$EXO" diff plain.yaml none.yaml
status 2 "$EXO" diff plain.yaml

say "dev starts"
start_dev --sandbox null

say "what is not stored cannot be used"
status 65 "$EXO" run user.yaml
holds err "the store has none of this name"
status 66 "$EXO" run shop/user
status 65 "$EXO" cluster put user.yaml
holds err "cluster.satellites[0].uses"
status 66 "$EXO" satellite show tools/count
status 0 "$EXO" cluster list
status 2 "$EXO" diff user.yaml user2.yaml
holds err "the store has none of this name"

say "put"
status 0 "$EXO" satellite put tool.yaml --message "first of all"
[[ $(cat out) == satellite/tools/count@1 ]] || fail "put printed $(cat out)"
status 0 "$EXO" satellite put tool.yaml
[[ $(cat out) == satellite/tools/count@1 ]] || fail "the same again is $(cat out)"
status 65 "$EXO" cluster put tool.yaml
holds err "exosphere satellite put tool.yaml"
status 73 "$EXO" cluster put user.yaml --expect 1
status 0 "$EXO" cluster put user.yaml --expect 0
[[ $(cat out) == shop/user@1 ]] || fail "put printed $(cat out)"
status 73 "$EXO" cluster put user2.yaml --expect 0
status 0 "$EXO" cluster put user2.yaml --expect 1 -o json
check "the version that stands" jq -e '.version == 2 and .definition.cluster.satellites[0].uses == "satellite/tools/count@1"' out
status 2 "$EXO" cluster put user.yaml --expect x

say "show, versions, list"
status 0 "$EXO" satellite show tools/count
holds out "first of all"
holds out "sha256:"
status 0 "$EXO" satellite show satellite/tools/count@1 --definition -o yaml
cp out again.yaml
status 0 "$EXO" satellite put again.yaml
[[ $(cat out) == satellite/tools/count@1 ]] || fail "its own definition is $(cat out)"
status 0 "$EXO" cluster versions shop/user
holds out "shop/user@2"
holds out "shop/user@1"
status 0 "$EXO" cluster versions shop/user --limit 1
holds err "--cursor 2"
status 0 "$EXO" cluster list --project shop -o json
check "one cluster" jq -e '.clusters | length == 1 and .[0].version == 2' out
status 66 "$EXO" cluster show shop/user@3
status 65 "$EXO" cluster show user@x

say "run by name"
status 0 "$EXO" run shop/user@1 --input who=12
check "version 1, its input a string as declared" jq -e '. == {"who": "12", "version": 1}' out
status 0 "$EXO" run shop/user -o json -q
check "the newest" jq -e '.output.version == 2 and .cluster_version == 2' out
check "what it uses" jq -e '.satellites[0].uses == "satellite/tools/count@1"' out
status 0 "$EXO" submit user@1 --project shop
ID=$(cat out)
status 0 "$EXO" watch "$ID"
status 0 "$EXO" get "$ID"
holds out "shop/user@1"
holds out "satellite/tools/count@1"
status 65 "$EXO" run satellite/tools/count@1
status 65 "$EXO" run shop/user --input whom=x
status 0 "$EXO" run user.yaml
check "a file is looked up too" jq -e '.version == 1' out

say "a later version of the satellite changes nothing that is stored"
sed 's/timeout: 2m/timeout: 3m/' tool.yaml >tool2.yaml
status 0 "$EXO" satellite put tool2.yaml
status 0 "$EXO" run shop/user -o json -q
check "still the first" jq -e '.satellites[0].uses == "satellite/tools/count@1"' out
status 0 "$EXO" cluster put user2.yaml
[[ $(cat out) == shop/user@3 ]] || fail "put again is $(cat out)"
status 1 "$EXO" diff shop/user@2 shop/user@3
holds out '~ satellites[count].uses: "satellite/tools/count@1" -> "satellite/tools/count@2"'
holds out '~ satellites[count].timeout: "2m" -> "3m"'
status 0 "$EXO" diff shop/user@3 user2.yaml
status 1 "$EXO" diff satellite/tools/count@1 tool2.yaml
status 2 "$EXO" diff satellite/tools/count@1 shop/user
status 2 "$EXO" diff shop/user@9 shop/user

say "REST: curl puts a file as it is"
"$EXO" cluster show shop/user@1 --definition >user.json
curl -sS -o out -w '%{http_code}' -X PUT --data-binary @user.json -H 'If-Match: "2"' \
    "$EXOSPHERE_SERVER/v1/clusters/shop/user" >code
[[ $(cat code) == 412 ]] || fail "If-Match: $(cat code) $(cat out)"
curl -sS -o out -w '%{http_code}' -X PUT --data-binary @user.json -H 'If-Match: "3"' \
    "$EXOSPHERE_SERVER/v1/clusters/shop/user" >code
[[ $(cat code) == 201 ]] || fail "If-Match: $(cat code) $(cat out)"
check "version 4 is version 1 again" jq -e '.version == 4' out

say "delete hides the name and keeps the versions, also over a restart"
status 65 "$EXO" cluster delete shop/user@1
status 0 "$EXO" cluster delete shop/user
status 66 "$EXO" cluster delete shop/user
status 66 "$EXO" cluster show shop/user
status 65 "$EXO" run shop/user@1
holds err "it was deleted"
kill -KILL "$DEV"
ends "$DEV" 137
start_dev --sandbox null
status 0 "$EXO" cluster show shop/user@1
status 0 "$EXO" cluster put plain.yaml
status 0 "$EXO" cluster put user2.yaml
[[ $(cat out) == shop/user@5 ]] || fail "after a delete it is $(cat out)"
status 0 "$EXO" run shop/user@1
