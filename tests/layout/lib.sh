# lib.sh: what the layout tests share. Sourced; each test takes the root of a tree as its argument, so that
# selftest.sh can show each of them a tree that breaks its rule.
set -euo pipefail
export LC_ALL=C

ROOT=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}" && pwd)
FAILURES=0
cd "$ROOT" || exit 1

# Every file of ours with one of these endings, without what is built or kept for a service.
sources() {
    local names=() ending
    for ending in "$@"; do
        names+=(-o -name "*.$ending")
    done
    find . \( -name .git -o -name build -o -name .exosphere -o -name .cache -o -name corpus \) -prune -o \
        -type f \( "${names[@]:1}" \) -print | sed 's:^\./::' | sort
}

wrong() {
    printf '%s\n' "$*"
    FAILURES=$((FAILURES + 1))
}

finish() {
    if ((FAILURES > 0)); then
        printf '%d places break the rule: %s\n' "$FAILURES" "$1"
        exit 1
    fi
}
