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

/* The task a path such as s2 or s1.17 names. */
static void item_find(const struct value *from, struct item *item)
{
    struct execution_id id;
    char path[64] = "";
    char *rest;
    struct span text = text_of(from, "task");

    if (!execution_id_parse(text_of(from, "execution"), &id) ||
        (item->execution = oracle_find(&id)) == NULL || text.bytes < 2 ||
        text.bytes >= sizeof(path)) {
        sim_fail("a batch holds a task of nobody");
    }
    memcpy(path, text.data, text.bytes);
    item->spot = (struct plan_spot){.satellite = (uint32_t)strtoul(path + 1, &rest, 10)};
    item->spot.index = *rest == '.' ? (uint32_t)strtoul(rest + 1, NULL, 10) : 0;
    struct oracle_instance *instance = oracle_instance(item->execution, item->spot.satellite);

    if (instance == NULL || item->spot.index >= instance->task_count) {
        sim_fail("a batch holds %s of plan %u, of which the journal knows nothing", path,
                 item->execution->plan->number);
    }
    item->task = &instance->tasks[item->spot.index];
    item->input = value_get(from, span_of("input"));
    if (item->input == NULL ||
        !span_equal(text_of(item->input, "me"), text_of(from, "execution"))) {
        sim_fail("plan %u: %s has the input of another", item->execution->plan->number, path);
    }
}

static const struct plan_satellite *satellite_of(const struct item *item)
{
    return &item->execution->plan->satellites[item->spot.satellite];
}

static bool may_meet(const struct item *a, const struct item *b)
{
    const struct plan_satellite *x = satellite_of(a);
    const struct plan_satellite *y = satellite_of(b);
    const struct plan_execution *p = a->execution->plan;
    const struct plan_execution *q = b->execution->plan;

    return p->project == q->project && x->batch == y->batch && x->is_big == y->is_big &&
           p->input_go == q->input_go;
}

void gathered_begins(const struct oracle_execution *e)
{
    struct items items;
    struct item first, item;

    items_open(e, &items);
    for (uint32_t i = 0; i < items.list->count; i++) {
        item_find(&items.list->items[i], &item);
        first = i == 0 ? item : first;
        if (!may_meet(&first, &item)) {
            sim_fail("plans %u and %u have tasks in one batch and must not",
                     first.execution->plan->number, item.execution->plan->number);
        }
        if (++item.task->gathered > item.task->attempt) {
            sim_fail("plan %u: s%u.%u is in a batch once more than it has attempts",
                     item.execution->plan->number, item.spot.satellite, item.spot.index);
        }
    }
    if (items.list->count == 0 ||
        items.list->count > plan_batch_size(satellite_of(&first)->batch)) {
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
        item_find(&items.list->items[i], &item);
        item.execution->is_excused = true;
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
        item_find(&items.list->items[i], &item);
        item.execution->is_excused = item.execution->is_excused || !is_whole;
        buffer_text(text, i == (is_short ? 1 : 0) ? "" : ",");
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
        item_find(&items.list->items[0], &item);
        item.execution->is_excused = true;
    }
    buffer_text(text, "]");
    arena_release(&items.arena);
    return is_whole || is_short;
}
