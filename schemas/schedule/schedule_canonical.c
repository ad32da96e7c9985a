#include <assert.h>

#include "schemas/cluster/canonical.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/json/json_write.h"
#include "schemas/schedule/schedule.h"
#include "schemas/schedule/schedule_text.h"
#include "schemas/vocab/timestamp.h"

static void put_text(struct json_writer *writer, const char *key, struct span text)
{
    if (text.bytes > 0) {
        json_key(writer, key);
        json_put_string(writer, text);
    }
}

static void put_time(struct json_writer *writer, const char *key, exo_time ns)
{
    char text[TIMESTAMP_TEXT_BYTES];

    timestamp_format(ns / EXO_MILLISECOND, text);
    json_key(writer, key);
    json_put_text(writer, text);
}

/* What stands under `cluster` in its own canonical text. */
static void put_inline_cluster(struct json_writer *writer, const struct cluster *cluster)
{
    static const char head[] = "{\"exosphere\":\"v1\",\"cluster\":";
    struct buffer text;

    buffer_init(&text, writer->buffer->allocator, 0);
    cluster_canonical(cluster, &text);
    if (text.is_failed) {
        writer->buffer->is_failed = true;
    } else {
        assert(text.bytes > sizeof(head) && memcmp(text.data, head, sizeof(head) - 1) == 0);
        json_put_raw(writer,
                     (struct span){text.data + sizeof(head) - 1, text.bytes - sizeof(head)});
    }
    buffer_release(&text);
}

static void put_stored_cluster(struct json_writer *writer, const struct schedule *schedule)
{
    struct fault_text name = {.used = 0};

    fault_text_add(&name, "%s/%s", schedule->project.data, schedule->cluster_name.data);
    if (schedule->cluster_version > 0) {
        fault_text_add(&name, "@%u", schedule->cluster_version);
    }
    json_put_text(writer, name.bytes);
}

static void put_what(struct json_writer *writer, const struct schedule *schedule)
{
    json_key(writer, "cluster");
    if (schedule->cluster != NULL) {
        put_inline_cluster(writer, schedule->cluster);
    } else {
        put_stored_cluster(writer, schedule);
    }
    if (schedule->input != NULL) {
        json_key(writer, "input");
        json_put_value(writer, schedule->input);
    }
    if (schedule->label_count > 0) {
        json_key(writer, "labels");
        json_begin_map(writer);
        for (uint32_t i = 0; i < schedule->label_count; i++) {
            json_key_span(writer, schedule->labels[i].key);
            json_put_string(writer, schedule->labels[i].value);
        }
        json_end_map(writer);
    }
}

static void put_rules(struct json_writer *writer, const struct schedule *schedule)
{
    if (schedule->jitter_ns > 0) {
        canonical_put_duration(writer, "jitter", schedule->jitter_ns);
    }
    if (schedule->overlap != OVERLAP_SKIP) {
        put_text(writer, "overlap", span_of(schedule_overlap_name(schedule->overlap)));
    }
    if (schedule->catch_up != CATCH_UP_NONE) {
        put_text(writer, "catch_up", span_of(schedule_catch_up_name(schedule->catch_up)));
        if (schedule->window_ns != schedule_window_default_ns) {
            canonical_put_duration(writer, "catch_up_window", schedule->window_ns);
        }
    }
    if (schedule->start_ns > 0) {
        put_time(writer, "start", schedule->start_ns);
    }
    if (schedule->end_ns != EXO_TIME_NEVER) {
        put_time(writer, "end", schedule->end_ns);
    }
    if (schedule->is_paused) {
        json_key(writer, "paused");
        json_put_bool(writer, true);
    }
}

void schedule_canonical(const struct schedule *schedule, struct buffer *buffer)
{
    struct json_writer writer = {.buffer = buffer};
    struct fault_text name = {.used = 0};

    fault_text_add(&name, "%s/%s", schedule->project.data, schedule->name.data);
    json_begin_map(&writer);
    put_text(&writer, "exosphere", span_of("v1"));
    json_key(&writer, "schedule");
    json_begin_map(&writer);
    put_text(&writer, "name", span_of(name.bytes));
    put_text(&writer, "title", schedule->title);
    put_text(&writer, "cron", schedule->cron_text);
    if (!span_is(schedule->tz, "UTC")) {
        put_text(&writer, "tz", schedule->tz);
    }
    put_what(&writer, schedule);
    put_rules(&writer, schedule);
    json_end_map(&writer);
    json_end_map(&writer);
}
