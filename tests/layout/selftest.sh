#!/usr/bin/env bash
# Shows each layout test a small tree that keeps its rule and one that breaks it: a test that cannot fail is none.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
FAILED=0

# A tree that keeps every rule.
good_tree() {
    rm -rf "$WORK/tree"
    mkdir -p "$WORK/tree"/{infra/{loop,telemetry,config},scheduler/core,schemas/vocab,tests/unit}
    cd "$WORK/tree"
    printf '%s\n' '/* x: owns x. */' '#include <stdint.h>' '' '/* x_do does x. */' 'void x_do(void);' 'void x_undo(void);' \
        '' 'struct x {' '    int n; /* of x */' '};' '' 'static inline int x_n(void)' '{' '    return 1;' '}' \
        >schemas/vocab/x.h
    printf '%s\n' '#include "schemas/vocab/x.h"' '' '#include <string.h>' '' 'void x_do(void)' '{' '}' \
        >schemas/vocab/x.c
    printf '%s\n' '/* core: owns a. */' '#include "schemas/vocab/x.h"' >scheduler/core/a.h
    printf '%s\n' '#include <uv.h>' '' '#include "infra/telemetry/event_table.h"' '#include "schemas/vocab/x.h"' '' \
        'int use(const struct settings *s)' '{' '    return s->slots + EVENT_A_B + METRIC_C + HISTOGRAM_D;' '}' \
        >infra/loop/loop.c
    printf '%s\n' '/* table. */' 'EVENT(A_B, "a.b", INFO, 1, "m")' >infra/telemetry/event_table.h
    printf '%s\n' '/* table. */' 'COUNTER(C, "c", "", "u", "h")' 'HISTOGRAM(D, "d", "", 1, "u", "h")' \
        >infra/telemetry/metric_table.h
    printf '%s\n' '/* table. */' 'SETTING(INT,  slots, "1", x)' >infra/config/settings_table.h
    printf '%s\n' '#!/usr/bin/env bash' 'echo "fine"' >tests/run.sh
    chmod +x tests/run.sh
    cp "$HERE/../../.clang-format" .
}

expect() { # expect TEST pass|fail TEXT
    local status=0 output
    output=$("$HERE/$1.sh" "$WORK/tree" 2>&1) || status=$?
    if [[ $status -eq 77 ]]; then
        echo "skip $1: $output"
        return
    fi
    if [[ $2 == pass && $status -ne 0 ]] || [[ $2 == fail && $status -ne 1 ]] || [[ $output != *"$3"* ]]; then
        printf 'FAIL %s should %s with "%s", ended %d with:\n%s\n' "$1" "$2" "$3" "$status" "$output"
        FAILED=1
    fi
}

# breaks TEST TEXT FILE LINE...: with these lines added to a file, the test must fail and say the text.
breaks() {
    local test=$1 text=$2 file=$3
    shift 3
    good_tree
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$@" >>"$file"
    expect "$test" fail "$text"
}

for test in includes documented shape tables format shell; do
    good_tree
    expect "$test" pass ""
done

breaks includes "belongs to infra/loop alone" scheduler/b.c '#include <uv.h>'
breaks includes "has no owner" infra/loop/b.c '#include <glib.h>'
breaks includes "points the wrong way" scheduler/core/b.c '#include "infra/loop/loop.h"'
breaks includes "points the wrong way" infra/loop/b.c '#include "scheduler/core/a.h"'
breaks includes "points the wrong way" schemas/vocab/b.c '#include "schemas/cluster/c.h"'
breaks includes "climbs" infra/loop/b.c '#include "../loop/loop.h"'
breaks includes "no path from the root" infra/loop/b.c '#include "x.h"'
breaks includes "the first include is" scheduler/core/a.c '#include <string.h>' '#include "scheduler/core/a.h"'
breaks documented "int y_do(int" schemas/vocab/x.h '' 'int y_do(int' '         a);'
breaks documented "struct y *y_new(void (*call)(void));" schemas/vocab/x.h '' 'struct y *y_new(void (*call)(void));'
breaks documented "does not begin" schemas/vocab/y.h '#include <stdint.h>'
breaks shape "above 800" schemas/vocab/long.c $(seq 801)
breaks shape "blanks at the end" README.md 'text '
breaks shape "a tab" schemas/vocab/b.c $'\tx'
breaks shape "says nothing" schemas/utils.c '/* x */'
breaks shape "without a typedef" schemas/vocab/b.h '/* b */' 'typedef struct b b;'
breaks shape "number of its issue" schemas/vocab/b.c '/* TODO: later */'
breaks shape "a test sleeps" tests/unit/b.c 'void f(void) { usleep(5); }'
breaks shape "not safe where there are threads" schemas/vocab/b.c 'char *f(char *s) { return strtok(s, ","); }'
breaks tables "EVENT_Q is never logged" infra/telemetry/event_table.h 'EVENT(Q, "q", INFO, 1, "m")'
breaks tables "METRIC_Q is never counted" infra/telemetry/metric_table.h 'GAUGE(Q, "q", "", "u", "h")'
breaks tables "nobody reads quota" infra/config/settings_table.h 'SETTING(INT, quota, "1", x)'
breaks format "schemas/vocab/b.c:1" schemas/vocab/b.c 'int   f( void ){return 1;}'
breaks shell "not executable" tests/b.sh '#!/usr/bin/env bash' 'echo hi'
good_tree
printf 'no line break' >README.md
expect shape fail "does not end in a line break"

cd /
exit "$FAILED"
