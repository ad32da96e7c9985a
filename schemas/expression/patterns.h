/* patterns: the compiled patterns of one evaluation, so that a macro does not compile one again for
 * each item; for this folder only.
 *
 * Pure but for schemas/regex, whose memory is bounded and given back at patterns_release. */
#ifndef EXO_EXPRESSION_PATTERNS_H
#define EXO_EXPRESSION_PATTERNS_H

#include "schemas/expression/expression_error.h"
#include "schemas/regex/regex.h"
#include "schemas/vocab/checked.h"

enum {
    PATTERNS_KEPT = 4,
};

struct patterns {
    struct {
        struct regex *regex; /* owned; NULL: free */
        struct span text;    /* lives as long as the evaluation */
    } kept[PATTERNS_KEPT];
    uint32_t next; /* to be replaced */
};

/* patterns_find gives the compiled pattern when it is kept, valid until the next patterns_make;
 * else NULL. */
const struct regex *patterns_find(const struct patterns *patterns, struct span text);

/* patterns_make compiles a pattern and keeps it in place of the oldest.
 *
 * text       kept until patterns_release
 * ret_regex  out; valid until the next call; untouched on failure
 * error      out; filled on failure, without its place
 *
 * Returns EXPRESSION_OK, EVALUE for no pattern, ELIMIT or EMEMORY. */
EXO_CHECKED enum expression_err patterns_make(struct patterns *patterns, struct span text,
                                              const struct regex **ret_regex,
                                              struct expression_error *error);

/* patterns_release frees what is kept. */
void patterns_release(struct patterns *patterns);

#endif /* EXO_EXPRESSION_PATTERNS_H */
