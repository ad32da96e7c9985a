#include "schemas/expression/patterns.h"

static enum expression_err fail(struct expression_error *error, enum regex_err reason,
                                const char *text)
{
    switch (reason) {
    case REGEX_ELIMIT:
        return expression_error_set(error, EXPRESSION_ELIMIT, "matches(): ", text);
    case REGEX_EMEMORY:
        return expression_error_set(error, EXPRESSION_EMEMORY, "matches(): ", text);
    case REGEX_OK:
    case REGEX_ESYNTAX:
        break;
    }
    return expression_error_set(error, EXPRESSION_EVALUE, "no pattern of RE2: ", text);
}

const struct regex *patterns_find(const struct patterns *patterns, struct span text)
{
    for (uint32_t i = 0; i < PATTERNS_KEPT; i++) {
        if (patterns->kept[i].regex != NULL && span_equal(patterns->kept[i].text, text)) {
            return patterns->kept[i].regex;
        }
    }
    return NULL;
}

enum expression_err patterns_make(struct patterns *patterns, struct span text,
                                  const struct regex **ret_regex, struct expression_error *error)
{
    struct regex *made;
    char reason[REGEX_TEXT_BYTES];
    enum regex_err err = regex_new(text, &made, reason);

    if (err != REGEX_OK) {
        return fail(error, err, reason);
    }
    uint32_t at = patterns->next;

    patterns->next = (at + 1) % PATTERNS_KEPT;
    regex_free(patterns->kept[at].regex);
    patterns->kept[at].regex = made;
    patterns->kept[at].text = text;
    *ret_regex = made;
    return EXPRESSION_OK;
}

void patterns_release(struct patterns *patterns)
{
    for (uint32_t i = 0; i < PATTERNS_KEPT; i++) {
        regex_free(patterns->kept[i].regex);
        patterns->kept[i].regex = NULL;
    }
}
