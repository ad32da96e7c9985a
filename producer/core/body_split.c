#include "producer/core/body_split.h"

struct scanner {
    const char *at;
    const char *end;
};

static void skip_blanks(struct scanner *s)
{
    while (s->at < s->end &&
           (*s->at == ' ' || *s->at == '\n' || *s->at == '\r' || *s->at == '\t')) {
        s->at++;
    }
}

/* Stands on the opening quote; ends behind the closing one. Most strings hold no backslash, and
 * many are long. */
static bool skip_string(struct scanner *s, bool *ret_has_escape)
{
    *ret_has_escape = false;
    s->at++;
    while (s->at < s->end) {
        const char *quote = memchr(s->at, '"', (size_t)(s->end - s->at));

        if (quote == NULL) {
            return false;
        }
        const char *escape = memchr(s->at, '\\', (size_t)(quote - s->at));

        if (escape == NULL) {
            s->at = quote + 1;
            return true;
        }
        *ret_has_escape = true;
        s->at = escape + 2; /* at most behind the quote that was found */
    }
    return false;
}

/* Stands on the opening bracket; ends behind its partner. */
static bool skip_brackets(struct scanner *s)
{
    uint32_t depth = 0;
    bool has_escape;

    while (s->at < s->end) {
        switch (*s->at) {
        case '"':
            if (!skip_string(s, &has_escape)) {
                return false;
            }
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            break;
        default:
            break;
        }
        s->at++;
        if (depth == 0) {
            return true;
        }
    }
    return false;
}

static bool skip_value(struct scanner *s)
{
    bool has_escape;

    if (s->at == s->end) {
        return false;
    }
    if (*s->at == '"') {
        return skip_string(s, &has_escape);
    }
    if (*s->at == '{' || *s->at == '[') {
        return skip_brackets(s);
    }
    while (s->at < s->end && *s->at != ',' && *s->at != '}' && *s->at != ']') {
        s->at++;
    }
    return true;
}

/* One "key": value; *ret_key without quotes. */
static bool take_member(struct scanner *s, struct span *ret_key, struct span *ret_value)
{
    bool has_escape;

    skip_blanks(s);
    if (s->at == s->end || *s->at != '"') {
        return false;
    }
    const char *key = s->at + 1;

    if (!skip_string(s, &has_escape) || has_escape) {
        return false;
    }
    *ret_key = (struct span){key, (size_t)(s->at - key) - 1};
    skip_blanks(s);
    if (s->at == s->end || *s->at++ != ':') {
        return false;
    }
    skip_blanks(s);
    const char *value = s->at;

    if (!skip_value(s)) {
        return false;
    }
    *ret_value = (struct span){value, (size_t)(s->at - value)};
    skip_blanks(s);
    return true;
}

bool body_member(struct span text, const char *key, struct span *ret_value)
{
    struct scanner s = {text.data, text.data == NULL ? NULL : (const char *)text.data + text.bytes};
    struct span found = {NULL, 0};
    struct span name;
    struct span value;

    skip_blanks(&s);
    if (s.at == s.end || *s.at++ != '{') {
        return false;
    }
    do {
        if (!take_member(&s, &name, &value)) {
            return false;
        }
        if (span_is(name, key)) {
            if (found.data != NULL) {
                return false;
            }
            found = value;
        }
    } while (s.at < s.end && *s.at++ == ',');
    if (found.data == NULL ||
        (*(const char *)found.data != '{' && *(const char *)found.data != '[')) {
        return false;
    }
    *ret_value = found;
    return true;
}

void body_without(struct span text, struct span value, struct buffer *buffer)
{
    const char *from = text.data;
    const char *cut = value.data;
    const char *rest = cut + value.bytes;

    buffer_append(buffer, (struct span){from, (size_t)(cut - from)});
    buffer_text(buffer, "null");
    buffer_append(buffer, (struct span){rest, (size_t)(from + text.bytes - rest)});
}
