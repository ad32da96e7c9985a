/* tasks: the tasks of an execution, listed page by page, and one of them with its attempts. */
#include <stdlib.h>

#include "producer/core/listing.h"
#include "producer/core/output_page.h"
#include "producer/core/task_path.h"
#include "producer/http/handlers.h"
#include "producer/http/reading.h"
#include "producer/http/task_reading.h"

/* A request looks at no more than this, found or not, so that it always ends soon. */
enum { PAGES_AT_ONCE = 8, PAGES_MAX = 64, ATTEMPTS_SHOWN_MAX = 100 };

/* ---- list ---- */

struct task_list {
    struct task_listing listing;
    struct fault_list faults;
    const struct read_execution *execution;
    struct json_writer w;
    uint32_t instance, index; /* next to be looked at */
    uint32_t found;
    uint32_t pages; /* looked at */
};

static void list_end(struct exchange *x, bool is_whole)
{
    struct task_list *list = x->state;
    char cursor[TASK_CURSOR_BYTES];

    json_end_list(&list->w);
    json_key(&list->w, "next_cursor");
    if (is_whole) {
        json_put_null(&list->w);
    } else {
        task_listing_cursor(list->instance, list->index, cursor);
        json_put_text(&list->w, cursor);
    }
    json_end_map(&list->w);
    exchange_send(x, 200, NULL, NULL, 0);
}

static void put_task(struct task_list *list, const struct wire_columns *columns, uint32_t offset)
{
    const struct wire_instance *instance = &list->execution->body.instances[list->instance];
    struct view_task task = {
        .satellite = &list->execution->cluster->satellites[list->instance],
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

static bool is_wanted(const struct task_list *list, uint32_t instance)
{
    const struct wire_instance *row = &list->execution->body.instances[instance];
    const struct satellite *satellite = &list->execution->cluster->satellites[instance];

    if (list->listing.satellite.bytes > 0 &&
        !span_equal(list->listing.satellite, satellite->name)) {
        return false;
    }
    /* A single satellite is a task from the beginning; a map has none before it is READY. */
    return !list->listing.has_state || !row->is_map || row->counts[list->listing.state] > 0;
}

static void list_go_on(struct exchange *x);

/* Tasks of one page, until the list is full. columns: NULL where the page was never written. */
static void put_page(struct task_list *list, const struct wire_columns *columns)
{
    const struct wire_instance *instance = &list->execution->body.instances[list->instance];
    uint32_t end = (list->index / WIRE_PAGE_TASKS + 1) * WIRE_PAGE_TASKS;

    end = end < instance->task_count ? end : instance->task_count;
    while (list->index < end && list->found < list->listing.limit) {
        put_task(list, columns, list->index % WIRE_PAGE_TASKS);
        list->index++;
    }
    list->pages++;
}

static void on_pages(void *argument, const struct store_page *pages, uint32_t count,
                     const struct exo_error *err)
{
    struct exchange *x = argument;

    if (!exchange_back(x)) {
        return;
    }
    if (err != NULL) {
        exchange_error(x, "the store", err);
        return;
    }
    struct task_list *list = x->state;
    const struct wire_instance *instance = &list->execution->body.instances[list->instance];
    uint32_t first = list->index / WIRE_PAGE_TASKS;
    uint32_t at = 0;

    for (uint32_t p = first; p < first + PAGES_AT_ONCE && list->index < instance->task_count &&
                             list->found < list->listing.limit;
         p++) {
        struct wire_columns columns;
        bool has_page = false;

        while (at < count && pages[at].page < p) {
            at++;
        }
        if (at < count && pages[at].page == p) {
            has_page = wire_columns_unpack(pages[at].body, &x->arena, &columns) == WIRE_OK;
        }
        put_page(list, has_page ? &columns : NULL);
    }
    list_go_on(x);
}

static void list_go_on(struct exchange *x)
{
    struct task_list *list = x->state;
    const struct wire_body *body = &list->execution->body;

    while (list->instance < body->instance_count) {
        const struct wire_instance *instance = &body->instances[list->instance];

        if (!is_wanted(list, list->instance) ||
            list->index >= (instance->is_map ? instance->task_count : 1)) {
            next_instance(list);
            continue;
        }
        if (list->found == list->listing.limit || list->pages >= PAGES_MAX) {
            list_end(x, false);
            return;
        }
        if (instance->is_map) {
            uint32_t number;
            struct execution_id home = reading_home(list->execution, list->instance, &number);

            store_page_get(x->api->store, &home, number, list->index / WIRE_PAGE_TASKS,
                           PAGES_AT_ONCE, on_pages, exchange_wait(x));
            return;
        }
        put_task(list, instance->has_task ? &instance->task : NULL, 0);
        next_instance(list);
    }
    list_end(x, true);
}

static void on_list_read(struct exchange *x, const struct read_execution *execution)
{
    struct task_list *list = x->state;

    if (list->listing.satellite.bytes > 0 &&
        cluster_find(execution->cluster, SATELLITE_NONE, list->listing.satellite) == NULL) {
        exchange_problem(x, 404, "the cluster has no satellite `%.*s`",
                         SPAN_ARG(list->listing.satellite));
        return;
    }
    list->execution = execution;
    list->instance = list->listing.instance;
    list->index = list->listing.index;
    list->w = exchange_json(x);
    json_begin_map(&list->w);
    json_key(&list->w, "tasks");
    json_begin_list(&list->w);
    list_go_on(x);
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
    reading_begin(x, on_list_read);
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
    task_path_format(task->view.satellite->name, task->view.is_map, task->view.index, path);
    json_begin_map(&w);
    view_put_task_members(&w, &task->view);
    json_key(&w, "attempts");
    json_begin_list(&w);
    for (uint32_t i = task->output_count - count; i < task->output_count; i++) {
        view_put_attempt(&w, &task->execution->row.id, path, task->outputs[i]);
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
