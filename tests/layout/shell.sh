#!/usr/bin/env bash
# Shell scripts are clean for shellcheck, and executable where they begin with #!.
# shellcheck source=tests/layout/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

while IFS= read -r file; do
    [[ -x $file ]] || wrong "$file: begins with #! and is not executable"
done < <(sources sh | xargs -r grep -l '^#!' || true)
if ! command -v shellcheck >/dev/null; then
    finish "scripts are executable"
    echo "shellcheck is not installed"
    exit 77
fi
mapfile -t scripts < <({
    sources sh
    find . \( -name .git -o -name build -o -name .exosphere \) -prune -o -type f -perm -u+x ! -name '*.*' -print |
        sed 's:^\./::'
} | sort -u | xargs -r grep -lE '^#!.*\b(ba)?sh\b' || true)
((${#scripts[@]} == 0)) || shellcheck -x -S warning "${scripts[@]}" || wrong "shellcheck has something to say"
finish "shellcheck"
