#include "infra/blob/s3_answer.h"

#include <stdio.h>
#include <string.h>

enum { TAG_BYTES = 64 };

/* The character an entity stands for, and how long it is; 0 for another. */
static char entity(const char *at, size_t left, size_t *ret_bytes)
{
    static const struct {
        const char *text;
        char character;
    } entities[] = {
        {"&amp;", '&'},  {"&lt;", '<'},    {"&gt;", '>'},
        {"&quot;", '"'}, {"&apos;", '\''}, {"&#34;", '"'},
    };

    for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
        size_t bytes = strlen(entities[i].text);

        if (left >= bytes && memcmp(at, entities[i].text, bytes) == 0) {
            *ret_bytes = bytes;
            return entities[i].character;
        }
    }
    return '\0';
}

static bool copy_text(const char *text, size_t bytes, char *ret_text, size_t capacity)
{
    char made[1024];
    size_t count = 0;

    for (size_t at = 0; at < bytes;) {
        size_t taken = 1;
        char c = text[at];

        if (c == '&') {
            c = entity(text + at, bytes - at, &taken);
        }
        if (c == '\0' || (c == '<' && taken == 1) || count + 1 >= sizeof(made)) {
            return false;
        }
        made[count++] = c;
        at += taken;
    }
    if (count == 0 || count >= capacity) {
        return false;
    }
    memcpy(ret_text, made, count);
    ret_text[count] = '\0';
    return true;
}

bool s3_answer_element(struct span body, const char *name, char *ret_text, size_t capacity)
{
    char open[TAG_BYTES], close[TAG_BYTES];
    size_t open_bytes = (size_t)snprintf(open, sizeof(open), "<%s>", name);
    size_t close_bytes = (size_t)snprintf(close, sizeof(close), "</%s>", name);

    if (body.bytes == 0 || close_bytes >= sizeof(close)) {
        return false;
    }
    const char *begin = memmem(body.data, body.bytes, open, open_bytes);

    if (begin == NULL) {
        return false;
    }
    begin += open_bytes;
    size_t left = body.bytes - (size_t)(begin - (const char *)body.data);
    const char *end = memmem(begin, left, close, close_bytes);

    return end != NULL && copy_text(begin, (size_t)(end - begin), ret_text, capacity);
}
