#include "schemas/vocab/fault.h"

#include <string.h>

enum { FAULTS_DEFAULT = 100, WORD_BYTES_MAX = 64, DISTANCE_MAX = 2 };

void fault_list_init(struct fault_list *list, struct arena *arena, uint32_t limit)
{
    *list = (struct fault_list){.arena = arena, .limit = limit == 0 ? FAULTS_DEFAULT : limit};
}

static const char *copy_text(struct arena *arena, const char *text)
{
    struct span copy = arena_copy(arena, span_of(text));

    return copy.data == NULL ? "" : copy.data;
}

void fault_add(struct fault_list *list, const struct fault *fault)
{
    if (!fault->is_warning) {
        list->error_count++;
    }
    if (list->kept_count == list->limit) {
        return;
    }
    struct fault *copy = arena_alloc(list->arena, sizeof(*copy));

    if (copy == NULL) {
        return;
    }
    *copy = *fault;
    copy->next = NULL;
    copy->path = copy_text(list->arena, fault->path);
    copy->text = copy_text(list->arena, fault->text);
    copy->hint = copy_text(list->arena, fault->hint == NULL ? "" : fault->hint);
    if (list->last == NULL) {
        list->first = copy;
    } else {
        list->last->next = copy;
    }
    list->last = copy;
    list->kept_count++;
}

/* Optimal string alignment: insert, delete, replace and swap of neighbours each cost 1. */
static size_t edit_distance(struct span a, struct span b)
{
    size_t rows[3][WORD_BYTES_MAX + 1];
    const char *x = a.data;
    const char *y = b.data;

    for (size_t j = 0; j <= b.bytes; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.bytes; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.bytes; j++) {
            size_t best = above[j - 1] + (x[i - 1] != y[j - 1]);

            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1] &&
                above2[j - 2] + 1 < best) {
                best = above2[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[a.bytes % 3][b.bytes];
}

const char *nearest_name(struct span word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t nearest_distance = DISTANCE_MAX + 1;

    if (word.bytes == 0 || word.bytes > WORD_BYTES_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        struct span name = span_of(names[i]);

        if (name.bytes > WORD_BYTES_MAX) {
            continue;
        }
        size_t distance = edit_distance(word, name);

        if (distance < nearest_distance && distance < word.bytes) {
            nearest = names[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

static bool is_before(const struct fault *a, const struct fault *b)
{
    return a->line < b->line || (a->line == b->line && a->column < b->column);
}

/* An insertion: the list is short. */
void fault_list_sort(struct fault_list *list, struct fault *last)
{
    struct fault **begin = last == NULL ? &list->first : &last->next;
    struct fault *rest = *begin;

    *begin = NULL;
    while (rest != NULL) {
        struct fault *fault = rest;
        struct fault **at = begin;

        rest = rest->next;
        while (*at != NULL && !is_before(fault, *at)) {
            at = &(*at)->next;
        }
        fault->next = *at;
        *at = fault;
        if (fault->next == NULL) {
            list->last = fault;
        }
    }
}
