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

static enum task_state run_wait(const struct run *run, const struct plan_spot *spot)
{
    switch (plan_spot_wait(run->e, spot)) {
    case WAIT_SIGNAL:
    case WAIT_APPROVED:
        return TASK_SUCCEEDED;
    case WAIT_REJECTED:
        return TASK_FAILED;
    case WAIT_RACE:
    case WAIT_ANSWERED:
        return run->reference->raced(run->e, spot);
    case WAIT_NEVER:
        return TASK_TIMED_OUT;
    case WAIT_NONE:
        break;
    }
    abort();
}

/* One task, tried until it is over. */
static enum task_state run_task(struct run *run, const struct plan_spot *spot)
{
    if (plan_spot_is_wait(run->e, spot)) {
        return run_wait(run, spot);
    }

    uint32_t retries = plan_spot_retries(run->e, spot);
    uint32_t failures = 0;
    uint32_t laters = 0;

    for (;;) {
        switch (plan_task_end(run->e, spot, failures, laters)) {
        case END_SUCCEEDED:
            return TASK_SUCCEEDED;
        case END_NEVER:
            return TASK_FAILED;
        case END_LATER:
            laters++;
            break;
        case END_FAILED:
            if (++failures > retries) {
                return TASK_FAILED;
            }
            break;
        case END_TIMED_OUT:
            if (++failures > retries) {
                return TASK_TIMED_OUT;
            }
            break;
        case END_HANGS:
            if (run->e->satellites[spot->satellite].is_by_hand) {
                return TASK_SUCCEEDED;
            }
            run->reference->hangs = true;
            return TASK_RUNNING;
        }
    }
}

static bool is_good(const struct run *run, uint32_t number)
{
    enum task_state state = run->done[number].state;

    return state == TASK_SUCCEEDED ||
           (run->e->satellites[number].is_continued && state != TASK_SKIPPED);
}

static bool is_bad(const struct run *run, uint32_t number)
{
    return !is_good(run, number) && run->done[number].state != TASK_SKIPPED;
}

/* Whether the parents let it run: READY, or what it becomes instead. */
static enum task_state join(const struct run *run, const struct plan_satellite *s)
{
    uint32_t good = 0;
    uint32_t bad = 0;
    uint32_t skipped = 0;

    for (uint32_t i = 0; i < PLAN_SATELLITES_MAX; i++) {
        if ((s->parents >> i & 1) != 0) {
            good += is_good(run, i);
            bad += is_bad(run, i);
            skipped += run->done[i].state == TASK_SKIPPED;
        }
    }
    switch (s->join) {
    case WANT_DONE:
        return TASK_READY;
    case WANT_ANY:
        return good >= 1 ? TASK_READY : TASK_SKIPPED;
    case WANT_TWO:
        return good >= 2 ? TASK_READY : TASK_SKIPPED;
    case WANT_FAILED:
        return bad > 0 ? TASK_READY : TASK_SKIPPED;
    case WANT_ALL:
        break;
    }
    return bad > 0 ? TASK_UPSTREAM_FAILED : skipped > 0 ? TASK_SKIPPED : TASK_READY;
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
        *ret_count = plan_ran(run->e, s->each_of)->satellites[s->each_of].list_count;
        return of->state == TASK_SUCCEEDED;
    case EACH_MAP:
        *ret_count = of->count;
        return has_list(of);
    case EACH_NONE:
        break;
    }
    abort();
}

/* The worst of many; FAILED and TIMED_OUT only where more than some may fail. */
struct many {
    uint32_t failed, timed_out;
    bool is_running;
};

static void many_add(struct many *many, enum task_state state)
{
    many->failed += state == TASK_FAILED;
    many->timed_out += state == TASK_TIMED_OUT;
    many->is_running = many->is_running || state == TASK_RUNNING;
}

static enum task_state many_end(const struct many *many, uint32_t tolerate)
{
    if (many->is_running) {
        return TASK_RUNNING;
    }
    if (many->failed + many->timed_out <= tolerate) {
        return TASK_SUCCEEDED;
    }
    return many->failed > 0 ? TASK_FAILED : TASK_TIMED_OUT;
}

/* A run of a group fails, whatever failed in it. */
static enum task_state run_end(enum task_state state)
{
    return state == TASK_TIMED_OUT ? TASK_FAILED : state;
}

/* input.few of the execution that has run a group. */
static uint32_t few_of(const struct run *run, const struct plan_spot *spot)
{
    return plan_ran(run->e, spot->satellite)->input_few;
}

static enum task_state run_inner(struct run *run, struct plan_spot spot)
{
    const struct plan_inner *inner = &run->e->satellites[spot.satellite].inner[spot.inner];
    struct many many = {0};

    if (inner->kind == INNER_ONE) {
        return run_task(run, &spot);
    }
    for (uint32_t i = 0; i < few_of(run, &spot); i++) {
        spot.is_deep = inner->kind == INNER_GROUP;
        *(spot.is_deep ? &spot.deeper : &spot.index) = i;
        enum task_state state = run_task(run, &spot);

        many_add(&many, spot.is_deep ? run_end(state) : state);
    }
    return many_end(&many, 0);
}

/* What a run is given has a value, and fits what is declared. */
static bool is_fit(const struct run *run, const struct plan_satellite *s, uint32_t index)
{
    const struct done *of = &run->done[s->given_of];

    switch (s->given) {
    case GIVEN_INDEX:
        return index <= GIVEN_MAX;
    case GIVEN_OUTPUT:
        return of->state == TASK_SUCCEEDED && plan_single_n(run->e, s->given_of) <= GIVEN_MAX;
    case GIVEN_LIST:
        return has_list(of);
    case GIVEN_NONE:
        break;
    }
    return true;
}

/* One run of a group: its satellites one after the other; a final one however they ended. */
static enum task_state run_group(struct run *run, uint32_t number, uint32_t index)
{
    const struct plan_satellite *s = &run->e->satellites[number];
    struct plan_spot spot = {.satellite = number, .is_inner = true, .run = index};
    enum task_state end = TASK_SUCCEEDED;

    if (!is_fit(run, s, index)) {
        return TASK_FAILED;
    }
    for (; spot.inner < s->inner_count; spot.inner++) {
        if (end == TASK_SUCCEEDED || plan_spot_is_final(run->e, &spot)) {
            enum task_state state = run_inner(run, spot);

            end = end == TASK_SUCCEEDED ? state : end;
        }
    }
    return run_end(end);
}

static enum task_state run_one(struct run *run, uint32_t number, uint32_t index)
{
    if (run->e->satellites[number].inner_count > 0) {
        return run_group(run, number, index);
    }
    return run_task(run, &(struct plan_spot){.satellite = number, .index = index});
}

static enum task_state run_map(struct run *run, uint32_t number, struct done *done)
{
    struct many many = {0};

    if (!each(run, &run->e->satellites[number], &done->count)) {
        done->count = 0;
        return TASK_FAILED;
    }
    done->has_tasks = done->count > 0;
    for (uint32_t i = 0; i < done->count; i++) {
        enum task_state state = run_one(run, number, i);

        done->is_good[i] = state == TASK_SUCCEEDED;
        done->outputs[i] = plan_map_output(run->e, number, i);
        many_add(&many, state);
    }
    return many_end(&many, run->e->satellites[number].tolerate);
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
    return done->is_map ? run_map(run, number, done) : run_one(run, number, 0);
}

/* ---- the output ---- */

static void put_inner(const struct run *run, struct plan_spot spot)
{
    struct buffer *text = &run->reference->output;
    enum inner_kind kind = run->e->satellites[spot.satellite].inner[spot.inner].kind;

    if (kind == INNER_ONE) {
        plan_output(run->e, &spot, text);
        return;
    }
    buffer_text(text, "[");
    for (uint32_t i = 0; i < few_of(run, &spot); i++) {
        buffer_text(text, i == 0 ? "" : ",");
        spot.is_deep = kind == INNER_GROUP;
        *(spot.is_deep ? &spot.deeper : &spot.index) = i;
        buffer_text(text, spot.is_deep ? "{\"d\":" : "");
        plan_output(run->e, &spot, text);
        buffer_text(text, spot.is_deep ? "}" : "");
    }
    buffer_text(text, "]");
}

/* The list of a map, null where a task gave nothing. */
static void put_list(const struct run *run, uint32_t number,
                     void (*put)(const struct run *run, uint32_t number, uint32_t index))
{
    struct buffer *text = &run->reference->output;
    const struct done *done = &run->done[number];

    buffer_text(text, "[");
    for (uint32_t i = 0; i < done->count; i++) {
        buffer_text(text, i == 0 ? "" : ",");
        if (done->is_good[i]) {
            put(run, number, i);
        } else {
            buffer_text(text, "null");
        }
    }
    buffer_text(text, "]");
}

static void put_task(const struct run *run, uint32_t number, uint32_t index)
{
    plan_output(run->e, &(struct plan_spot){.satellite = number, .index = index},
                &run->reference->output);
}

/* input.of of a run of a closed group. */
static void put_given(const struct run *run, uint32_t number, uint32_t index)
{
    const struct plan_satellite *s = &run->e->satellites[number];
    char value[16];

    if (s->given == GIVEN_NONE) {
        return;
    }
    buffer_text(&run->reference->output, ",\"of\":");
    if (s->given == GIVEN_LIST) {
        put_list(run, s->given_of, put_task);
        return;
    }
    (void)snprintf(value, sizeof(value), "%u",
                   s->given == GIVEN_INDEX ? index : plan_single_n(run->e, s->given_of));
    buffer_text(&run->reference->output, value);
}

/* What one task or run gives. */
static void put_one(const struct run *run, uint32_t number, uint32_t index)
{
    const struct plan_satellite *s = &run->e->satellites[number];
    uint32_t inner_count = s->inner_count - (s->has_inner_final ? 1 : 0);
    struct buffer *text = &run->reference->output;
    char name[16];

    if (s->inner_count == 0) {
        plan_output(run->e, &(struct plan_spot){.satellite = number, .index = index}, text);
        return;
    }
    (void)snprintf(name, sizeof(name), "{\"i%u\":", inner_count - 1);
    buffer_text(text, name);
    put_inner(run,
              (struct plan_spot){
                  .satellite = number, .is_inner = true, .inner = inner_count - 1, .run = index});
    put_given(run, number, index);
    buffer_text(text, "}");
}

static void put_value(const struct run *run, uint32_t number)
{
    struct buffer *text = &run->reference->output;
    const struct done *done = &run->done[number];

    if (done->state != TASK_SUCCEEDED &&
        !(done->is_map && run->e->output == OUTPUT_ONE && done->has_tasks)) {
        buffer_text(text, "null");
        return;
    }
    if (!done->is_map) {
        put_one(run, number, 0);
        return;
    }
    put_list(run, number, put_one);
}

static bool is_needed(const struct plan_execution *e, uint32_t number)
{
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        if ((e->satellites[i].parents >> number & 1) != 0) {
            return true;
        }
    }
    return e->satellites[number].is_final;
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

/* Runs after, directly or not. */
static bool is_after(const struct plan_execution *e, uint32_t late, uint32_t early)
{
    uint32_t before = e->satellites[late].parents;

    for (uint32_t i = PLAN_SATELLITES_MAX; i-- > 0;) {
        if ((before >> i & 1) != 0) {
            before |= e->satellites[i].parents;
        }
    }
    return (before >> early & 1) != 0;
}

/* Something ran because of failures, and succeeded. */
static bool is_caught(const struct run *run, uint32_t number)
{
    for (uint32_t i = 0; i < run->e->satellite_count; i++) {
        if (run->e->satellites[i].join == WANT_FAILED && run->done[i].state == TASK_SUCCEEDED &&
            is_after(run->e, i, number)) {
            return true;
        }
    }
    return false;
}

static void run_all(struct run *run);

/* What became of a satellite in the execution that has run it. */
static void keep(struct run *run, uint32_t number)
{
    struct run *ran = calloc(1, sizeof(*ran));
    struct reference of = {.raced = run->reference->raced};

    if (ran == NULL) {
        abort();
    }
    ran->e = plan_ran(run->e, number);
    ran->reference = &of; /* what hung there does not hang here */
    run_all(ran);
    run->done[number] = ran->done[number];
    free(ran);
}

static void run_all(struct run *run)
{
    for (uint32_t i = 0; i < run->e->satellite_count; i++) {
        if (plan_ran(run->e, i) != run->e) {
            keep(run, i);
        } else {
            run->done[i].state = run_satellite(run, i);
        }
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
    run_all(run);
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        ret->satellites[i] = run->done[i].state;
    }
    for (uint32_t i = 0; i < e->satellite_count && ret->state == EXECUTION_SUCCEEDED; i++) {
        if (is_bad(run, i) && run->done[i].state != TASK_UPSTREAM_FAILED && !is_caught(run, i)) {
            ret->state = EXECUTION_FAILED;
            (void)snprintf(ret->culprit, sizeof(ret->culprit), "s%u: ", i);
        }
    }
    if (!ret->hangs && ret->state == EXECUTION_SUCCEEDED) {
        put_output(run);
    }
    free(run);
}
