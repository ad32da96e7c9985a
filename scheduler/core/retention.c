#include "scheduler/core/retention.h"

#include <string.h>

static exo_time or_never(exo_time kept_ns)
{
    return kept_ns == 0 ? EXO_TIME_NEVER : kept_ns;
}

exo_time retention_least(const struct retention_rules *rules)
{
    exo_time least_ns = or_never(rules->kept_ns);

    for (uint32_t i = 0; i < rules->project_count; i++) {
        exo_time kept_ns = or_never(rules->projects[i].kept_ns);

        least_ns = kept_ns < least_ns ? kept_ns : least_ns;
    }
    return least_ns;
}

exo_time retention_kept(const struct retention_rules *rules, const char *project)
{
    uint32_t from = 0;

    for (uint32_t to = rules->project_count; from < to;) {
        uint32_t middle = from + (to - from) / 2;
        int order = strcmp(project, rules->projects[middle].name);

        if (order == 0) {
            return or_never(rules->projects[middle].kept_ns);
        }
        if (order > 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return or_never(rules->kept_ns);
}

bool retention_is_due(const struct retention_rules *rules, const char *project,
                      const struct execution_id *id, exo_time ended_ns, exo_time now_ns)
{
    exo_time kept_ns = retention_kept(rules, project);

    if (kept_ns == EXO_TIME_NEVER || ended_ns > now_ns) {
        return false;
    }
    return now_ns - ended_ns >= kept_ns &&
           execution_id_ms(id) <= (now_ns - kept_ns) / EXO_MILLISECOND;
}

int64_t retention_below(int64_t committed, int64_t floor)
{
    int64_t least = committed < floor ? committed : floor;

    return least > 0 ? least - 1 : 0;
}

bool retention_wants_snapshot(exo_time kept_ns, const struct retention_snapshot *newest,
                              uint64_t batch, uint64_t bare, exo_time now_ns)
{
    const exo_time day_ns = 24 * EXO_HOUR;
    exo_time period_ns = kept_ns == 0 || kept_ns / 4 > day_ns ? day_ns : kept_ns / 4;

    if (batch == 0 || newest->end_batch == 0 || bare > newest->base) {
        return batch > 0;
    }
    return batch > newest->end_batch && now_ns - newest->ended_ns >= period_ns;
}
