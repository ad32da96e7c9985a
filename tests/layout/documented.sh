#!/usr/bin/env bash
# Every prototype in a header has a comment: above it, or above the block without blank lines that it stands in.
# Every header begins with a comment that says what it owns.
# shellcheck source=tests/layout/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

undocumented() {
    awk '
        function is_prototype(text) {
            return text ~ /^[A-Za-z_].*\(/ && text ~ /;[ \t]*$/ && text !~ /^(struct|enum|union)[^(]*{/ &&
                text !~ /^(typedef|static inline|_Static_assert|static_assert)/
        }
        /^[ \t]*$/ { if (text == "") has_comment = 0; next }
        in_comment { if (/\*\//) in_comment = 0; next }
        /^\/\*/ { has_comment = 1; text = ""; if (!/\*\//) in_comment = 1; next }
        /^\/\// { has_comment = 1; next }
        /^[ \t]*#/ { next }
        {
            opened = gsub(/{/, "{"); closed = gsub(/}/, "}")
            if (depth == 0 && text == "") start = FNR
            before = depth
            depth += opened - closed
            if (before == 0 || depth == 0) text = text (text == "" ? "" : " ") $0
            if (depth == 0 && (text ~ /[;}][ \t]*(\/\*.*)?$/)) {
                sub(/[ \t]*\/\*.*$/, "", text)
                if (is_prototype(text) && !has_comment) printf "%d: %s\n", start, text
                if (!is_prototype(text)) has_comment = 0
                text = ""
            }
        }' "$1"
}

while IFS= read -r file; do
    read -r first <"$file" || true
    [[ $first == '/*'* ]] || wrong "$file:1: the file does not begin with a comment that says what it owns"
    while IFS= read -r line; do
        wrong "$file:$line"
    done < <(undocumented "$file")
done < <(sources h | grep -v '^tests/')
finish "every header and every prototype in it is documented (style-guide j)"
