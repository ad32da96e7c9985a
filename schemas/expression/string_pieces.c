/* string_pieces: replace and split, which walk over the places of one string in another. */
#include "schemas/expression/string_functions.h"

#include <string.h>

#include "schemas/json/utf8.h"

/* The places of part in a string from left to right, not overlapping. The empty part stands before
 * each character and at the end. */
struct places {
    const char *at; /* from where to look */
    const char *end;
    struct span part;
    uint64_t left; /* at most so many more */
    bool is_first;
};

static struct places places_of(const struct value *string, const struct value *part, uint64_t limit)
{
    const char *at = string->count == 0 ? "" : string->text;

    return (struct places){.at = at,
                           .end = at + string->count,
                           .part = value_text(part),
                           .left = limit,
                           .is_first = true};
}

/* Returns where the next one begins, or NULL when there is none. */
static const char *next_place(struct places *places)
{
    const char *found = places->at;

    if (places->left == 0) {
        return NULL;
    }
    if (places->part.bytes == 1) {
        found = memchr(places->at, *(const unsigned char *)places->part.data,
                       (size_t)(places->end - places->at));
    } else if (places->part.bytes > 1) {
        found = memmem(places->at, (size_t)(places->end - places->at), places->part.data,
                       places->part.bytes);
    } else if (!places->is_first) {
        size_t rest = (size_t)(places->end - places->at);

        found =
            rest == 0 ? NULL : places->at + utf8_sequence((const unsigned char *)places->at, rest);
    }
    places->is_first = false;
    if (found != NULL) {
        places->at = found + places->part.bytes;
        places->left--;
    }
    return found;
}

static uint64_t limit_of(const struct value *limit)
{
    return limit->integer < 0 ? UINT64_MAX : (uint64_t)limit->integer;
}

static char *put(char *to, const char *from, size_t bytes)
{
    if (bytes > 0) {
        memcpy(to, from, bytes);
    }
    return to + bytes;
}

enum expression_err string_replace(struct evaluation *e, const struct value *arguments,
                                   uint32_t count, struct value *ret_value)
{
    const struct value *by = &arguments[2];
    uint64_t limit = count > 3 ? limit_of(&arguments[3]) : UINT64_MAX;
    struct places places = places_of(&arguments[0], &arguments[1], limit);
    const char *from = places.at;
    uint64_t nr = 0;
    void *made;
    enum expression_err err = evaluation_charge(e, arguments[0].count / EVALUATION_COST_BYTES);

    for (; err == EXPRESSION_OK && next_place(&places) != NULL; nr++) {
        err = evaluation_charge(e, 1);
    }
    uint64_t bytes = arguments[0].count + nr * by->count - nr * arguments[1].count;

    if (err == EXPRESSION_OK) {
        err = evaluation_make(e, bytes, &made);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    char *to = made;

    places = places_of(&arguments[0], &arguments[1], limit);
    for (const char *found = next_place(&places); found != NULL; found = next_place(&places)) {
        to = put(to, from, (size_t)(found - from));
        to = put(to, by->text, by->count);
        from = found + arguments[1].count;
    }
    (void)put(to, from, (size_t)(places.end - from)); /* its end is not needed */
    *ret_value = value_string((struct span){made, bytes});
    return EXPRESSION_OK;
}

/* An empty part cuts between the characters, not before the first nor behind the last. */
static struct places cuts_of(const struct value *arguments, uint64_t limit)
{
    struct places places = places_of(&arguments[0], &arguments[1], limit - 1);

    places.is_first = places.part.bytes > 0;
    return places;
}

static const char *next_cut(struct places *places)
{
    const char *found = next_place(places);

    return found == places->end && places->part.bytes == 0 ? NULL : found;
}

enum expression_err string_split(struct evaluation *e, const struct value *arguments,
                                 uint32_t count, struct value *ret_value)
{
    uint64_t limit = count > 2 ? limit_of(&arguments[2]) : UINT64_MAX;
    bool is_empty = limit == 0 || (arguments[0].count == 0 && arguments[1].count == 0);
    struct places cuts = cuts_of(arguments, limit == 0 ? 1 : limit);
    const char *from = cuts.at;
    uint64_t nr = !is_empty;
    void *made;
    enum expression_err err = evaluation_charge(e, arguments[0].count / EVALUATION_COST_BYTES);

    for (; !is_empty && err == EXPRESSION_OK && next_cut(&cuts) != NULL; nr++) {
        err = evaluation_charge(e, 1);
    }
    if (err == EXPRESSION_OK) {
        err = evaluation_make(e, nr * sizeof(struct value), &made);
    }
    if (err != EXPRESSION_OK) {
        return err;
    }
    struct value *items = made;

    cuts = cuts_of(arguments, limit == 0 ? 1 : limit);
    for (uint64_t i = 0; i < nr; i++) {
        const char *found = i + 1 == nr ? cuts.end : next_cut(&cuts);

        items[i] = value_string((struct span){from, (size_t)(found - from)});
        from = found + arguments[1].count;
    }
    *ret_value = (struct value){.kind = VALUE_LIST, .count = (uint32_t)nr, .items = items};
    return EXPRESSION_OK;
}
