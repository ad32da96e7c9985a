/* logs: what an attempt wrote.
 *
 *   ended: its blob --zstd--> client
 *   runs:  exo.logs, from a little before its end on --> client, until the attempt ends (?follow),
 *          or up to where the topic ended when it was asked
 *
 * Chunks say where they stand in the whole: repeats are dropped, a gap is marked. */
#include <stdio.h>

#include "infra/zstd/zstd_frame.h"
#include "producer/core/task_path.h"
#include "producer/http/handlers.h"
#include "producer/http/outflow.h"
#include "producer/http/task_reading.h"
#include "schemas/vocab/limits.h"
#include "schemas/wire/event.h"

#define LOG_TYPE "text/plain; charset=utf-8"

enum {
    LOOK_BACK_RECORDS = 4096,
    CHUNK_BYTES_MAX = 256 << 10,
    FRAME_SLACK_BYTES = 64 << 10, /* the mark of a cut in the middle of a log */
};

static const exo_time look_ns = 2 * EXO_SECOND;

/* ---- an ended attempt ---- */

struct ended_log {
    struct outflow out; /* first */
    struct buffer log;
    size_t taken_bytes;
};

static void ended_cleanup(struct exchange *x)
{
    struct ended_log *log = x->state;

    buffer_release(&log->log);
    outflow_release(&log->out);
}

static void ended_make(struct outflow *out)
{
    struct ended_log *log = (struct ended_log *)out;
    size_t left = log->log.bytes - log->taken_bytes;
    size_t bytes = left < OUTFLOW_PIECE_BYTES ? left : (size_t)OUTFLOW_PIECE_BYTES;

    buffer_append(&out->piece, (struct span){log->log.data + log->taken_bytes, bytes});
    log->taken_bytes += bytes;
    out->is_ended = log->taken_bytes == log->log.bytes;
    outflow_made(out);
}

static void on_blob(void *argument, struct span frame, const struct exo_error *err)
{
    struct exchange *x = argument;
    struct exo_error own;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct ended_log *log = exchange_alloc(x, sizeof(*log));

    buffer_init(&log->log, allocator_heap(&x->budget), 0);
    x->state = log;
    outflow_init(&log->out, x, ended_make);
    x->cleanup = ended_cleanup;
    if (zstd_expand(frame, LIMIT_LOG_BYTES + FRAME_SLACK_BYTES, &log->log, &own) != 0) {
        exchange_problem(x, 500, "the log in the store cannot be read: %s", own.text);
        return;
    }
    outflow_begin(&log->out, LOG_TYPE);
}

/* ---- an attempt that runs ---- */

struct live_log {
    struct exchange *x;
    struct task_id task;
    bool is_map;
    uint32_t run_group, run_index; /* of the run the task stands in, where it does */
    uint32_t place;                /* of the task's instance in its frame */
    bool is_in_run;
    uint32_t attempt;
    bool is_following;
    bool was_over;    /* at the last look: at the next one the stream ends */
    bool has_retried; /* from the end, after the place before it was gone */
    uint32_t partition;
    int64_t end; /* of the topic when it was asked */
    uint64_t offset;
    struct log_reader *reader;
    struct arena arena;
    struct buffer chunk;
};

static void live_cleanup(struct exchange *x)
{
    struct live_log *live = x->state;

    log_reader_close(live->reader);
    arena_release(&live->arena);
    buffer_release(&live->chunk);
}

static void live_drained(struct exchange *x)
{
    struct live_log *live = x->state;

    if (live->reader != NULL) {
        log_reader_resume(live->reader);
    }
}

static bool is_ours(const struct live_log *live, const struct wire_log_chunk *chunk)
{
    return execution_id_equal(&chunk->task.execution, &live->task.execution) &&
           chunk->task.instance == live->task.instance && chunk->task.index == live->task.index &&
           chunk->attempt == live->attempt;
}

/* Expanded, without what was sent already, the gap before it marked. False when it is malformed. */
static bool chunk_text(struct live_log *live, const struct wire_log_chunk *chunk)
{
    char mark[128];
    uint64_t skipped = 0;

    buffer_reset(&live->chunk);
    if (chunk->offset > live->offset) {
        int bytes = snprintf(mark, sizeof(mark),
                             "[... %llu bytes are missing here; the whole log can be read when the "
                             "attempt has ended]\n",
                             (unsigned long long)(chunk->offset - live->offset));

        buffer_append(&live->chunk, (struct span){mark, (size_t)bytes});
        live->offset = chunk->offset;
    } else {
        skipped = live->offset - chunk->offset;
    }
    size_t begin = live->chunk.bytes;

    if (chunk->is_compressed) {
        if (zstd_expand(chunk->data, CHUNK_BYTES_MAX, &live->chunk, NULL) != 0) {
            return false;
        }
    } else {
        buffer_append(&live->chunk, chunk->data);
    }
    size_t bytes = live->chunk.bytes - begin;

    if (skipped >= bytes) {
        buffer_reset(&live->chunk);
        return true;
    }
    memmove(live->chunk.data + begin, live->chunk.data + begin + skipped, bytes - skipped);
    live->chunk.bytes -= skipped;
    live->offset += bytes - skipped;
    return !live->chunk.is_failed;
}

enum record_result { RECORD_TAKEN, RECORD_NO_ROOM, RECORD_ENDS };

static enum record_result take_record(struct live_log *live, const struct log_record *record)
{
    struct wire_log_chunk chunk;

    arena_reset(&live->arena);
    if (wire_log_chunk_unpack(record->value, &live->arena, &chunk) != WIRE_OK ||
        !is_ours(live, &chunk)) {
        return RECORD_TAKEN;
    }
    if (http_stream_room(live->x->request) < CHUNK_BYTES_MAX + 256) {
        return RECORD_NO_ROOM;
    }
    if (chunk_text(live, &chunk) && live->chunk.bytes > 0 &&
        http_stream_write(live->x->request, buffer_span(&live->chunk)) != 0) {
        return RECORD_NO_ROOM; /* the client is gone */
    }
    return chunk.is_last ? RECORD_ENDS : RECORD_TAKEN;
}

static void end_later(void *argument)
{
    struct live_log *live = argument;

    if (exchange_back(live->x)) {
        exchange_stream_end(live->x);
    }
}

static size_t on_records(void *argument, const struct log_record *records, size_t count)
{
    struct live_log *live = argument;

    for (size_t i = 0; i < count; i++) {
        enum record_result result = take_record(live, &records[i]);

        if (result == RECORD_NO_ROOM) {
            return i;
        }
        if (result == RECORD_ENDS || (!live->is_following && records[i].offset >= live->end - 1)) {
            /* Not from inside the reader's own callback: the end closes it. */
            exchange_delay(live->x, 0, end_later, live);
            return i + 1;
        }
    }
    return count;
}

static void reader_open(struct live_log *live, int64_t offset);

static void reopen(void *argument)
{
    struct live_log *live = argument;

    if (exchange_back(live->x)) {
        log_reader_close(live->reader);
        reader_open(live, LOG_END);
    }
}

static void on_failed(void *argument, const struct exo_error *err)
{
    struct live_log *live = argument;

    (void)err;
    if (live->is_following && !live->has_retried) {
        live->has_retried = true; /* what came before was trimmed: from now on, then */
        exchange_delay(live->x, 0, reopen, live);
    } else {
        exchange_delay(live->x, 0, end_later, live);
    }
}

static void reader_open(struct live_log *live, int64_t offset)
{
    static const struct log_reader_callbacks callbacks = {.records = on_records,
                                                          .failed = on_failed};

    live->reader = log_reader_open(live->x->api->log, TOPIC_LOGS, live->partition, offset, 0,
                                   &callbacks, live);
}

static void on_look(void *argument);

/* Seen twice, so that chunks on their way when it ended are still shown. */
static void looked(struct live_log *live, bool is_over)
{
    if (is_over && live->was_over) {
        exchange_stream_end(live->x);
        return;
    }
    live->was_over = is_over;
    exchange_delay(live->x, look_ns, on_look, live);
}

static bool attempt_is_over(const struct live_log *live, const struct view_task *task)
{
    return task_state_is_terminal(task->state) || task->attempt > live->attempt ||
           (task->attempt == live->attempt && !task_state_is_active(task->state));
}

static void on_page(void *argument, const struct store_page *pages, uint32_t count,
                    const struct exo_error *err)
{
    struct live_log *live = argument;
    struct wire_columns columns;
    const struct wire_instance instance = {.is_map = true, .next_index = UINT32_MAX};
    struct view_task task = {.is_map = true, .index = live->task.index};

    if (!exchange_back(live->x)) {
        return;
    }
    arena_reset(&live->arena);
    if (err != NULL || count == 0 ||
        wire_columns_unpack(pages[0].body, &live->arena, &columns) != WIRE_OK) {
        looked(live, false);
        return;
    }
    view_task_at(&instance, &columns, live->task.index % WIRE_PAGE_TASKS, &task);
    looked(live, attempt_is_over(live, &task));
}

static void look_at(struct live_log *live, const struct wire_instance *instance)
{
    struct view_task task = {.is_map = live->is_map, .index = live->task.index};

    if (live->is_map) {
        (void)exchange_wait(live->x);
        store_page_get(live->x->api->store, &live->task.execution, live->task.instance,
                       live->task.index / WIRE_PAGE_TASKS, 1, on_page, live);
    } else {
        view_task_at(instance, instance->has_task ? &instance->task : NULL, 0, &task);
        looked(live, attempt_is_over(live, &task));
    }
}

static void on_run(void *argument, const struct store_run *runs, uint32_t count,
                   const struct exo_error *err)
{
    struct live_log *live = argument;
    struct read_frame frame;

    if (!exchange_back(live->x)) {
        return;
    }
    if (err != NULL || count == 0 || !read_frame_of_run(&live->arena, &runs[0], NULL, &frame) ||
        live->place >= frame.instance_count) {
        looked(live, false);
    } else {
        look_at(live, &frame.instances[live->place]);
    }
}

static void on_row(void *argument, const struct store_execution *row, struct span definition,
                   const struct exo_error *err)
{
    struct live_log *live = argument;
    struct wire_body body;

    (void)definition;
    if (!exchange_back(live->x)) {
        return;
    }
    arena_reset(&live->arena);
    if (err != NULL || row == NULL || !reading_body(&live->arena, row, &body) ||
        (!live->is_in_run && live->place >= body.instance_count)) {
        looked(live, false);
    } else if (row->is_terminal) {
        looked(live, true);
    } else if (live->is_in_run) {
        (void)exchange_wait(live->x);
        store_run_get(live->x->api->store, &live->task.execution, live->run_group, live->run_index,
                      1, on_run, live);
    } else {
        look_at(live, &body.instances[live->place]);
    }
}

static void on_look(void *argument)
{
    struct live_log *live = argument;

    if (exchange_back(live->x)) {
        (void)exchange_wait(live->x);
        store_execution_get(live->x->api->store, &live->task.execution, on_row, live);
    }
}

static void on_end(void *argument, int64_t end, const struct exo_error *err)
{
    struct live_log *live = argument;
    struct exchange *x = live->x;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the log", err);
        return;
    }
    live->end = end;
    exchange_stream(x, LOG_TYPE, live_drained);
    if (end == 0 && !live->is_following) {
        exchange_stream_end(x);
        return;
    }
    reader_open(live, end > LOOK_BACK_RECORDS ? end - LOOK_BACK_RECORDS : 0);
    if (live->is_following) {
        exchange_delay(x, look_ns, on_look, live);
    } else {
        exchange_delay(x, look_ns, end_later,
                       live); /* a topic trimmed up to its end shows nothing */
    }
}

static void live_begin(struct exchange *x, const struct task_read *task, uint32_t attempt)
{
    struct live_log *live = exchange_alloc(x, sizeof(*live));

    live->x = x;
    live->task = task->id;
    live->is_map = task->view.is_map;
    live->is_in_run = task->place->frame.run.bytes > 0;
    live->run_group = task->place->frame.group;
    live->run_index = task->place->frame.index;
    live->place = task->place->number - task->place->frame.number;
    live->attempt = attempt;
    live->is_following = http_query(x->request, "follow").data != NULL;
    live->partition = topic_logs_partition(&task->id, attempt, TOPIC_LOGS_PARTITIONS);
    arena_init(&live->arena, allocator_heap(&x->budget), 0);
    buffer_init(&live->chunk, allocator_heap(&x->budget), CHUNK_BYTES_MAX + 256);
    x->state = live;
    x->cleanup = live_cleanup;
    (void)exchange_wait(x);
    log_end(x->api->log, TOPIC_LOGS, live->partition, on_end, live);
}

static void on_task(struct exchange *x, const struct task_read *task)
{
    struct span name = route_parameter(x, 1);
    uint32_t attempt;

    if (!task_number_parse(route_parameter(x, 2), &attempt) || attempt == 0) {
        exchange_problem(x, 404, "an attempt is a number from 1 on");
        return;
    }
    if (task->view.satellite->kind == SATELLITE_GROUP) {
        exchange_problem(x, 404,
                         "`%.*s` is a run of a group and prints nothing itself; "
                         "/tasks?run=%.*s lists what stands in it",
                         SPAN_ARG(name), SPAN_ARG(name));
        return;
    }
    for (uint32_t i = 0; i < task->output_count; i++) {
        const struct wire_output *output = task->outputs[i];

        if (output->attempt == attempt && output->has_log) {
            store_blob_get(x->api->store, &output->log_digest, on_blob, exchange_wait(x));
            return;
        }
        if (output->attempt == attempt) {
            buffer_reset(&x->text); /* it wrote nothing */
            exchange_send(x, 200, LOG_TYPE, NULL, 0);
            return;
        }
    }
    bool is_over = task_state_is_terminal(task->view.state) || attempt < task->view.attempt ||
                   (attempt == task->view.attempt && !task_state_is_active(task->view.state));
    bool is_next = attempt == task->view.attempt + 1 && !task_state_is_terminal(task->view.state) &&
                   http_query(x->request, "follow").data != NULL;

    if (is_next || (attempt == task->view.attempt && !is_over)) {
        live_begin(x, task, attempt);
    } else if (attempt > task->view.attempt) {
        exchange_problem(x, 404, "`%.*s` has begun %u attempts so far", SPAN_ARG(name),
                         task->view.attempt);
    } else {
        exchange_problem(x, 404, "attempt %u of `%.*s` left no log: it was lost with its worker",
                         attempt, SPAN_ARG(name));
    }
}

void logs_get(struct exchange *x)
{
    task_reading_begin(x, on_task);
}
