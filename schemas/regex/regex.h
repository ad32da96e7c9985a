/* regex: regular expressions of RE2's syntax, found in time linear in the text, never by
 * backtracking. What CEL's matches() means.
 *
 *   pattern --regex_new--> struct regex --regex_find(text)--> whether it stands in the text
 *                               |
 *                          regex_free
 *
 * The same pattern and text give the same answer always; no clock, I/O, log or thread. Memory is
 * the machine's, not an arena's, and at most REGEX_BYTES_MAX an expression: who makes one frees it.
 */
#ifndef EXO_REGEX_H
#define EXO_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    REGEX_PATTERN_BYTES_MAX = 1024,
    REGEX_BYTES_MAX = 1 << 20, /* of a compiled pattern and what matching keeps */
    REGEX_TEXT_BYTES = 128,
};

struct regex;

enum regex_err {
    REGEX_OK = 0,
    REGEX_ESYNTAX = -1, /* no pattern of RE2 */
    REGEX_ELIMIT = -2,  /* longer, or larger when compiled, than the limits above */
    REGEX_EMEMORY = -3,
};

/* regex_new compiles a pattern.
 *
 * pattern    borrowed for the call; UTF-8
 * ret_regex  out, given: free it with regex_free; untouched on failure
 * ret_text   out; the reason on failure, one phrase with a NUL
 *
 * Returns REGEX_OK, or why not. */
EXO_CHECKED enum regex_err regex_new(struct span pattern, struct regex **ret_regex,
                                     char ret_text[REGEX_TEXT_BYTES]);

/* regex_free takes a pattern; NULL is nothing. */
void regex_free(struct regex *regex);

/* regex_find is true when the pattern stands anywhere in the text (borrowed; UTF-8). Cost at most
 * text bytes * regex_size. */
bool regex_find(const struct regex *regex, struct span text);

/* regex_size gives the instructions of the compiled pattern, a measure of its cost. */
size_t regex_size(const struct regex *regex);

#ifdef __cplusplus
}
#endif

#endif /* EXO_REGEX_H */
