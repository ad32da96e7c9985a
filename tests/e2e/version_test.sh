#!/usr/bin/env bash
# version_test.sh EXOSPHERE [services]: stored clusters and satellites, and diff, with the null sandbox, against `exosphere
# dev`; or against an API, a scheduler and a worker on the Kafka, Postgres and Redis that `infra/services env` names.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
choose_mode "${2:-}"
need jq curl
cd "$WORK" || exit 1
# Services keep what earlier runs have put.
SHOP=shop$$
TOOLS=tools$$

# start_all: everything that is needed; SERVING is what answers. serve_again: that again.
start_all() {
    if [[ $MODE == dev ]]; then
        start_dev --sandbox null
        SERVING=$DEV
        return
    fi
    start scheduler "$EXO" scheduler --data "$WORK/scheduler"
    start worker "$EXO" worker --sandbox null --worker-name "version-$$" --data "$WORK/worker"
    serve_again
}
serve_again() {
    if [[ $MODE == dev ]]; then
        start_all
        return
    fi
    start_api
    SERVING=$API
}

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
sed -i -e "s/shop/$SHOP/g" -e "s/tools/$TOOLS/g" ./*.yaml

say "offline: validate takes a satellite, and warns of what it cannot look up"
status 0 "$EXO" validate tool.yaml
holds out "satellite/$TOOLS/count: 2 inputs"
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

say "it starts"
start_all

say "what is not stored cannot be used"
status 65 "$EXO" run user.yaml
holds err "the store has none of this name"
status 66 "$EXO" run $SHOP/user
status 65 "$EXO" cluster put user.yaml
holds err "cluster.satellites[0].uses"
status 66 "$EXO" satellite show $TOOLS/count
status 0 "$EXO" cluster list
status 2 "$EXO" diff user.yaml user2.yaml
holds err "the store has none of this name"

say "put"
status 0 "$EXO" satellite put tool.yaml --message "first of all"
[[ $(cat out) == satellite/$TOOLS/count@1 ]] || fail "put printed $(cat out)"
status 0 "$EXO" satellite put tool.yaml
[[ $(cat out) == satellite/$TOOLS/count@1 ]] || fail "the same again is $(cat out)"
status 65 "$EXO" cluster put tool.yaml
holds err "exosphere satellite put tool.yaml"
status 73 "$EXO" cluster put user.yaml --expect 1
status 0 "$EXO" cluster put user.yaml --expect 0
[[ $(cat out) == $SHOP/user@1 ]] || fail "put printed $(cat out)"
status 73 "$EXO" cluster put user2.yaml --expect 0
status 0 "$EXO" cluster put user2.yaml --expect 1 -o json
check "the version that stands" jq -e '.version == 2 and .definition.cluster.satellites[0].uses == "satellite/'"$TOOLS"'/count@1"' out
status 2 "$EXO" cluster put user.yaml --expect x

say "show, versions, list"
status 0 "$EXO" satellite show $TOOLS/count
holds out "first of all"
holds out "sha256:"
status 0 "$EXO" satellite show satellite/$TOOLS/count@1 --definition -o yaml
cp out again.yaml
status 0 "$EXO" satellite put again.yaml
[[ $(cat out) == satellite/$TOOLS/count@1 ]] || fail "its own definition is $(cat out)"
status 0 "$EXO" cluster versions $SHOP/user
holds out "$SHOP/user@2"
holds out "$SHOP/user@1"
status 0 "$EXO" cluster versions $SHOP/user --limit 1
holds err "--cursor 2"
status 0 "$EXO" cluster list --project $SHOP -o json
check "one cluster" jq -e '.clusters | length == 1 and .[0].version == 2' out
status 66 "$EXO" cluster show $SHOP/user@3
status 65 "$EXO" cluster show user@x

say "run by name"
status 0 "$EXO" run $SHOP/user@1 --input who=12
check "version 1, its input a string as declared" jq -e '. == {"who": "12", "version": 1}' out
status 0 "$EXO" run $SHOP/user -o json -q
check "the newest" jq -e '.output.version == 2 and .cluster_version == 2' out
check "what it uses" jq -e '.satellites[0].uses == "satellite/'"$TOOLS"'/count@1"' out
status 0 "$EXO" submit user@1 --project $SHOP
ID=$(cat out)
status 0 "$EXO" watch "$ID"
status 0 "$EXO" get "$ID"
holds out "$SHOP/user@1"
holds out "satellite/$TOOLS/count@1"
status 65 "$EXO" run satellite/$TOOLS/count@1
status 65 "$EXO" run $SHOP/user --input whom=x
status 0 "$EXO" run user.yaml
check "a file is looked up too" jq -e '.version == 1' out

say "a later version of the satellite changes nothing that is stored"
sed 's/timeout: 2m/timeout: 3m/' tool.yaml >tool2.yaml
status 0 "$EXO" satellite put tool2.yaml
status 0 "$EXO" run $SHOP/user -o json -q
check "still the first" jq -e '.satellites[0].uses == "satellite/'"$TOOLS"'/count@1"' out
status 0 "$EXO" cluster put user2.yaml
[[ $(cat out) == $SHOP/user@3 ]] || fail "put again is $(cat out)"
status 1 "$EXO" diff $SHOP/user@2 $SHOP/user@3
holds out '~ satellites[count].uses: "satellite/'"$TOOLS"'/count@1" -> "satellite/'"$TOOLS"'/count@2"'
holds out '~ satellites[count].timeout: "2m" -> "3m"'
status 0 "$EXO" diff $SHOP/user@3 user2.yaml
status 1 "$EXO" diff satellite/$TOOLS/count@1 tool2.yaml
status 2 "$EXO" diff satellite/$TOOLS/count@1 $SHOP/user
status 2 "$EXO" diff $SHOP/user@9 $SHOP/user

say "REST: curl puts a file as it is"
"$EXO" cluster show $SHOP/user@1 --definition >user.json
curl -sS -o out -w '%{http_code}' -X PUT --data-binary @user.json -H 'If-Match: "2"' \
    "$EXOSPHERE_SERVER/v1/clusters/$SHOP/user" >code
[[ $(cat code) == 412 ]] || fail "If-Match: $(cat code) $(cat out)"
curl -sS -o out -w '%{http_code}' -X PUT --data-binary @user.json -H 'If-Match: "3"' \
    "$EXOSPHERE_SERVER/v1/clusters/$SHOP/user" >code
[[ $(cat code) == 201 ]] || fail "If-Match: $(cat code) $(cat out)"
check "version 4 is version 1 again" jq -e '.version == 4' out

say "delete hides the name and keeps the versions, also over a restart"
status 65 "$EXO" cluster delete $SHOP/user@1
status 0 "$EXO" cluster delete $SHOP/user
status 66 "$EXO" cluster delete $SHOP/user
status 66 "$EXO" cluster show $SHOP/user
status 65 "$EXO" run $SHOP/user@1
holds err "it was deleted"
kill -KILL "$SERVING"
ends "$SERVING" 137
serve_again
status 0 "$EXO" cluster show $SHOP/user@1
status 0 "$EXO" cluster put plain.yaml
status 0 "$EXO" cluster put user2.yaml
[[ $(cat out) == $SHOP/user@5 ]] || fail "after a delete it is $(cat out)"
status 0 "$EXO" run $SHOP/user@1
