#include <stdio.h>

#include "infra/telemetry/metric.h"
#include "workers/role_state.h"

enum { LABEL_BYTES = 48 };

static void put(struct buffer *buffer, const char *name, const char *type, const char *help,
                uint64_t value)
{
    metric_write_head(buffer, name, type, help);
    metric_write_sample(buffer, name, "", (double)value);
}

static void put_ended(struct buffer *buffer, const struct worker_counts *counts)
{
    static const char name[] = "exosphere_worker_attempts_ended_total";

    metric_write_head(buffer, name, "counter", "attempts ended here, by outcome");
    for (int i = ATTEMPT_UNKNOWN + 1; i < ATTEMPT_OUTCOME_NR; i++) {
        char labels[LABEL_BYTES];

        (void)snprintf(labels, sizeof(labels), "outcome=\"%s\"",
                       attempt_outcome_name((enum attempt_outcome)i));
        metric_write_sample(buffer, name, labels, (double)counts->ended[i]);
    }
}

static void put_attempts(struct buffer *buffer, const struct worker_facts *facts)
{
    static const char name[] = "exosphere_worker_attempts";
    const struct {
        const char *labels;
        uint32_t count;
    } rows[] = {{"state=\"waiting\"", facts->waiting},
                {"state=\"running\"", facts->placed},
                {"state=\"ending\"", facts->ending}};

    metric_write_head(buffer, name, "gauge", "attempts here: before, in and after their container");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        metric_write_sample(buffer, name, rows[i].labels, rows[i].count);
    }
}

void role_metrics(void *argument, struct buffer *buffer)
{
    const struct worker_role *role = argument;
    struct worker_facts facts;

    worker_facts(role->core, &facts);
    const struct worker_counts *c = &facts.counts;
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"exosphere_worker_full", "gauge", "1: the disk takes nothing, so no task is taken",
         facts.is_full},
        {"exosphere_worker_unfit", "gauge", "1: attempts cannot be started here, so none is taken",
         facts.is_unfit},
        {"exosphere_worker_unfit_total", "counter", "how often it became unfit", c->unfit},
        {"exosphere_worker_lenders", "gauge", "scheduler processes that tick", facts.lenders},
        {"exosphere_worker_tickets_idle", "gauge", "tickets lent and not spent",
         facts.tickets_idle},
        {"exosphere_worker_tickets_spent", "gauge", "tickets under an attempt",
         facts.tickets_spent},
        {"exosphere_worker_accepted_total", "counter", "tasks taken", c->accepted},
        {"exosphere_worker_rejected_total", "counter", "tasks refused", c->rejected},
        {"exosphere_worker_dropped_total", "counter", "tasks refused without a word", c->dropped},
        {"exosphere_worker_repeated_total", "counter", "tasks that were here already", c->repeated},
        {"exosphere_worker_superseded_total", "counter", "attempts ended by a newer one",
         c->superseded},
        {"exosphere_worker_stale_records_total", "counter", "records of an older owner or repeated",
         c->stale_records},
        {"exosphere_worker_reports_failed_total", "counter", "reports to be sent again",
         c->reports_failed},
        {"exosphere_worker_heartbeats_total", "counter", "heartbeats", c->heartbeats},
        {"exosphere_worker_lenders_lost_total", "counter", "scheduler processes that fell silent",
         c->lenders_lost},
    };

    put_attempts(buffer, &facts);
    put_ended(buffer, c);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(buffer, rows[i].name, rows[i].type, rows[i].help, rows[i].value);
    }
}
