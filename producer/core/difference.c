#include "producer/core/difference.h"

#include <assert.h>

#include "schemas/json/json_write.h"

struct walk {
    struct buffer *path;
    difference_visit *visit;
    void *context;
    uint32_t count;
};

static void compare(struct walk *w, const struct value *before, const struct value *after);

static void tell(struct walk *w, enum difference_kind kind, const struct value *before,
                 const struct value *after)
{
    struct difference difference = {.kind = kind, .before = before, .after = after};
    size_t bytes = w->path->bytes;

    buffer_append(w->path, (struct span){"", 1});
    difference.path = w->path->is_failed ? "" : (const char *)w->path->data;
    w->count++;
    w->visit(w->context, &difference);
    w->path->bytes = bytes;
}

/* What one has and the other may have. */
static void compare_part(struct walk *w, const struct value *before, const struct value *after)
{
    if (before == NULL) {
        tell(w, DIFFERENCE_ADDED, NULL, after);
    } else if (after == NULL) {
        tell(w, DIFFERENCE_REMOVED, before, NULL);
    } else {
        compare(w, before, after);
    }
}

static bool is_plain(struct span key)
{
    const unsigned char *c = key.data;

    for (size_t i = 0; i < key.bytes; i++) {
        bool is_letter = (c[i] | 0x20) >= 'a' && (c[i] | 0x20) <= 'z';

        if (!is_letter && c[i] != '_' && c[i] != '-' && (c[i] < '0' || c[i] > '9')) {
            return false;
        }
    }
    return key.bytes > 0;
}

static void push_key(struct walk *w, struct span key)
{
    if (is_plain(key)) {
        buffer_text(w->path, w->path->bytes == 0 ? "" : ".");
        buffer_append(w->path, key);
    } else {
        buffer_text(w->path, "[");
        json_append_string(w->path, key);
        buffer_text(w->path, "]");
    }
}

static void compare_maps(struct walk *w, const struct value *before, const struct value *after)
{
    size_t bytes = w->path->bytes;

    for (uint32_t i = 0; i < before->count; i++) {
        struct span key = value_text(&before->members[i].key);

        push_key(w, key);
        compare_part(w, &before->members[i].value, value_get(after, key));
        w->path->bytes = bytes;
    }
    for (uint32_t i = 0; i < after->count; i++) {
        struct span key = value_text(&after->members[i].key);

        if (value_get(before, key) == NULL) {
            push_key(w, key);
            compare_part(w, NULL, &after->members[i].value);
            w->path->bytes = bytes;
        }
    }
}

/* ---- lists ---- */

static struct span name_of(const struct value *item)
{
    const struct value *name = value_get(item, span_of("name"));

    return name == NULL || name->kind != VALUE_STRING ? (struct span){NULL, 0} : value_text(name);
}

static bool is_named(const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (name_of(&list->items[i]).bytes == 0) {
            return false;
        }
    }
    return true;
}

/* The item of a name, looked for first where the other list has it: mostly at once. */
static const struct value *find_named(const struct value *list, struct span name, uint32_t hint)
{
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t at = (uint32_t)(((uint64_t)hint + i) % list->count);

        if (span_equal(name_of(&list->items[at]), name)) {
            return &list->items[at];
        }
    }
    return NULL;
}

static void push_name(struct walk *w, struct span name)
{
    buffer_text(w->path, "[");
    buffer_append(w->path, name);
    buffer_text(w->path, "]");
}

static void compare_named(struct walk *w, const struct value *before, const struct value *after)
{
    size_t bytes = w->path->bytes;

    for (uint32_t i = 0; i < before->count; i++) {
        struct span name = name_of(&before->items[i]);

        push_name(w, name);
        compare_part(w, &before->items[i], find_named(after, name, i));
        w->path->bytes = bytes;
    }
    for (uint32_t i = 0; i < after->count; i++) {
        struct span name = name_of(&after->items[i]);

        if (find_named(before, name, i) == NULL) {
            push_name(w, name);
            compare_part(w, NULL, &after->items[i]);
            w->path->bytes = bytes;
        }
    }
}

static void compare_items(struct walk *w, const struct value *before, const struct value *after)
{
    uint32_t count = before->count > after->count ? before->count : after->count;
    size_t bytes = w->path->bytes;

    for (uint32_t i = 0; i < count; i++) {
        buffer_text(w->path, "[");
        json_append_int(w->path, i);
        buffer_text(w->path, "]");
        compare_part(w, i < before->count ? &before->items[i] : NULL,
                     i < after->count ? &after->items[i] : NULL);
        w->path->bytes = bytes;
    }
}

static void compare(struct walk *w, const struct value *before, const struct value *after)
{
    bool are_lists = before->kind == VALUE_LIST && after->kind == VALUE_LIST;

    if (before->kind == VALUE_MAP && after->kind == VALUE_MAP) {
        compare_maps(w, before, after);
    } else if (are_lists && before->count > 0 && after->count > 0 && is_named(before) &&
               is_named(after)) {
        compare_named(w, before, after);
    } else if (are_lists) {
        compare_items(w, before, after);
    } else if (!value_equal(before, after)) {
        tell(w, DIFFERENCE_CHANGED, before, after);
    }
}

uint32_t difference_walk(const struct value *before, const struct value *after, struct buffer *path,
                         difference_visit *visit, void *context)
{
    struct walk w = {.path = path, .visit = visit, .context = context};

    compare(&w, before, after);
    return w.count;
}

const char *difference_kind_name(enum difference_kind kind)
{
    static const char *const names[DIFFERENCE_NR] = {"added", "removed", "changed"};

    assert(kind < DIFFERENCE_NR);
    return names[kind];
}
