#include "schemas/cluster/canonical.h"
#include "schemas/cluster/failure_rules.h"
#include "schemas/cluster/fault_text.h"

void canonical_put_join(struct json_writer *writer, const struct satellite *satellite)
{
    if (satellite->join == JOIN_ALL_SUCCEEDED) {
        return;
    }
    json_key(writer, "join");
    if (satellite->join == JOIN_AT_LEAST) {
        json_begin_map(writer);
        json_key(writer, "at_least");
        json_put_uint(writer, satellite->join_count);
        json_end_map(writer);
    } else {
        json_put_text(writer, satellite_join_name(satellite->join));
    }
}

void canonical_put_tolerance(struct json_writer *writer,
                             const struct satellite_tolerance *tolerance)
{
    struct fault_text part = {.used = 0};

    if (tolerance->count > 0) {
        json_key(writer, "tolerate");
        json_put_uint(writer, tolerance->count);
    } else if (tolerance->permyriad > 0) {
        failure_add_percent(&part, tolerance->permyriad);
        json_key(writer, "tolerate");
        json_put_text(writer, part.bytes);
    }
}

static void put_some_duration(struct json_writer *writer, const char *key, exo_time ns)
{
    if (ns > 0) {
        canonical_put_duration(writer, key, ns);
    }
}

void canonical_put_timeouts(struct json_writer *writer, const struct satellite_timeouts *timeouts)
{
    if (timeouts->queue_ns == 0 && timeouts->total_ns == 0 && timeouts->heartbeat_ns == 0) {
        return;
    }
    json_key(writer, "timeouts");
    json_begin_map(writer);
    put_some_duration(writer, "queue", timeouts->queue_ns);
    put_some_duration(writer, "total", timeouts->total_ns);
    put_some_duration(writer, "heartbeat", timeouts->heartbeat_ns);
    json_end_map(writer);
}

static void put_statuses(struct json_writer *writer, const char *key, const uint8_t *statuses,
                         uint32_t count)
{
    if (count == 0) {
        return;
    }
    json_key(writer, key);
    json_begin_list(writer);
    for (uint32_t i = 0; i < count; i++) {
        json_put_uint(writer, statuses[i]);
    }
    json_end_list(writer);
}

void canonical_put_retries(struct json_writer *writer, const struct satellite_retries *retries)
{
    struct satellite_draft usual;
    const struct satellite_retries *plain = &usual.satellite.retries;

    satellite_draft_init(&usual);
    if (retries->limit == plain->limit && retries->backoff == plain->backoff &&
        retries->jitter == plain->jitter && retries->base_ns == plain->base_ns &&
        retries->cap_ns == plain->cap_ns && retries->budget_ns == 0 && retries->never_count == 0 &&
        retries->later_count == 0) {
        return;
    }
    json_key(writer, "retries");
    json_begin_map(writer);
    json_key(writer, "limit");
    json_put_uint(writer, retries->limit);
    json_key(writer, "backoff");
    json_put_text(writer, retry_backoff_name(retries->backoff));
    canonical_put_duration(writer, "base", retries->base_ns);
    canonical_put_duration(writer, "cap", retries->cap_ns);
    json_key(writer, "jitter");
    json_put_text(writer, retry_jitter_name(retries->jitter));
    put_some_duration(writer, "budget", retries->budget_ns);
    put_statuses(writer, "never", retries->never, retries->never_count);
    put_statuses(writer, "later", retries->later, retries->later_count);
    json_end_map(writer);
}

void canonical_put_wait(struct json_writer *writer, const struct satellite_wait *wait)
{
    json_key(writer, "wait");
    json_begin_map(writer);
    put_some_duration(writer, "for", wait->for_ns);
    if (wait->signal.bytes > 0) {
        json_key(writer, "signal");
        json_put_string(writer, wait->signal);
    }
    if (wait->is_approval) {
        json_key(writer, "approval");
        if (wait->text.bytes > 0) {
            json_put_string(writer, wait->text);
        } else {
            json_put_bool(writer, true);
        }
    }
    put_some_duration(writer, "timeout", wait->timeout_ns);
    json_end_map(writer);
}
