#!/usr/bin/env bash
# All C is as clang-format 14 writes it.
# shellcheck source=tests/layout/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

formatter=$(command -v clang-format-14 || true)
if [[ -z $formatter ]]; then
    echo "clang-format-14 is not installed"
    exit 77
fi
while IFS= read -r place; do
    wrong "$place"
done < <(sources c cc h | grep -v '_table\.h$' | xargs -r "$formatter" --dry-run 2>&1 |
    sed -n 's/: warning: code should be clang-formatted.*//p' | sort -u)
finish "clang-format -i FILE"
