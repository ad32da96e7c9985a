#include "producer/http/history_past.h"

#include <stdio.h>
#include <stdlib.h>

#include "producer/http/handlers.h"
#include "producer/http/place_reading.h"

enum { TASKS_MAX = 1000, COLUMN_GROUP = 1, COLUMN_INDEX = 2, COLUMN_RUN_BODY = 5 };

/* The rows of the execution, borrowed from the replay. */
struct past {
    struct exchange *x;
    const struct history_past *of;
    const struct rebuild *rows;
    struct arena *arena; /* of this answer */
    struct json_writer w;
    bool is_there;
    struct store_execution row;
    struct store_page *pages;
    uint32_t page_count, page_capacity;
    uint32_t shown;
    uint32_t place, index; /* the first that was not shown */
};

static struct span cell_bytes(const struct row *row, uint32_t column)
{
    return row->cells[column].kind == CELL_BYTES ? row->cells[column].bytes
                                                 : (struct span){NULL, 0};
}

/* What is named stands in the row as it is now, where it is still the same. */
static struct span output_of(const struct row_cell *cell, struct span now)
{
    const struct row_cell live = {CELL_BYTES, 0, now};

    return cell->kind == CELL_BYTES      ? cell->bytes
           : row_cell_equal(cell, &live) ? now
                                         : (struct span){NULL, 0};
}

/* The columns that change, in their order (row.c); the others are as in the row now. */
static void execution_take(void *argument, const struct row *row)
{
    enum {
        COLUMN_EPOCH = 3,
        COLUMN_BATCH = 4,
        COLUMN_STARTED = 6,
        COLUMN_ENDED = 7,
        COLUMN_DEADLINE = 8,
        COLUMN_IS_TERMINAL = 9,
        COLUMN_STATE = 10,
        COLUMN_OUTPUT = 16,
        COLUMN_OUTPUT_REF = 17,
        COLUMN_ERROR = 18,
        COLUMN_BODY = 19,
    };
    struct past *past = argument;
    const struct store_execution *now = &past->of->execution->row;
    struct store_execution *e = &past->row;

    *e = *now;
    e->epoch = (uint64_t)row->cells[COLUMN_EPOCH].number;
    e->batch = (uint64_t)row->cells[COLUMN_BATCH].number;
    e->started_ns = row->cells[COLUMN_STARTED].number;
    e->ended_ns = row->cells[COLUMN_ENDED].number;
    e->deadline_ns = row->cells[COLUMN_DEADLINE].number;
    e->is_terminal = row->cells[COLUMN_IS_TERMINAL].number != 0;
    e->state = arena_copy(past->arena, cell_bytes(row, COLUMN_STATE)).data;
    e->output = output_of(&row->cells[COLUMN_OUTPUT], now->output);
    e->output_ref = cell_bytes(row, COLUMN_OUTPUT_REF);
    e->error = cell_bytes(row, COLUMN_ERROR);
    e->body = cell_bytes(row, COLUMN_BODY);
    past->is_there = e->state != NULL;
}

static void page_take(void *argument, const struct row *row)
{
    struct past *past = argument;

    if (past->page_count == past->page_capacity) {
        past->page_capacity = past->page_capacity == 0 ? 64 : 2 * past->page_capacity;
        past->pages = realloc(past->pages, past->page_capacity * sizeof(*past->pages));
        if (past->pages == NULL) {
            abort();
        }
    }
    past->pages[past->page_count++] =
        (struct store_page){.instance = (uint32_t)row->cells[1].number,
                            .page = (uint32_t)row->cells[2].number,
                            .body = cell_bytes(row, 3)};
}

static int by_place(const void *a, const void *b)
{
    const struct store_page *x = a;
    const struct store_page *y = b;

    if (x->instance != y->instance) {
        return x->instance < y->instance ? -1 : 1;
    }
    return x->page < y->page ? -1 : x->page > y->page;
}

/* ---- the runs of groups as they were ---- */

/* A run that is looked for among all. */
struct finding {
    uint32_t group, index;
    struct span body;
    bool is_found;
};

static void run_find(void *argument, const struct row *row)
{
    struct finding *finding = argument;

    if (row->cells[COLUMN_GROUP].number == finding->group &&
        row->cells[COLUMN_INDEX].number == finding->index) {
        finding->body = cell_bytes(row, COLUMN_RUN_BODY);
        finding->is_found = true;
    }
}

/* The run that a path names becomes one more that is gone through. */
static bool path_read(const struct past *past, struct task_path *ret_path)
{
    if (!task_path_parse(past->of->execution->cluster, past->of->run, ret_path) ||
        !task_path_is_task(ret_path) || ret_path->satellite->kind != SATELLITE_GROUP ||
        ret_path->run_count == LIMIT_GROUP_DEPTH) {
        return false;
    }
    ret_path->runs[ret_path->run_count++] =
        (struct task_path_run){ret_path->satellite, ret_path->index};
    return true;
}

/* What stood in the run that was asked for; false, having answered: there was none. */
static bool frame_find(struct past *past, struct read_frame *frame)
{
    struct task_path path;

    if (past->of->run.bytes == 0) {
        return true;
    }
    if (!path_read(past, &path)) {
        exchange_problem(past->x, 404,
                         "run: `%.*s` names no run of a group of this cluster; name one as page.3",
                         SPAN_ARG(past->of->run));
        return false;
    }
    for (uint32_t i = 0; i < path.run_count; i++) {
        const struct task_path_run *run = &path.runs[i];
        struct finding finding = {.group = frame->number + run->group->index - frame->first,
                                  .index = run->index};

        rebuild_each(past->rows, ROW_RUN, run_find, &finding);
        if (!finding.is_found ||
            !read_frame_of_run(past->arena, &(struct store_run){.body = finding.body}, run->group,
                               frame)) {
            exchange_problem(past->x, 404, "run: `%.*s` had not begun at that time",
                             SPAN_ARG(past->of->run));
            return false;
        }
    }
    frame->run = past->of->run;
    return true;
}

/* ---- tasks ---- */

/* Returns false when enough have been shown. */
static bool task_put(struct past *past, uint32_t place, const struct view_task *task)
{
    if (task->state == TASK_WAITING ||
        (place == past->of->place && task->index < past->of->index)) {
        return true;
    }
    if (past->shown == TASKS_MAX) {
        past->place = place;
        past->index = task->index;
        return false;
    }
    past->shown++;
    json_begin_map(&past->w);
    view_put_task_members(&past->w, task);
    json_end_map(&past->w);
    return true;
}

/* The tasks of a map's page. */
static bool page_put(struct past *past, uint32_t place, const struct wire_instance *instance,
                     const struct store_page *page, struct view_task *task)
{
    struct wire_columns columns;

    if ((place == past->of->place && (page->page + 1) * WIRE_PAGE_TASKS <= past->of->index) ||
        wire_columns_unpack(page->body, past->arena, &columns) != WIRE_OK) {
        return true;
    }
    for (uint32_t i = 0; i < columns.states.bytes; i++) {
        task->index = page->page * WIRE_PAGE_TASKS + i;
        view_task_at(instance, &columns, i, task);
        if (!task_put(past, place, task)) {
            return false;
        }
    }
    return true;
}

/* Those of one scope from where the last answer ended, the runs of a group being its tasks. */
static bool tasks_put(struct past *past, const struct read_frame *frame)
{
    const struct cluster *cluster = past->of->execution->cluster;
    uint32_t page = 0;

    for (uint32_t i = past->of->place; i < frame->instance_count; i++) {
        const struct wire_instance *instance = &frame->instances[i];
        const struct satellite *satellite = &cluster->satellites[frame->first + i];
        struct view_task task = {.satellite = satellite, .is_map = instance->is_map};

        task.path = read_frame_path(past->x, frame, satellite);
        if (!instance->is_map) {
            view_task_at(instance, instance->has_task ? &instance->task : NULL, 0, &task);
            if (!task_put(past, i, &task)) {
                return false;
            }
            continue;
        }
        while (page < past->page_count && past->pages[page].instance < frame->number + i) {
            page++;
        }
        for (; page < past->page_count && past->pages[page].instance == frame->number + i; page++) {
            if (!page_put(past, i, instance, &past->pages[page], &task)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the answer ---- */

static void cursor_put(struct past *past, bool is_whole)
{
    char cursor[24];

    (void)snprintf(cursor, sizeof(cursor), "%u.%u", past->place, past->index);
    json_key(&past->w, "has_more_tasks");
    json_put_bool(&past->w, !is_whole);
    view_put_text(&past->w, "next_cursor", span_of(is_whole ? "" : cursor));
}

static void past_send(struct past *past)
{
    struct read_execution execution = *past->of->execution;

    execution.row = past->row;
    if (!reading_body(past->arena, &past->row, &execution.body)) {
        exchange_problem(past->x, 500, "the journal holds what this program cannot read");
        return;
    }
    struct view_execution view = reading_view(&execution);
    struct read_frame frame = read_frame_root(&execution);

    if (!frame_find(past, &frame)) {
        return;
    }
    past->w = exchange_json(past->x);
    json_begin_map(&past->w);
    view_put_time(&past->w, "at", past->of->at_ns / EXO_MILLISECOND);
    json_key(&past->w, "execution");
    view_put_execution(&past->w, &view);
    json_key(&past->w, "tasks");
    json_begin_list(&past->w);
    if (past->page_count > 0) {
        qsort(past->pages, past->page_count, sizeof(*past->pages), by_place);
    }
    bool is_whole = tasks_put(past, &frame);

    json_end_list(&past->w);
    cursor_put(past, is_whole);
    json_end_map(&past->w);
    exchange_send(past->x, 200, NULL, NULL, 0);
}

void history_past_answer(struct exchange *x, const struct history_past *of,
                         const struct rebuild *rows)
{
    struct arena arena;
    struct past past = {.x = x, .of = of, .rows = rows, .arena = &arena};

    arena_init(&arena, allocator_heap(&x->budget), 0);
    rebuild_each(rows, ROW_EXECUTION, execution_take, &past);
    rebuild_each(rows, ROW_PAGE, page_take, &past);
    if (past.is_there) {
        past_send(&past);
    } else {
        exchange_problem(x, 404, "the execution was not there yet at that time");
    }
    free(past.pages);
    arena_release(&arena);
}

bool history_past_cursor(struct span text, struct history_past *of)
{
    const char *dot = text.bytes == 0 ? NULL : memchr(text.data, '.', text.bytes);
    size_t bytes = dot == NULL ? 0 : (size_t)(dot - (const char *)text.data);

    return dot != NULL && task_number_parse((struct span){text.data, bytes}, &of->place) &&
           task_number_parse((struct span){dot + 1, text.bytes - bytes - 1}, &of->index);
}
