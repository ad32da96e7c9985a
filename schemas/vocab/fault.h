/* fault: what is wrong with a text that a person wrote, all of it at once.
 *
 * Pure: faults live in a given arena. Used for cluster files, settings and request bodies. */
#ifndef EXO_VOCAB_FAULT_H
#define EXO_VOCAB_FAULT_H

#include <stdint.h>

#include "schemas/vocab/arena.h"

struct fault {
    struct fault *next;
    bool is_warning;  /* said, but refuses nothing */
    uint32_t line;    /* from 1; 0 when the place has none */
    uint32_t column;  /* from 1, in bytes */
    const char *path; /* such as cluster.satellites[2].for_each; never NULL */
    const char *text; /* what is wrong, one sentence; never NULL */
    const char *hint; /* what to do; "" when the text says it */
};

struct fault_list {
    struct arena *arena; /* kept */
    struct fault *first;
    struct fault *last;
    uint32_t error_count; /* without warnings; counts also those not kept */
    uint32_t kept_count;
    uint32_t limit; /* kept at most; further ones are only counted */
};

/* fault_list_init makes an empty list over an arena (kept); limit 0 means 100. */
void fault_list_init(struct fault_list *list, struct arena *arena, uint32_t limit);

/* fault_add appends a copy of a fault (its strings are copied into the arena).
 * Counts it even where the arena or the limit is full. */
void fault_add(struct fault_list *list, const struct fault *fault);

/* fault_list_sort puts faults into the order of the text: checks run in the order of their kind,
 * people read in the order of the file.
 * last  faults up to it stay where they are; NULL: none */
void fault_list_sort(struct fault_list *list, struct fault *last);

/* nearest_name finds the name that a misspelt word most likely meant.
 * names  count C strings, borrowed
 * Returns one of names with edit distance at most 2 (and less than the word's length), or NULL. */
const char *nearest_name(struct span word, const char *const *names, size_t count);

#endif /* EXO_VOCAB_FAULT_H */
