#include "tests/sim/gathered.h"

#include <stdlib.h>
#include <string.h>

#include "schemas/json/json_read.h"
#include "tests/sim/sim.h"

const struct plan_execution gathered_plan = {
    .number = PLAN_EXECUTIONS_MAX, .satellite_count = 1, .partition = 0};

bool gathered_is(const struct oracle_execution *e)
{
    return e->plan == &gathered_plan;
}

bool gathered_any(const struct plan_execution *plan)
{
    for (uint32_t i = 0; i < plan->satellite_count; i++) {
        if (plan->satellites[i].batch != BATCH_NONE) {
            return true;
        }
        for (uint32_t k = 0; k < plan->satellites[i].inner_count; k++) {
            if (plan->satellites[i].inner[k].batch != BATCH_NONE) {
                return true;
            }
        }
    }
    return false;
}

/* One item of a batch. */
struct item {
    struct oracle_execution *execution;
    struct oracle_task *task;
    struct plan_spot spot;
    const struct value *input;
};

struct items {
    struct heap_budget budget;
    struct arena arena;
    struct value root;
    const struct value *list;
};

static struct span text_of(const struct value *map, const char *key)
{
    const struct value *value = value_get(map, span_of(key));

    if (value == NULL || value->kind != VALUE_STRING) {
        sim_fail("an item of a batch has no %s", key);
    }
    return value_text(value);
}

static void items_open(const struct oracle_execution *e, struct items *items)
{
    struct json_error error;

    items->budget = (struct heap_budget){0};
    arena_init(&items->arena, allocator_heap(&items->budget), 0);
    if (json_read(e->input, NULL, &items->arena, &items->root, &error) != JSON_OK ||
        (items->list = value_get(&items->root, span_of("items"))) == NULL) {
        sim_fail("the input of a batch cannot be read");
    }
}

/* Of a path such as s2, s1.17, s3.1.i0 or s3.1.i0.2: with the index of a task in its map or not. */
static bool spot_find(const struct plan_execution *e, char *path, struct plan_spot *ret_spot)
{
    if (plan_spot_of(e, span_of(path), ret_spot)) {
        return true;
    }
    char *dot = strrchr(path, '.');

    if (dot == NULL) {
        return false;
    }
    *dot = '\0';
    bool is_one = plan_spot_of(e, span_of(path), ret_spot);

    ret_spot->index = (uint32_t)strtoul(dot + 1, NULL, 10);
    *dot = '.';
    return is_one;
}

/* The task a path names. False: it is of a time that never was. */
static bool item_find(const struct value *from, struct item *item)
{
    struct execution_id id;
    char path[64] = "";
    struct span text = text_of(from, "task");

    *item = (struct item){0};
    if (!execution_id_parse(text_of(from, "execution"), &id) ||
        (item->execution = oracle_find(&id)) == NULL || text.bytes >= sizeof(path)) {
        if (oracle.promotions > 0) {
            return false;
        }
        sim_fail("a batch holds a task of nobody");
    }
    memcpy(path, text.data, text.bytes);
    struct oracle_instance *instance = spot_find(item->execution->plan, path, &item->spot)
                                           ? oracle_instance_at(item->execution, &item->spot)
                                           : NULL;

    bool is_known = instance != NULL && item->spot.index < instance->task_count;

    if (!is_known && oracle.promotions > 0) {
        return false;
    }
    if (!is_known) {
        sim_fail("a batch holds %s of plan %u, of which the journal knows nothing", path,
                 item->execution->plan->number);
    }
    item->task = &instance->tasks[item->spot.index];
    item->input = value_get(from, span_of("input"));
    if (item->input == NULL ||
        !span_equal(text_of(item->input, "me"), text_of(from, "execution"))) {
        sim_fail("plan %u: %s has the input of another", item->execution->plan->number, path);
    }
    return true;
}

static enum batch_kind kind_of(const struct item *item)
{
    return plan_spot_batch(item->execution->plan, &item->spot);
}

/* What must be the same of those that run in one container. */
struct sort {
    uint32_t project;
    enum batch_kind kind;
    bool is_big;
    bool has_key, is_go; /* go true or go false */
};

static struct sort sort_of(const struct item *item)
{
    const struct plan_execution *e = item->execution->plan;
    const struct plan_satellite *s = &e->satellites[item->spot.satellite];
    bool has_key = !item->spot.is_inner || !s->is_closed;

    return (struct sort){
        .project = e->project,
        .kind = kind_of(item),
        .is_big = item->spot.is_inner ? s->inner[item->spot.inner].is_big : s->is_big,
        .has_key = has_key,
        .is_go = has_key && e->input_go,
    };
}

static bool may_meet(const struct item *a, const struct item *b)
{
    struct sort x = sort_of(a);
    struct sort y = sort_of(b);

    return x.project == y.project && x.kind == y.kind && x.is_big == y.is_big &&
           x.has_key == y.has_key && x.is_go == y.is_go;
}

void gathered_begins(const struct oracle_execution *e)
{
    struct items items;
    struct item first, item;

    items_open(e, &items);
    first.execution = NULL;
    for (uint32_t i = 0; i < items.list->count; i++) {
        if (!item_find(&items.list->items[i], &item)) {
            continue;
        }
        first = first.execution == NULL ? item : first;
        if (!may_meet(&first, &item)) {
            sim_fail("plans %u and %u have tasks in one batch and must not",
                     first.execution->plan->number, item.execution->plan->number);
        }
        if (++item.task->gathered > item.task->attempt && oracle.promotions == 0) {
            sim_fail("plan %u: s%u.%u is in a batch once more than it has attempts",
                     item.execution->plan->number, item.spot.satellite, item.spot.index);
        }
    }
    if (items.list->count == 0 ||
        (first.execution != NULL && items.list->count > plan_batch_size(kind_of(&first)))) {
        sim_fail("a batch has %u items", items.list->count);
    }
    arena_release(&items.arena);
}

void gathered_ended(const struct oracle_execution *e)
{
    struct items items;
    struct item item;

    /* One that is cancelled has nobody left in it. */
    if (e->state == EXECUTION_SUCCEEDED || e->state == EXECUTION_CANCELLED) {
        return;
    }
    items_open(e, &items);
    for (uint32_t i = 0; i < items.list->count; i++) {
        if (item_find(&items.list->items[i], &item)) {
            item.execution->is_excused = true;
        }
    }
    arena_release(&items.arena);
}

bool gathered_output(struct oracle_execution *e, struct buffer *text)
{
    struct items items;
    struct item item;
    bool is_whole = !fault_fires(&sim.faults, FAULT_BATCH_FAILED);
    bool is_short = !is_whole && dice_chance(sim.faults.dice, 500000);

    items_open(e, &items);
    buffer_text(text, "[");
    for (uint32_t i = is_short ? 1 : 0; i < items.list->count; i++) {
        buffer_text(text, i == (is_short ? 1 : 0) ? "" : ",");
        if (!item_find(&items.list->items[i], &item)) {
            buffer_text(text, "{\"error\":\"of a time that never was\"}");
            continue;
        }
        item.execution->is_excused = item.execution->is_excused || !is_whole;
        if (plan_task_end(item.execution->plan, &item.spot, item.task->failures,
                          item.task->laters) != END_SUCCEEDED) {
            buffer_text(text, "{\"error\":\"it does not like it\"}");
            continue;
        }
        buffer_text(text, "{\"output\":");
        plan_output(item.execution->plan, &item.spot, text);
        buffer_text(text, "}");
    }
    if (is_short) {
        if (item_find(&items.list->items[0], &item)) {
            item.execution->is_excused = true;
        }
    }
    buffer_text(text, "]");
    arena_release(&items.arena);
    return is_whole || is_short;
}

bool gathered_is_lost(struct span error)
{
    static const char why[] = "BATCH: its execution was deleted";

    if (error.bytes < sizeof(why) - 1 || memcmp(error.data, why, sizeof(why) - 1) != 0) {
        return false;
    }
    for (const struct oracle_execution *e = oracle.executions; e != NULL; e = e->next) {
        if (gathered_is(e) && e->deleted_ns != 0) {
            return true;
        }
    }
    sim_fail("a task is told that what ran its batch was deleted, and none was");
}
