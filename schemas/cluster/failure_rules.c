#include "schemas/cluster/failure_rules.h"

#include <string.h>

#include "schemas/vocab/limits.h"

enum {
    STATUS_MAX = 255,
    STATUS_NEVER = 65, /* EX_DATAERR: what a satellite says for "never again" */
    STATUS_LATER = 75, /* EX_TEMPFAIL: and for "later" */
    PERMYRIAD_ALL = 10000,
};

#define AT(type, member) offsetof(struct type, member)

/* clang-format off */
const struct field join_fields[] = {
    {.name = "at_least", .in = FIELD_IN_ALL, .read = field_read_uint,
     .offset = AT(satellite_draft, satellite.join_count), .min = 1, .max = LIMIT_SATELLITES},
};
const size_t join_field_count = sizeof(join_fields) / sizeof(join_fields[0]);

const struct field timeouts_fields[] = {
    {.name = "queue",     .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_timeouts, queue_ns),
     .min = 1},
    {.name = "total",     .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_timeouts, total_ns),
     .min = 1},
    {.name = "heartbeat", .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(satellite_timeouts, heartbeat_ns),
     .min = 1},
};
const size_t timeouts_field_count = sizeof(timeouts_fields) / sizeof(timeouts_fields[0]);
/* clang-format on */

static void read_at_least(struct field_reader *r, const struct value *value,
                          const struct value_place *place, struct satellite_draft *draft)
{
    uint32_t errors = r->faults->error_count;

    (void)field_read_map(r, join_fields, join_field_count, FIELD_IN_ALL, value, place, draft);
    if (value->count == 0) {
        field_fault(r, value, place, "write join: {at_least: 2}", "`join` is empty");
    }
    if (r->faults->error_count == errors) {
        draft->satellite.join = JOIN_AT_LEAST;
    }
}

void failure_read_join(struct field_reader *r, const struct field *field, const struct value *value,
                       const struct value_place *place, void *target)
{
    static const char hint[] =
        "write one of: all_succeeded, all_done, any_succeeded, any_failed, {at_least: N}";
    struct satellite_draft *draft = (void *)((char *)target + field->offset);

    draft->notes.join = value;
    if (value->kind == VALUE_MAP) {
        read_at_least(r, value, place, draft);
        return;
    }
    if (value->kind != VALUE_STRING) {
        field_fault(r, value, place, hint, "`join` must be a string or a map, not %s",
                    field_kind_words(value->kind));
        return;
    }
    for (unsigned i = 0; i < JOIN_NR; i++) {
        if (i != JOIN_AT_LEAST && span_is(value_text(value), satellite_join_words[i])) {
            draft->satellite.join = (enum satellite_join)i;
            return;
        }
    }
    if (span_is(value_text(value), satellite_join_words[JOIN_AT_LEAST])) {
        field_fault(r, value, place, "write join: {at_least: 2}",
                    "`join: at_least` does not say how many");
        return;
    }
    field_fault(r, value, place, hint, "%q is no value of `join`", value_text(value));
}

/* A part of a hundred with up to two decimals and its sign, such as 5% or 0.25%, in 1/10,000. */
static bool parse_percent(struct span text, uint32_t *ret_permyriad)
{
    const char *at = text.data;
    const char *end = at + text.bytes;
    uint32_t permyriad = 0;
    uint32_t decimals = 0;
    bool is_behind_point = false;
    bool has_digit = false;

    if (text.bytes < 2 || *--end != '%') {
        return false;
    }
    for (; at < end; at++) {
        if (*at == '.' && has_digit && !is_behind_point) {
            is_behind_point = true;
            has_digit = false;
            continue;
        }
        if (*at < '0' || *at > '9' || permyriad > PERMYRIAD_ALL || decimals == 2) {
            return false;
        }
        permyriad = permyriad * 10 + (uint32_t)(*at - '0');
        decimals += is_behind_point ? 1 : 0;
        has_digit = true;
    }
    for (; decimals < 2; decimals++) {
        permyriad *= 10;
    }
    *ret_permyriad = permyriad;
    return has_digit && permyriad <= PERMYRIAD_ALL;
}

void failure_add_percent(struct fault_text *text, uint32_t permyriad)
{
    unsigned rest = permyriad % 100;

    fault_text_add(text, "%u", (unsigned)(permyriad / 100));
    if (rest > 0) {
        fault_text_add(text, ".%u", rest / 10);
    }
    if (rest % 10 > 0) {
        fault_text_add(text, "%u", rest % 10);
    }
    fault_text_add(text, "%%");
}

void failure_read_tolerance(struct field_reader *r, const struct field *field,
                            const struct value *value, const struct value_place *place,
                            void *target)
{
    static const char hint[] = "write how many tasks may fail, such as 3, or a part, such as 5%";
    struct satellite_tolerance *tolerance = (void *)((char *)target + field->offset);
    uint32_t permyriad = 0;

    if (value->kind == VALUE_INT && value->integer >= 0 && value->integer <= LIMIT_TASKS) {
        *tolerance = (struct satellite_tolerance){.count = (uint32_t)value->integer};
    } else if (value->kind == VALUE_INT) {
        field_fault(r, value, place, hint, "`tolerate` must be between 0 and %u",
                    (unsigned)LIMIT_TASKS);
    } else if (value->kind == VALUE_STRING && parse_percent(value_text(value), &permyriad)) {
        *tolerance = (struct satellite_tolerance){.permyriad = permyriad};
    } else if (value->kind == VALUE_STRING) {
        field_fault(r, value, place, hint,
                    "%q is no part of a hundred with at most two decimals, from 0%% to 100%%",
                    value_text(value));
    } else {
        field_fault(r, value, place, hint, "`tolerate` must be an int or a string, not %s",
                    field_kind_words(value->kind));
    }
}

void failure_read_timeouts(struct field_reader *r, const struct field *field,
                           const struct value *value, const struct value_place *place, void *target)
{
    (void)field_read_map(r, timeouts_fields, timeouts_field_count, FIELD_IN_ALL, value, place,
                         (char *)target + field->offset);
}

/* Marks the status an item names, or adds a fault. other: the status that always means the
 * contrary. */
static void read_status(struct field_reader *r, const struct value *item,
                        const struct value_place *place, int64_t other, bool *is_listed)
{
    if (!field_is_kind(r, item, place, VALUE_INT)) {
        return;
    }
    if (item->integer == 0) {
        field_fault(r, item, place, "name statuses from 1 to 255",
                    "the exit status 0 is success and is never tried again");
    } else if (item->integer < 0 || item->integer > STATUS_MAX) {
        field_fault(r, item, place, "name statuses from 1 to 255",
                    "an exit status lies between 1 and %u", (unsigned)STATUS_MAX);
    } else if (item->integer == other) {
        field_fault(r, item, place, "take it out",
                    other == STATUS_NEVER ? "the exit status %u always means never again"
                                          : "the exit status %u always means later",
                    (unsigned)other);
    } else if (is_listed[item->integer]) {
        field_fault(r, item, place, "name it once", "the exit status %u stands twice",
                    (unsigned)item->integer);
    } else {
        is_listed[item->integer] = true;
    }
}

/* Returns the statuses ascending, or NULL after a fault. */
static const uint8_t *read_statuses(struct field_reader *r, const struct value *value,
                                    const struct value_place *place, int64_t other,
                                    uint32_t *ret_count)
{
    bool is_listed[STATUS_MAX + 1] = {false};
    uint32_t errors = r->faults->error_count;
    uint32_t count = 0;

    if (!field_is_kind(r, value, place, VALUE_LIST)) {
        return NULL;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct value_place inner = {.up = place, .index = i};

        read_status(r, &value->items[i], &inner, other, is_listed);
    }
    uint8_t *statuses = field_alloc(r, value->count, sizeof(*statuses));

    if (statuses == NULL || r->faults->error_count != errors) {
        return NULL;
    }
    for (unsigned i = 1; i <= STATUS_MAX; i++) {
        if (is_listed[i]) {
            statuses[count++] = (uint8_t)i;
        }
    }
    *ret_count = count;
    return statuses;
}

void failure_read_never(struct field_reader *r, const struct field *field,
                        const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_retries *retries = (void *)((char *)target + field->offset);
    uint32_t count = 0;
    const uint8_t *statuses = read_statuses(r, value, place, STATUS_LATER, &count);

    if (statuses != NULL) {
        retries->never = statuses;
        retries->never_count = count;
    }
}

void failure_read_later(struct field_reader *r, const struct field *field,
                        const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_retries *retries = (void *)((char *)target + field->offset);
    uint32_t count = 0;
    const uint8_t *statuses = read_statuses(r, value, place, STATUS_NEVER, &count);

    if (statuses != NULL) {
        retries->later = statuses;
        retries->later_count = count;
    }
}

void failure_check_statuses(struct field_reader *r, const struct satellite_retries *retries,
                            const struct value *value, const struct value_place *place)
{
    const char *name = value_get(value, span_of("later")) != NULL ? "later" : "never";
    const struct value *at = value_get(value, span_of(name));
    const struct value_place inner = {.up = place, .key = span_of(name)};

    if (at == NULL) {
        return; /* told of where the two came together */
    }
    for (uint32_t i = 0; i < retries->later_count; i++) {
        if (retries->never_count > 0 &&
            memchr(retries->never, retries->later[i], retries->never_count) != NULL) {
            field_fault(r, at, &inner, "keep it in one of the two",
                        "the exit status %u stands in `never` and in `later`",
                        (unsigned)retries->later[i]);
        }
    }
}

void failure_check_join(struct cluster_draft *draft, uint32_t index)
{
    const struct satellite *satellite = &draft->satellites[index];
    const struct satellite_notes *notes = &draft->notes[index];
    const struct value_place place = {.up = &notes->place, .key = span_of("join")};

    if (satellite->join == JOIN_ALL_SUCCEEDED || satellite->join == JOIN_ALL_DONE) {
        return;
    }
    if (satellite->parent_count == 0) {
        field_fault(&draft->reader, notes->join, &place, "name satellites in `needs`",
                    "the satellite comes after none, so the join can never be met");
    } else if (satellite->join == JOIN_AT_LEAST &&
               satellite->join_count > satellite->parent_count) {
        field_fault(&draft->reader, notes->join, &place,
                    "ask for fewer, or name more satellites in `needs`",
                    "`at_least` asks for %u, but the satellite comes after %u",
                    (unsigned)satellite->join_count, (unsigned)satellite->parent_count);
    }
}
