#include "tests/sim/reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What became of one satellite. */
struct done {
    enum task_state state;
    bool is_map, has_tasks;
    uint32_t count;                 /* of a map: tasks */
    uint32_t items[PLAN_ITEMS_MAX]; /* given to them; unused but for maps of maps */
    bool is_good[PLAN_ITEMS_MAX];   /* a task of a map has succeeded */
    uint32_t outputs[PLAN_ITEMS_MAX];
};

struct run {
    const struct plan_execution *e;
    struct reference *reference;
    struct done done[PLAN_SATELLITES_MAX];
};

/* One task, tried until it is over. */
static enum task_state run_task(struct run *run, uint32_t number, uint32_t index)
{
    const struct plan_satellite *s = &run->e->satellites[number];
    uint32_t failures = 0;
    uint32_t laters = 0;

    for (;;) {
        switch (plan_task_end(run->e, number, index, failures, laters)) {
        case END_SUCCEEDED:
            return TASK_SUCCEEDED;
        case END_NEVER:
            return TASK_FAILED;
        case END_LATER:
            laters++;
            break;
        case END_FAILED:
            if (++failures > s->retries) {
                return TASK_FAILED;
            }
            break;
        case END_TIMED_OUT:
            if (++failures > s->retries) {
                return TASK_TIMED_OUT;
            }
            break;
        case END_HANGS:
            run->reference->hangs = true;
            return TASK_RUNNING;
        }
    }
}

/* Whether the parents let it run: READY, or what it becomes instead. */
static enum task_state join(const struct run *run, const struct plan_satellite *s)
{
    bool is_skipped = false;

    if (s->is_all_done) {
        return TASK_READY;
    }
    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        if ((s->parents >> i & 1) == 0 || run->done[i].state == TASK_SUCCEEDED) {
            continue;
        }
        if (run->done[i].state != TASK_SKIPPED) {
            return TASK_UPSTREAM_FAILED;
        }
        is_skipped = true;
    }
    return is_skipped ? TASK_SKIPPED : TASK_READY;
}

/* The output of a map is a list once it had any tasks, or had none of them and succeeded. */
static bool has_list(const struct done *map)
{
    return map->has_tasks || map->state == TASK_SUCCEEDED;
}

/* READY: it runs; SKIPPED; FAILED: the expression has no value. */
static enum task_state when(const struct run *run, const struct plan_satellite *s)
{
    const struct done *of = &run->done[s->when_of];
    bool is_true = true;

    switch (s->when) {
    case WHEN_NONE:
        break;
    case WHEN_INPUT:
        is_true = run->e->input_go;
        break;
    case WHEN_ABOVE:
        if (of->state != TASK_SUCCEEDED) {
            return TASK_FAILED;
        }
        is_true = plan_single_n(run->e, s->when_of) > s->when_number;
        break;
    case WHEN_STATE:
        is_true = of->state == TASK_SUCCEEDED;
        break;
    case WHEN_SIZE:
        if (!has_list(of)) {
            return TASK_FAILED;
        }
        is_true = of->count > s->when_number;
        break;
    case WHEN_ITEM:
        if (!has_list(of) || s->when_number >= of->count) {
            return TASK_FAILED;
        }
        is_true = of->is_good[s->when_number] && of->outputs[s->when_number] == s->when_other;
        break;
    }
    return is_true ? TASK_READY : TASK_SKIPPED;
}

/* How many items it runs over; false where there is no list. */
static bool each(const struct run *run, const struct plan_satellite *s, uint32_t *ret_count)
{
    const struct done *of = &run->done[s->each_of];

    switch (s->each) {
    case EACH_INPUT:
        *ret_count = run->e->input_items;
        return true;
    case EACH_OUTPUT:
        *ret_count = run->e->satellites[s->each_of].list_count;
        return of->state == TASK_SUCCEEDED;
    case EACH_MAP:
        *ret_count = of->count;
        return has_list(of);
    case EACH_NONE:
        break;
    }
    abort();
}

static enum task_state run_map(struct run *run, uint32_t number, struct done *done)
{
    bool is_failed = false;
    bool is_timed_out = false;
    bool is_running = false;

    if (!each(run, &run->e->satellites[number], &done->count)) {
        done->count = 0;
        return TASK_FAILED;
    }
    done->has_tasks = done->count > 0;
    for (uint32_t i = 0; i < done->count; i++) {
        enum task_state state = run_task(run, number, i);

        done->is_good[i] = state == TASK_SUCCEEDED;
        done->outputs[i] = plan_map_output(run->e, number, i);
        is_failed = is_failed || state == TASK_FAILED;
        is_timed_out = is_timed_out || state == TASK_TIMED_OUT;
        is_running = is_running || state == TASK_RUNNING;
    }
    if (is_running) {
        return TASK_RUNNING;
    }
    return is_failed ? TASK_FAILED : is_timed_out ? TASK_TIMED_OUT : TASK_SUCCEEDED;
}

static enum task_state run_satellite(struct run *run, uint32_t number)
{
    const struct plan_satellite *s = &run->e->satellites[number];
    struct done *done = &run->done[number];
    enum task_state state = join(run, s);

    done->is_map = s->each != EACH_NONE;
    if (state == TASK_READY) {
        state = when(run, s);
    }
    if (state != TASK_READY) {
        return state;
    }
    return done->is_map ? run_map(run, number, done) : run_task(run, number, 0);
}

/* ---- the output ---- */

static void put_value(const struct run *run, uint32_t number)
{
    struct buffer *text = &run->reference->output;
    const struct done *done = &run->done[number];

    if (!done->is_map) {
        if (done->state == TASK_SUCCEEDED) {
            plan_output(run->e, number, 0, text);
        } else {
            buffer_text(text, "null");
        }
        return;
    }
    if (done->state != TASK_SUCCEEDED) {
        buffer_text(text, "null");
        return;
    }
    buffer_text(text, "[");
    for (uint32_t i = 0; i < done->count; i++) {
        buffer_text(text, i == 0 ? "" : ",");
        plan_output(run->e, number, i, text);
    }
    buffer_text(text, "]");
}

static bool is_needed(const struct plan_execution *e, uint32_t number)
{
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        if ((e->satellites[i].parents >> number & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* A blob cannot stand in the default output: it is named by its place, which holds the id. */
static bool is_place(const struct run *run, uint32_t number)
{
    return run->e->satellites[number].gives_blob && run->done[number].state == TASK_SUCCEEDED;
}

static void put_all(const struct run *run, bool is_states)
{
    struct buffer *text = &run->reference->output;
    char name[32];
    const char *comma = "{";

    for (uint32_t i = 0; i < run->e->satellite_count; i++) {
        if (!is_states && is_needed(run->e, i)) {
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s\"s%u\":", comma, i);
        buffer_text(text, name);
        comma = ",";
        if (is_states) {
            buffer_text(text, "\"");
            buffer_text(text, task_state_name(run->done[i].state));
            buffer_text(text, "\"");
        } else if (is_place(run, i)) {
            buffer_text(text, "PLACE");
        } else {
            put_value(run, i);
        }
    }
    buffer_text(text, "}");
}

static void put_output(const struct run *run)
{
    switch (run->e->output) {
    case OUTPUT_DEFAULT:
        put_all(run, false);
        break;
    case OUTPUT_STATES:
        put_all(run, true);
        break;
    case OUTPUT_ONE:
        put_value(run, run->e->output_of);
        break;
    }
}

void reference_run(const struct plan_execution *e, struct allocator allocator,
                   struct reference *ret)
{
    struct run *run = calloc(1, sizeof(*run));

    if (run == NULL) {
        abort();
    }
    run->e = e;
    run->reference = ret;
    buffer_init(&ret->output, allocator, 0);
    ret->state = EXECUTION_SUCCEEDED;
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        run->done[i].state = run_satellite(run, i);
        ret->satellites[i] = run->done[i].state;
    }
    for (uint32_t i = 0; i < e->satellite_count && ret->state == EXECUTION_SUCCEEDED; i++) {
        enum task_state state = run->done[i].state;

        if (state == TASK_FAILED || state == TASK_TIMED_OUT || state == TASK_UPSTREAM_FAILED) {
            ret->state = EXECUTION_FAILED;
            (void)snprintf(ret->culprit, sizeof(ret->culprit), "s%u: ", i);
        }
    }
    if (!ret->hangs && ret->state == EXECUTION_SUCCEEDED) {
        put_output(run);
    }
    free(run);
}
