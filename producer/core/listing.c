#include "producer/core/listing.h"

#include "producer/core/task_path.h"
#include "schemas/vocab/timestamp.h"

static const char *const names[] = {"project",         "cluster",          "state",  "label",
                                    "submitted_after", "submitted_before", "cursor", "limit"};
static const char *const task_names[] = {"satellite", "run", "state", "cursor", "limit"};
enum {
    NAMES = sizeof(names) / sizeof(names[0]),
    TASK_NAMES = sizeof(task_names) / sizeof(task_names[0]),
};

static void refuse(struct fault_list *faults, const char *name, const char *text, const char *hint)
{
    const struct fault fault = {.path = name, .text = text, .hint = hint};

    fault_add(faults, &fault);
}

static void refuse_name(struct fault_list *faults, const char *name, const char *const *known,
                        size_t count)
{
    const char *nearest = nearest_name(span_of(name), known, count);
    char hint[64] = "leave it out";

    if (nearest != NULL) {
        size_t bytes = strlen(nearest);

        memcpy(hint, "did you mean ", 13);
        memcpy(hint + 13, nearest, bytes); /* our own names are short */
        memcpy(hint + 13 + bytes, "?", 2);
    }
    refuse(faults, name, "no such field of this query", hint);
}

bool limit_parse(struct span text, uint32_t *ret)
{
    uint32_t limit;

    if (!task_number_parse(text, &limit) || limit < 1 || limit > LISTING_LIMIT_MAX) {
        return false;
    }
    *ret = limit;
    return true;
}

static void take_limit(struct span value, uint32_t *limit, struct fault_list *faults)
{
    if (!limit_parse(value, limit)) {
        refuse(faults, "limit", "it is a number from 1 to 1000", "");
    }
}

static void put_hex(char *to, uint64_t number, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = "0123456789abcdef"[number & 15];
        number >>= 4;
    }
}

static bool take_hex(const char *from, int digits, uint64_t *ret)
{
    uint64_t number = 0;

    for (int i = 0; i < digits; i++) {
        char c = from[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *ret = number;
    return true;
}

void listing_cursor(const struct execution_id *id, exo_time submitted_ns,
                    char ret_text[LISTING_CURSOR_BYTES])
{
    put_hex(ret_text, (uint64_t)submitted_ns, 16);
    for (int i = 0; i < EXECUTION_ID_BYTES; i++) {
        put_hex(ret_text + 16 + 2 * i, id->bytes[i], 2);
    }
    ret_text[LISTING_CURSOR_BYTES - 1] = '\0';
}

static bool cursor_parse(struct span text, struct listing *listing)
{
    uint64_t number;
    struct execution_id id;
    uint64_t ns;

    if (text.bytes != LISTING_CURSOR_BYTES - 1 || !take_hex(text.data, 16, &ns) || ns > INT64_MAX ||
        ns == 0) {
        return false;
    }
    for (int i = 0; i < EXECUTION_ID_BYTES; i++) {
        if (!take_hex((const char *)text.data + 16 + 2 * i, 2, &number)) {
            return false;
        }
        id.bytes[i] = (uint8_t)number;
    }
    listing->cursor = id;
    listing->cursor_ns = (exo_time)ns;
    return true;
}

void listing_init(struct listing *listing)
{
    *listing = (struct listing){.limit = LISTING_LIMIT_DEFAULT};
}

static void take_label(struct listing *listing, struct span value, struct fault_list *faults)
{
    const char *sign = value.bytes == 0 ? NULL : memchr(value.data, '=', value.bytes);

    if (sign == NULL || sign == value.data) {
        refuse(faults, "label", "it is a key and a value", "write label=KEY%3DVALUE");
        return;
    }
    if (listing->label_key.bytes > 0) {
        refuse(faults, "label", "one label can be asked for", "leave the others out");
        return;
    }
    listing->label_key = (struct span){value.data, (size_t)(sign - (const char *)value.data)};
    listing->label_value = (struct span){sign + 1, value.bytes - listing->label_key.bytes - 1};
}

/* A name alone would never be found. */
static void take_cluster(struct listing *listing, struct span value, struct fault_list *faults)
{
    if (value.bytes == 0 || memchr(value.data, '/', value.bytes) == NULL) {
        refuse(faults, "cluster", "it names no project", "write cluster=PROJECT/NAME");
        return;
    }
    listing->cluster = value;
}

static void take_time(const char *name, struct span value, exo_time *ret, struct fault_list *faults)
{
    if (!timestamp_parse(value, ret)) {
        refuse(faults, name, "it is no time", "write 2026-01-31T12:00:00Z");
    }
}

void listing_set(struct listing *listing, const char *name, struct span value,
                 struct fault_list *faults)
{
    enum execution_state state;

    if (strcmp(name, "project") == 0) {
        listing->project = value;
    } else if (strcmp(name, "cluster") == 0) {
        take_cluster(listing, value, faults);
    } else if (strcmp(name, "state") == 0) {
        listing->state = value;
        if (!execution_state_parse(value, &state)) {
            refuse(
                faults, name, "there is no such state of executions",
                "QUEUED, RUNNING, PAUSED, CANCELLING, SUCCEEDED, FAILED, CANCELLED or TIMED_OUT");
        }
    } else if (strcmp(name, "label") == 0) {
        take_label(listing, value, faults);
    } else if (strcmp(name, "submitted_after") == 0) {
        take_time(name, value, &listing->after_ns, faults);
    } else if (strcmp(name, "submitted_before") == 0) {
        take_time(name, value, &listing->before_ns, faults);
    } else if (strcmp(name, "limit") == 0) {
        take_limit(value, &listing->limit, faults);
    } else if (strcmp(name, "cursor") != 0) {
        refuse_name(faults, name, names, NAMES);
    } else if (!cursor_parse(value, listing)) {
        refuse(faults, name, "it is none of ours", "take it from next_cursor of the page before");
    }
}

void task_listing_init(struct task_listing *listing)
{
    *listing = (struct task_listing){.limit = LISTING_LIMIT_DEFAULT};
}

void task_listing_cursor(uint32_t instance, uint32_t index, char ret_text[TASK_CURSOR_BYTES])
{
    size_t bytes = task_number_format(instance, ret_text);

    ret_text[bytes++] = '.';
    bytes += task_number_format(index, ret_text + bytes);
    ret_text[bytes] = '\0';
}

static bool task_cursor_parse(struct span text, struct task_listing *listing)
{
    const char *dot = text.bytes == 0 ? NULL : memchr(text.data, '.', text.bytes);
    uint32_t instance;
    uint32_t index;

    if (dot == NULL) {
        return false;
    }
    struct span first = {text.data, (size_t)(dot - (const char *)text.data)};

    if (!task_number_parse(first, &instance) ||
        !task_number_parse((struct span){dot + 1, text.bytes - first.bytes - 1}, &index)) {
        return false;
    }
    listing->instance = instance;
    listing->index = index;
    return true;
}

void task_listing_set(struct task_listing *listing, const char *name, struct span value,
                      struct fault_list *faults)
{
    if (strcmp(name, "satellite") == 0 || strcmp(name, "run") == 0) {
        *(name[0] == 's' ? &listing->satellite : &listing->run) = value;
        if (listing->satellite.bytes > 0 && listing->run.bytes > 0) {
            refuse(faults, name, "`satellite` and `run` cannot both be asked for",
                   "satellite=page.3.parse names a satellite within a run");
        }
    } else if (strcmp(name, "state") == 0) {
        listing->has_state = task_state_parse(value, &listing->state);
        if (!listing->has_state) {
            refuse(faults, name, "there is no such state of tasks",
                   "WAITING, READY, DISPATCHED, RUNNING, BACKOFF, SUCCEEDED, FAILED, "
                   "UPSTREAM_FAILED, SKIPPED, CANCELLED or TIMED_OUT");
        }
    } else if (strcmp(name, "limit") == 0) {
        take_limit(value, &listing->limit, faults);
    } else if (strcmp(name, "cursor") != 0) {
        refuse_name(faults, name, task_names, TASK_NAMES);
    } else if (!task_cursor_parse(value, listing)) {
        refuse(faults, name, "it is none of ours", "take it from next_cursor of the page before");
    }
}
