#!/usr/bin/env bash
# The outer shape of files: their length, their names, blanks at line ends, and words that mark trouble.
# shellcheck source=tests/layout/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

LINES_MAX=800
UNSAFE='\b(strtok|localtime|gmtime|asctime|ctime|get(pw|gr)(nam|uid|gid|ent)|gethostbyname|getservbyname'
UNSAFE+='|setenv|putenv|unsetenv|clearenv|s?rand|inet_ntoa|strsignal|ttyname|getlogin|crypt|tmpnam) *\('

while read -r lines file; do
    [[ $file == total ]] || ((lines <= LINES_MAX)) || wrong "$file: $lines lines; above $LINES_MAX it holds two ideas"
done < <(sources c h sh cmake | xargs -r wc -l)

texts=(c h sh cmake md txt yaml yml proto sql json service)
while IFS= read -r place; do
    wrong "$place: blanks at the end of the line"
done < <(sources "${texts[@]}" | xargs -r grep -nE '[ 	]+$' | sed 's/\(:[0-9]*\):.*/\1/')

while IFS= read -r place; do
    wrong "$place: a tab in a C file"
done < <(sources c h | xargs -r grep -n '	' | sed 's/\(:[0-9]*\):.*/\1/')

while IFS= read -r file; do
    [[ ! -s $file ]] || wrong "$file: does not end in a line break"
done < <(sources "${texts[@]}" | xargs -r grep -LPz '\n\z' || true)

while IFS= read -r file; do
    wrong "$file: a name that says nothing (util, common, misc, helper, shared, base, manager)"
done < <(sources c h | grep -E '(^|/)(utils?|common|misc|helpers?|shared|base|manager)(/|\.|_)' || true)

while IFS= read -r place; do
    wrong "$place: name it \`struct noun\`, without a typedef"
done < <(sources c h | xargs -r grep -nE '^typedef (struct|enum|union) [a-z_]*( ?\{| [a-z_]*;)' || true)

while IFS= read -r place; do
    wrong "$place: a TODO carries the number of its issue: TODO(#12)"
done < <(sources c h sh | grep -v '^tests/layout/' | xargs -r grep -nE '\b(TODO|FIXME|XXX)\b' | grep -vE 'TODO\(#[0-9]+\)' || true)

# A test waits on a condition with a deadline.
while IFS= read -r place; do
    wrong "$place: a test sleeps; wait on a condition with a deadline instead"
done < <(sources c h | grep '^tests/' | xargs -r grep -nE '\b(sleep|usleep|nanosleep|clock_nanosleep) *\(' || true)

# Hidden state that threads share; what ends in _r, or snprintf with a date, does not have it.
while IFS= read -r place; do
    wrong "$place: not safe where there are threads; take the variant with an _r, or ask infra/"
done < <(sources c h | grep -v '^tests/' | xargs -r grep -nE "$UNSAFE" || true)
finish "the shape of files (style-guide a, k)"
