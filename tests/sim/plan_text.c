/* plan_text: an execution of a plan as its cluster file and its input. */
#include <stdio.h>

#include "tests/sim/plan.h"

static void put(struct buffer *text, const char *format, uint32_t number)
{
    char piece[128];

    (void)snprintf(piece, sizeof(piece), format, number);
    buffer_text(text, piece);
}

void plan_input(const struct plan_execution *e, struct buffer *text)
{
    buffer_text(text, e->input_go ? "{\"go\":true,\"items\":[" : "{\"go\":false,\"items\":[");
    for (uint32_t i = 0; i < e->input_items; i++) {
        put(text, i == 0 ? "%u" : ",%u", plan_input_item(e, i));
    }
    buffer_text(text, "],\"few\":[");
    for (uint32_t i = 0; i < e->input_few; i++) {
        put(text, i == 0 ? "%u" : ",%u", i);
    }
    buffer_text(text, "]}");
}

static void text_when(const struct plan_satellite *s, struct buffer *text)
{
    char piece[128] = "";

    switch (s->when) {
    case WHEN_NONE:
        return;
    case WHEN_INPUT:
        (void)snprintf(piece, sizeof(piece), "input.go");
        break;
    case WHEN_ABOVE:
        (void)snprintf(piece, sizeof(piece), "satellites.s%u.output.n > %u", s->when_of,
                       s->when_number);
        break;
    case WHEN_STATE:
        (void)snprintf(piece, sizeof(piece), "satellites.s%u.state == 'SUCCEEDED'", s->when_of);
        break;
    case WHEN_SIZE:
        (void)snprintf(piece, sizeof(piece), "size(satellites.s%u.output) > %u", s->when_of,
                       s->when_number);
        break;
    case WHEN_ITEM:
        (void)snprintf(piece, sizeof(piece), "satellites.s%u.output[%u] == %u", s->when_of,
                       s->when_number, s->when_other);
        break;
    }
    buffer_text(text, ", when: \"${{ ");
    buffer_text(text, piece);
    buffer_text(text, " }}\"");
}

static void text_each(const struct plan_satellite *s, struct buffer *text)
{
    if (s->each == EACH_NONE) {
        return;
    }
    buffer_text(text, ", for_each: \"${{ ");
    if (s->each == EACH_INPUT) {
        buffer_text(text, "input.items");
    } else {
        put(text, "satellites.s%u.output", s->each_of);
        buffer_text(text, s->each == EACH_OUTPUT ? ".list" : "");
    }
    buffer_text(text, " }}\"");
    if (s->max_parallel > 0) {
        put(text, ", max_parallel: %u", s->max_parallel);
    }
}

static void text_policy(bool is_big, bool has_timeout, uint32_t retries, struct buffer *text)
{
    buffer_text(text, is_big ? ", class: big" : "");
    put(text, has_timeout ? ", timeout: %ums" : "", PLAN_TIMEOUT_MS);
    put(text, retries > 0 ? ", retries: {limit: %u, base: 100ms, cap: 2s}" : "", retries);
}

/* `defaults` of the file do not reach into a closed group. */
static void text_work(bool is_closed, struct buffer *text)
{
    buffer_text(text, ", command: [x]");
    buffer_text(text, is_closed ? ", image: \"oci:x\", grace: 1s, resources: {cpu: 100m, memory: "
                                  "16Mi}"
                                : "");
}

/* What one inside a group runs, or waits for. */
static void text_inner_work(const struct plan_satellite *s, uint32_t number, struct buffer *text)
{
    const struct plan_inner *inner = &s->inner[number];

    if (inner->wait != WAIT_NONE) {
        plan_wait_text(inner->wait, inner->wait_ms, text);
        return;
    }
    text_work(s->is_closed, text);
    text_policy(inner->is_big, inner->has_timeout, inner->retries, text);
    plan_batch_inner_text(s, number, text);
}

static void text_inner(const struct plan_satellite *s, uint32_t number, struct buffer *text)
{
    const struct plan_inner *inner = &s->inner[number];

    put(text, number == 0 ? "{name: i%u" : ", {name: i%u", number);
    if (s->has_inner_final && number == s->inner_count - 1) {
        buffer_text(text, ", final: true");
    }
    if (inner->kind != INNER_ONE) {
        put(text, ", for_each: \"${{ input.few }}\", as: few%u", number);
    }
    if (inner->kind == INNER_GROUP) {
        buffer_text(text, ", satellites: [{name: d");
        text_inner_work(s, number, text);
        buffer_text(text, "}]}");
        return;
    }
    text_inner_work(s, number, text);
    buffer_text(text, "}");
}

/* What a cluster used as a satellite has beside its satellites, as the API writes it out. */
static void text_closed(const struct plan_satellite *s, uint32_t number, struct buffer *text)
{
    uint32_t last = s->inner_count - (s->has_inner_final ? 2 : 1);

    put(text, ", uses: cluster/p/c%u@1, timeout: 20h, inputs: {few: {type: list, required: true}",
        number);
    if (s->given == GIVEN_LIST) {
        buffer_text(text, ", of: {type: list, required: true}");
    } else if (s->given != GIVEN_NONE) {
        put(text, ", of: {type: int, required: true, maximum: %u}", GIVEN_MAX);
    }
    buffer_text(text, "}, input: {few: \"${{ input.few }}\"");
    if (s->given == GIVEN_INDEX) {
        buffer_text(text, ", of: \"${{ index }}\"");
    } else if (s->given != GIVEN_NONE) {
        put(text, ", of: \"${{ satellites.s%u.output", s->given_of);
        buffer_text(text, s->given == GIVEN_OUTPUT ? ".n }}\"" : " }}\"");
    }
    put(text, "}, output: {i%u", last);
    put(text, ": \"${{ satellites.i%u.output }}\"", last);
    buffer_text(text, s->given == GIVEN_NONE ? "}" : ", of: \"${{ input.of }}\"}");
}

static void text_join(const struct plan_satellite *s, struct buffer *text)
{
    static const char *const words[] = {
        [WANT_ALL] = "",
        [WANT_DONE] = ", join: all_done",
        [WANT_ANY] = ", join: any_succeeded",
        [WANT_TWO] = ", join: {at_least: 2}",
        [WANT_FAILED] = ", join: any_failed",
    };

    buffer_text(text, words[s->join]);
    buffer_text(text, s->is_continued ? ", continue_on_error: true" : "");
    put(text, s->tolerate > 0 ? ", tolerate: %u" : "", s->tolerate);
}

static void text_needs(const struct plan_satellite *s, uint32_t number, struct buffer *text)
{
    const char *comma = "";

    if (s->is_final) {
        buffer_text(text, ", final: true");
        return;
    }
    buffer_text(text, ", needs: [");
    for (uint32_t i = 0; i < number; i++) {
        if ((s->parents >> i & 1) != 0) {
            buffer_text(text, comma);
            put(text, "s%u", i);
            comma = ", ";
        }
    }
    buffer_text(text, "]");
}

static void text_satellite(const struct plan_execution *e, uint32_t number, struct buffer *text)
{
    const struct plan_satellite *s = &e->satellites[number];

    put(text, "    - {name: s%u", number);
    text_needs(s, number, text);
    text_join(s, text);
    text_when(s, text);
    text_each(s, text);
    if (s->is_closed) {
        text_closed(s, number, text);
    }
    if (s->inner_count > 0) {
        buffer_text(text, ", satellites: [");
        for (uint32_t i = 0; i < s->inner_count; i++) {
            text_inner(s, i, text);
        }
        buffer_text(text, "]}\n");
        return;
    }
    if (s->wait != WAIT_NONE) {
        plan_wait_text(s->wait, s->wait_ms, text);
        buffer_text(text, "}\n");
        return;
    }
    buffer_text(text, ", command: [x]");
    text_policy(s->is_big, s->has_timeout, s->is_by_hand ? 0 : s->retries, text);
    put(text, s->is_by_hand ? ", retries: {limit: %u, " PLAN_FAR_TEXT "}" : "", s->retries);
    plan_batch_text(s, text);
    buffer_text(text, s->is_strict ? ", claim: strict}\n" : "}\n");
}

static void text_output(const struct plan_execution *e, struct buffer *text)
{
    if (e->output == OUTPUT_ONE) {
        put(text, "  output: \"${{ satellites.s%u.output }}\"\n", e->output_of);
    } else if (e->output == OUTPUT_STATES) {
        buffer_text(text, "  output: {");
        for (uint32_t i = 0; i < e->satellite_count; i++) {
            put(text, i == 0 ? "s%u" : ", s%u", i);
            put(text, ": \"${{ satellites.s%u.state }}\"", i);
        }
        buffer_text(text, "}\n");
    }
}

void plan_text(const struct plan_execution *e, struct buffer *text)
{
    put(text, "exosphere: v1\ncluster:\n  name: p%u/", e->project);
    put(text,
        e->is_poison                ? "poison%u\n"
        : e->crash == CRASH_REFUSED ? "c%ux\n"
                                    : "c%u\n",
        e->number);
    put(text, "  priority: %u\n", e->priority);
    if (e->key > 0) {
        put(text, "  concurrency: {key: \"k%u-${{ input.go }}\"", e->key);
        put(text, ", limit: %u}\n", e->key);
    }
    buffer_text(text, e->has_rate ? "  rate: {key: all, limit: 2, per: 1s}\n" : "");
    buffer_text(text, e->has_sla ? "  sla: 1m\n" : "");
    if (e->timeout_ms > 0) {
        put(text, "  timeout: %ums\n", e->timeout_ms);
    }
    buffer_text(text, "  defaults: {image: \"oci:x\", grace: 1s, resources: {cpu: 100m, memory: "
                      "16Mi}}\n  satellites:\n");
    for (uint32_t i = 0; i < e->satellite_count; i++) {
        text_satellite(e, i, text);
    }
    text_output(e, text);
}
