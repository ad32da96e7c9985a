#!/usr/bin/env bash
# Every row of the tables of events and metrics is used: a name that is never said would mislead its reader.
# shellcheck source=tests/layout/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

used_somewhere() {
    sources c h | grep -v -e '^tests/' -e '_table\.h$' | xargs -r grep -qw -- "$1"
}

while IFS= read -r constant; do
    used_somewhere "EVENT_$constant" || wrong "infra/telemetry/event_table.h: EVENT_$constant is never logged"
done < <(sed -n 's/^EVENT(\([A-Z0-9_]*\),.*/\1/p' infra/telemetry/event_table.h)

while IFS= read -r constant; do
    used_somewhere "$constant" || wrong "infra/telemetry/metric_table.h: $constant is never counted"
done < <(sed -n -e 's/^\(COUNTER\|GAUGE\)(\([A-Z0-9_]*\),.*/METRIC_\2/p' \
    -e 's/^HISTOGRAM(\([A-Z0-9_]*\),.*/HISTOGRAM_\1/p' infra/telemetry/metric_table.h)

# A setting that nobody reads would be a lie in --help. The API's own file of settings reads them by name.
while IFS= read -r name; do
    sources c | grep -v -e '^tests/' -e '^infra/config/' | xargs -r grep -qE -- "(->|\.)$name\b" ||
        [[ $name == log_level || $name == log_format ]] ||
        wrong "infra/config/settings_table.h: nobody reads $name"
done < <(sed -n 's/^SETTING([A-Z]*, *\([a-z0-9_]*\),.*/\1/p' infra/config/settings_table.h)
finish "every row of a table is used"
