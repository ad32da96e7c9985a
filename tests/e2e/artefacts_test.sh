#!/usr/bin/env bash
# artefacts_test.sh EXOSPHERE: files from satellite to satellite through `exosphere dev`: small and large, of maps, refused
# ones, and brought home. Needs root and crun.
# shellcheck source=tests/e2e/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/stage.sh"
without_services
[[ $EUID -eq 0 ]] || skip "containers need root"
need crun umoci jq zstd
PLACE=$WORK/data/blobs
# Started by tests/contract/s3_server run: large ones go there.
if [[ -n ${EXO_TEST_S3_ENDPOINT:-} ]]; then
    PLACE=$EXO_TEST_S3_DATA
    export EXOSPHERE_S3_ENDPOINT=$EXO_TEST_S3_ENDPOINT EXOSPHERE_S3_BUCKET=$EXO_TEST_S3_BUCKET EXOSPHERE_S3_PREFIX=e2e
    export EXOSPHERE_S3_REGION=$EXO_TEST_S3_REGION EXOSPHERE_S3_ACCESS_KEY=$EXO_TEST_S3_ACCESS_KEY EXOSPHERE_S3_SECRET_KEY=$EXO_TEST_S3_SECRET_KEY
fi
cd "$WORK" || exit 1

IMAGES=$WORK/images
"$ROOT/examples/make-images" "$IMAGES" busybox >images.log 2>&1 || fail "no images: $(tail -3 images.log)"
start_dev --image-dir "$IMAGES" --slots 4 --drain=1s

# cluster NAME: the satellites on standard input, as a file NAME.yaml of the project dev.
cluster() {
    {
        printf 'exosphere: v1\ncluster:\n  name: dev/%s\n  defaults: {image: "oci:busybox", retries: {limit: 0}}\n' "$1"
        cat
    } >"$1.yaml"
}

last_id() { "$EXO" list --limit 1 -o json | jq -r '.executions[0].id'; }

say "from one to the next"
cluster pass <<'YAML'
  satellites:
    - name: make
      resources: {memory: 256Mi}
      command:
        - sh
        - -c
        - |
          set -e
          cd /exosphere/artefacts
          mkdir -p model/part
          dd if=/dev/urandom of=model/weights bs=1M count=20 2>/dev/null
          echo hello >model/part/note.txt
          printf '#!/bin/sh\necho ran\n' >tool && chmod 4755 tool
          sha256sum model/weights | cut -c 1-64 | sed 's/.*/"&"/' >/exosphere/output.json
    - name: use
      command:
        - sh
        - -c
        - |
          set -e
          cd /exosphere/artefacts-of/make
          if touch here 2>/dev/null || rm tool 2>/dev/null; then echo "it can be changed" >&2; exit 1; fi
          test "$(cat model/part/note.txt)" = hello
          test "$(./tool)" = ran
          test "$(stat -c %a tool)" = 755
          sha256sum model/weights | cut -c 1-64 | sed 's/.*/"&"/' >/exosphere/output.json
    - name: beside
      needs: []
      command: [sh, -c, "test ! -e /exosphere/artefacts-of"]
  output: {made: "${{ satellites.make.output }}", used: "${{ satellites.use.output }}"}
YAML
status 0 "$EXO" run pass.yaml
check "the large file is the same" jq -e '.made == .used and (.made | length) == 64' out
MADE=$(jq -r .made out)
ID=$(last_id)
check "above 8 MiB it lies outside the database" sh -c "find '$PLACE' -type f -size +8M | grep -q ."

say "brought home"
status 0 "$EXO" artefacts "$ID" make
holds out "model/part/note.txt"
status 0 "$EXO" artefacts "$ID" make -o json
check "the list" jq -e '.bytes == 20971520 + 6 + 19 and ([.files[].path] == ["model/part/note.txt", "model/weights", "tool"])' out
status 0 "$EXO" artefacts "$ID" make --to home
check "the file is whole" sh -c "sha256sum home/model/weights | grep -q '^$MADE'"
status 0 "$EXO" artefacts "$ID" make --file model/part/note.txt --to note
check "one file only" sh -c 'test "$(find note -type f)" = note/model/part/note.txt'
status 66 "$EXO" artefacts "$ID" make --file no/such --to note
holds err "no file no/such"
status 66 "$EXO" artefacts "$ID" use
holds err "left no artefacts"
curl -sf "$EXOSPHERE_SERVER/v1/executions/$ID/tasks/make/artefacts?download" -o package.tar.zst || fail "no download"
mkdir plain && tar --zstd -C plain -xf package.tar.zst
check "any tar unpacks it" sh -c "sha256sum plain/model/weights | grep -q '^$MADE'"

say "the same files are the same package"
cluster same <<'YAML'
  satellites:
    - name: one
      needs: []
      command: [sh, -c, "cd /exosphere/artefacts && echo b >b && mkdir d && echo a >d/a"]
    - name: two
      needs: []
      command: [sh, -c, "cd /exosphere/artefacts && mkdir d && echo a >d/a && echo b >b && touch -d 2001-01-01 b"]
YAML
status 0 "$EXO" run same.yaml
ID=$(last_id)
"$EXO" artefacts "$ID" one -o json >one
"$EXO" artefacts "$ID" two -o json >two
check "whatever order and time they were made in" sh -c 'test "$(jq -r .digest one)" = "$(jq -r .digest two)"'

say "in groups, from beside and from around"
cluster group <<'YAML'
  satellites:
    - name: base
      command: [sh, -c, "echo outer >/exosphere/artefacts/f"]
    - name: shard
      for_each: "${{ [0, 1] }}"
      needs: [base]
      satellites:
        - name: prep
          command: [sh, -c, "echo $0 >/exosphere/artefacts/f", "${{ item }}"]
        - name: many
          for_each: "${{ [5, 6] }}"
          as: part
          needs: []
          command: [sh, -c, "echo $0 >/exosphere/artefacts/n", "${{ part }}"]
        - name: total
          needs: [many]
          command: [sh, -c, "cd /exosphere/artefacts-of/many && test $(cat 0/n)$(cat 1/n) = 56"]
        - name: check
          needs: [prep]
          command: [sh, -c, "cd /exosphere/artefacts-of && test $(cat prep/f) = $0 && test $(cat base/f) = outer", "${{ item }}"]
    - name: after
      needs: [shard]
      command: [sh, -c, "test ! -e /exosphere/artefacts-of"]
YAML
status 0 "$EXO" run group.yaml
ID=$(last_id)
status 0 "$EXO" artefacts "$ID" shard.1.prep --to of-group
check "those of a run come home" grep -qx 1 of-group/f
status 0 "$EXO" artefacts "$ID" shard.0.many.1 --to of-map
check "those of a map in a run too" grep -qx 6 of-map/n

say "of a map, by index"
cluster map <<'YAML'
  satellites:
    - name: part
      for_each: "${{ [0, 1, 2, 3] }}"
      command: [sh, -c, "test $0 = 2 || echo $0 >/exosphere/artefacts/n", "${{ item }}"]
    - name: all
      command:
        - sh
        - -c
        - |
          set -e
          cd /exosphere/artefacts-of/part
          test ! -e 2
          echo "[$(cat 0/n), $(cat 1/n), $(cat 3/n)]" >/exosphere/output.json
  output: ${{ satellites.all.output }}
YAML
status 0 "$EXO" run map.yaml
check "each in its place, none where none was left" jq -e '. == [0, 1, 3]' out
ID=$(last_id)
status 0 "$EXO" artefacts "$ID" part.3
holds out "n"
status 66 "$EXO" artefacts "$ID" part.2

say "refused"
cluster link <<'YAML'
  satellites:
    - name: bad
      command: [sh, -c, "ln -s /etc/passwd /exosphere/artefacts/out"]
YAML
status 1 "$EXO" run link.yaml
holds err "ARTEFACTS_INVALID: out is a symbolic link"
cluster gone <<'YAML'
  satellites:
    - name: bad
      command: [sh, -c, "rmdir /exosphere/artefacts && ln -s / /exosphere/artefacts"]
YAML
status 1 "$EXO" run gone.yaml
holds err "ARTEFACTS_INVALID: /exosphere/artefacts is no directory any more"
cluster failed <<'YAML'
  satellites:
    - name: bad
      command: [sh, -c, "echo x >/exosphere/artefacts/x; exit 1"]
YAML
status 1 "$EXO" run failed.yaml
ID=$(last_id)
status 66 "$EXO" artefacts "$ID" bad
holds err "left no artefacts"

say "a result is given again where the satellite asks for it"
# once KEY TTL: a satellite whose container says by chance that it ran
once() {
    cluster cached <<YAML
  inputs: {n: {type: int, default: 1}}
  satellites:
    - name: draw
      cache: {ttl: $2, key: "$1"}
      input: {n: "\${{ input.n }}"}
      command:
        - sh
        - -c
        - |
          set -e
          echo drawn >/exosphere/artefacts/note
          head -c 8 /dev/urandom | od -An -tx1 | tr -d ' \n' | sed 's/.*/"&"/' >/exosphere/output.json
    - name: use
      cache: {ttl: $2}
      command: [sh, -c, "cat /exosphere/artefacts-of/draw/note && od -An -N8 -tx1 /dev/urandom | tr -d ' ' | sed 's/.*/\"&\"/' >/exosphere/output.json"]
  output: {draw: "\${{ satellites.draw.output }}", use: "\${{ satellites.use.output }}"}
YAML
    shift 2
    status 0 "$EXO" run cached.yaml "$@"
    cp out "$WORK/drawn.$((++DRAWS))"
}
DRAWS=0
same() { cmp -s "$WORK/drawn.$1" "$WORK/drawn.$2"; }
other() { test "$(jq .draw "$WORK/drawn.$1")" != "$(jq .draw "$WORK/drawn.$2")"; }
once a 1h
once a 1h
check "the same twice" same 1 2
ID=$(last_id)
status 0 "$EXO" get "$ID" draw -o json
check "the attempt says so" jq -e '.attempts[0] | .cached == true and .run_ms == 0 and .artefacts_bytes > 0' out
status 0 "$EXO" artefacts "$ID" draw
holds out note
once b 1h
check "another key, another result" other 2 3
once b 1h --input n=2
check "another input, another result" other 3 4
once c 1s
await "a second passes" eval '[ "$(date +%s)" -ge '"$(($(date +%s) + 2))"' ]'
once c 1s
check "a result that has run out is not given again" other 5 6
status 65 "$EXO" validate <(sed 's/ttl: 1s, //' cached.yaml)
holds err "has no \`ttl\`"

say "what executions name is not collected"
kill -TERM "$DEV"
ends "$DEV" 0
status 0 "$EXO" gc --dry-run --margin 0s --data "$WORK/data"
holds out "would collect 0 blobs (0 bytes) of the store, 0 large ones (0 bytes)"
status 0 "$EXO" gc --margin 0s --wait 0s --data "$WORK/data"
holds out "collected 0 blobs"
check "the large file is still there" sh -c "find '$PLACE' -type f -size +8M | grep -q ."
status 2 "$EXO" gc --margin soon --store sqlite --log sqlite --data "$WORK/data"
if [[ -n ${EXO_TEST_S3_ENDPOINT:-} ]]; then
    check "the secret is in no log" sh -c "! grep -rqF '$EXO_TEST_S3_SECRET_KEY' '$WORK'/*.log"
fi
