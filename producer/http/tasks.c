/* tasks: the tasks of an execution, listed page by page, and one of them with its attempts. */
#include <stdlib.h>

#include "producer/core/listing.h"
#include "producer/core/output_page.h"
#include "producer/http/handlers.h"
#include "producer/http/task_reading.h"

/* A request looks at no more than this, found or not, so that it always ends soon. */
enum { PAGES_AT_ONCE = 8, PAGES_MAX = 64, ATTEMPTS_SHOWN_MAX = 100 };

/* ---- list ---- */

struct task_list {
    struct task_listing listing;
    struct fault_list faults;
    const struct read_execution *execution;
    struct read_frame frame;
    uint32_t end; /* of the frame's instances that are asked for */
    bool is_one;  /* one task of a map: one_index */
    uint32_t one_index;
    struct json_writer w;
    uint32_t instance, index; /* next to be looked at; instance: in the frame */
    struct span path;         /* of the satellite of `instance` */
    uint32_t found;
    uint32_t pages; /* looked at */
};

static void list_end(struct exchange *x, bool is_whole)
{
    struct task_list *list = x->state;
    char cursor[TASK_CURSOR_BYTES] = "";

    json_end_list(&list->w);
    if (!is_whole) {
        task_listing_cursor(list->instance, list->index, cursor);
    }
    view_put_text(&list->w, "next_cursor", span_of(cursor));
    json_end_map(&list->w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void put_task(struct exchange *x, const struct wire_columns *columns, uint32_t offset)
{
    struct task_list *list = x->state;
    const struct wire_instance *instance = &list->frame.instances[list->instance];
    const struct satellite *satellite =
        &list->execution->cluster->satellites[list->frame.first + list->instance];
    struct view_task task = {
        .satellite = satellite,
        .path = list->path,
        .is_map = instance->is_map,
        .index = list->index,
    };

    view_task_at(instance, columns, offset, &task);
    if (list->listing.has_state && task.state != list->listing.state) {
        return;
    }
    json_begin_map(&list->w);
    view_put_task_members(&list->w, &task);
    json_end_map(&list->w);
    list->found++;
}

static void next_instance(struct task_list *list)
{
    list->instance++;
    list->index = 0;
}

/* A single satellite is a task from the beginning; a map has none before it is READY. */
static bool is_wanted(const struct task_list *list, const struct wire_instance *instance)
{
    return !list->listing.has_state || !instance->is_map ||
           instance->counts[list->listing.state] > 0;
}

/* Where the tasks of an instance end that are asked for. */
static uint32_t task_end(const struct task_list *list, const struct wire_instance *instance)
{
    uint32_t end = instance->is_map ? instance->task_count : 1;

    return list->is_one && list->one_index < end ? list->one_index + 1 : end;
}

static void list_go_on(struct exchange *x);

/* Tasks of one page, until the list is full. columns: NULL where the page was never written. */
static void put_page(struct exchange *x, const struct wire_columns *columns)
{
    struct task_list *list = x->state;
    uint32_t last = task_end(list, &list->frame.instances[list->instance]);
    uint32_t end = (list->index / WIRE_PAGE_TASKS + 1) * WIRE_PAGE_TASKS;

    end = end < last ? end : last;
    while (list->index < end && list->found < list->listing.limit) {
        put_task(x, columns, list->index % WIRE_PAGE_TASKS);
        list->index++;
    }
    list->pages++;
}

static void on_pages(void *argument, const struct store_page *pages, uint32_t count,
                     const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back_with(x, err)) {
        return;
    }
    struct task_list *list = x->state;
    uint32_t end = task_end(list, &list->frame.instances[list->instance]);
    uint32_t first = list->index / WIRE_PAGE_TASKS;
    uint32_t at = 0;

    for (uint32_t p = first;
         p < first + PAGES_AT_ONCE && list->index < end && list->found < list->listing.limit; p++) {
        struct wire_columns columns;
        bool has_page = false;

        while (at < count && pages[at].page < p) {
            at++;
        }
        if (at < count && pages[at].page == p) {
            has_page = wire_columns_unpack(pages[at].body, &x->arena, &columns) == WIRE_OK;
        }
        put_page(x, has_page ? &columns : NULL);
    }
    list_go_on(x);
}

static void list_go_on(struct exchange *x)
{
    struct task_list *list = x->state;

    while (list->instance < list->end) {
        const struct wire_instance *instance = &list->frame.instances[list->instance];

        if (!is_wanted(list, instance) || list->index >= task_end(list, instance)) {
            next_instance(list);
            continue;
        }
        if (list->found == list->listing.limit || list->pages >= PAGES_MAX) {
            list_end(x, false);
            return;
        }
        list->path = read_frame_path(
            x, &list->frame,
            &list->execution->cluster->satellites[list->frame.first + list->instance]);
        if (instance->is_map) {
            struct read_home home =
                reading_home(&list->frame.home, list->frame.number + list->instance, instance);

            store_page_get(x->api->store, &home.execution, home.number,
                           list->index / WIRE_PAGE_TASKS, PAGES_AT_ONCE, on_pages,
                           exchange_wait(x));
            return;
        }
        put_task(x, instance->has_task ? &instance->task : NULL, 0);
        next_instance(list);
    }
    list_end(x, true);
}

static void list_begin(struct exchange *x, const struct read_execution *execution,
                       const struct read_frame *frame)
{
    struct task_list *list = x->state;

    list->execution = execution;
    list->frame = *frame;
    list->w = exchange_json(x);
    json_begin_map(&list->w);
    json_key(&list->w, "tasks");
    json_begin_list(&list->w);
    list_go_on(x);
}

/* Everything at the top level, or in one run. */
static void on_frame(struct exchange *x, const struct read_execution *execution,
                     const struct read_frame *frame)
{
    struct task_list *list = x->state;

    list->instance = list->listing.instance;
    list->index = list->listing.index;
    list->end = frame->instance_count;
    list_begin(x, execution, frame);
}

/* One satellite, or one task of it. */
static void on_place(struct exchange *x, const struct read_place *place)
{
    struct task_list *list = x->state;
    uint32_t instance = place->path.satellite->index - place->frame.first;

    list->is_one = place->path.has_index;
    list->one_index = place->path.index;
    list->instance = instance;
    list->end = instance + 1;
    list->index = list->listing.instance == instance ? list->listing.index : 0;
    if (list->index < list->one_index) {
        list->index = list->one_index;
    }
    list_begin(x, place->execution, &place->frame);
}

static bool on_field(void *argument, const char *name, struct span value)
{
    struct task_list *list = argument;

    task_listing_set(&list->listing, name, value, &list->faults);
    return true;
}

void tasks_list(struct exchange *x)
{
    struct task_list *list = exchange_alloc(x, sizeof(*list));

    task_listing_init(&list->listing);
    fault_list_init(&list->faults, &x->arena, 0);
    http_query_each(x->request, on_field, list);
    if (list->faults.error_count > 0) {
        exchange_faults(x, 400, "the query has faults", &list->faults);
        return;
    }
    x->state = list;
    if (list->listing.satellite.bytes > 0) {
        place_reading_begin(x, list->listing.satellite, on_place);
    } else {
        frame_reading_begin(x, list->listing.run, on_frame);
    }
}

/* ---- one task ---- */

static int by_attempt(const void *a, const void *b)
{
    const struct wire_output *x = *(const struct wire_output *const *)a;
    const struct wire_output *y = *(const struct wire_output *const *)b;

    return x->attempt < y->attempt ? -1 : x->attempt > y->attempt;
}

static void on_task(struct exchange *x, const struct task_read *task)
{
    struct json_writer w = exchange_json(x);
    char path[TASK_PATH_BYTES];
    uint32_t count =
        task->output_count < ATTEMPTS_SHOWN_MAX ? task->output_count : (uint32_t)ATTEMPTS_SHOWN_MAX;

    if (task->output_count > 1) {
        qsort(task->outputs, task->output_count, sizeof(*task->outputs), by_attempt);
    }
    task_path_format(task->view.path, task->view.is_map, task->view.index, path);
    json_begin_map(&w);
    view_put_task_members(&w, &task->view);
    json_key(&w, "attempts");
    json_begin_list(&w);
    for (uint32_t i = task->output_count - count; i < task->output_count; i++) {
        view_put_attempt(&w, &task->place->execution->row.id, path, task->outputs[i]);
    }
    json_end_list(&w);
    const struct wire_output *last =
        task->output_count == 0 ? NULL : task->outputs[task->output_count - 1];
    bool is_shown = last != NULL && last->outcome == OUTCOME_SUCCEEDED && !last->has_ref;

    view_put_json(&w, "output", is_shown ? last->json : (struct span){NULL, 0}, "null");
    json_end_map(&w);
    exchange_send(x, 200, NULL, NULL, 0);
}

void task_get(struct exchange *x)
{
    task_reading_begin(x, on_task);
}
