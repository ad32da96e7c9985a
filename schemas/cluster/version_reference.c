#include "schemas/cluster/version_reference.h"

#include <assert.h>
#include <string.h>

static const char satellite_prefix[] = "satellite/";
static const char cluster_prefix[] = "cluster/";

const char *version_kind_name(enum version_kind kind)
{
    assert(kind < VERSION_KIND_NR);
    return kind == VERSION_CLUSTER ? "cluster" : kind == VERSION_PROJECT ? "project" : "satellite";
}

bool version_name_is_good(struct span name)
{
    const char *c = name.data;

    if (name.bytes == 0 || name.bytes > LIMIT_NAME_BYTES || c[0] < 'a' || c[0] > 'z') {
        return false;
    }
    for (size_t i = 1; i < name.bytes; i++) {
        bool is_letter = c[i] >= 'a' && c[i] <= 'z';

        if (!is_letter && (c[i] < '0' || c[i] > '9') && c[i] != '_' && c[i] != '-') {
            return false;
        }
    }
    return true;
}

bool version_number_parse(struct span text, uint32_t *ret_number)
{
    const char *c = text.data;
    uint32_t number = 0;

    if (span_is(text, "latest")) {
        *ret_number = 0;
        return true;
    }
    if (text.bytes == 0 || text.bytes > 10 || c[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (c[i] < '0' || c[i] > '9' || number > VERSION_NUMBER_MAX / 10) {
            return false;
        }
        number = number * 10 + (uint32_t)(c[i] - '0');
    }
    if (number > VERSION_NUMBER_MAX) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* Cuts what stands before the mark off *text; false when there is no mark. */
static bool cut(struct span *text, char mark, struct span *ret_before)
{
    const char *begin = text->data;
    const char *at = text->bytes == 0 ? NULL : memchr(begin, mark, text->bytes);

    if (at == NULL) {
        return false;
    }
    size_t bytes = (size_t)(at - begin);

    *ret_before = (struct span){begin, bytes};
    *text = (struct span){at + 1, text->bytes - bytes - 1};
    return true;
}

const char *version_reference_parse(enum version_kind kind, struct span text, struct span project,
                                    struct version_reference *ret)
{
    struct version_reference found = {.kind = kind, .project = project};
    size_t prefix = sizeof(satellite_prefix) - 1;

    if (kind == VERSION_SATELLITE) {
        if (version_uses_kind(text) != VERSION_SATELLITE) {
            return "write satellite/PROJECT/NAME or satellite/PROJECT/NAME@VERSION";
        }
        text = (struct span){(const char *)text.data + prefix, text.bytes - prefix};
    }
    struct span named = text;

    if (cut(&named, '@', &found.name)) {
        if (!version_number_parse(named, &found.number)) {
            return "after @ stands a version: a whole number from 1 on, or latest";
        }
        text = found.name;
    }
    (void)cut(&text, '/', &found.project);
    found.name = text;
    if (found.project.bytes == 0) {
        return "the project is missing: write PROJECT/NAME";
    }
    if (!version_name_is_good(found.project) || !version_name_is_good(found.name)) {
        return "project and name have a-z, 0-9, _ and -, begin with a letter and have at most 63 "
               "bytes";
    }
    *ret = found;
    return NULL;
}

static bool begins_with(struct span text, const char *prefix)
{
    size_t bytes = strlen(prefix);

    return text.bytes >= bytes && memcmp(text.data, prefix, bytes) == 0;
}

enum version_kind version_uses_kind(struct span text)
{
    return begins_with(text, satellite_prefix) ? VERSION_SATELLITE
           : begins_with(text, cluster_prefix) ? VERSION_CLUSTER
                                               : VERSION_KIND_NR;
}

const char *version_uses_parse(struct span text, struct version_reference *ret)
{
    size_t prefix = sizeof(cluster_prefix) - 1;

    switch (version_uses_kind(text)) {
    case VERSION_SATELLITE:
        return version_reference_parse(VERSION_SATELLITE, text, (struct span){NULL, 0}, ret);
    case VERSION_CLUSTER:
        return version_reference_parse(
            VERSION_CLUSTER, (struct span){(const char *)text.data + prefix, text.bytes - prefix},
            (struct span){NULL, 0}, ret);
    case VERSION_PROJECT:
    case VERSION_KIND_NR:
        break;
    }
    return "write satellite/PROJECT/NAME, cluster/PROJECT/NAME, or one of them with @VERSION";
}

static void add(char *text, size_t *used, struct span part)
{
    assert(*used + part.bytes < VERSION_REFERENCE_BYTES);
    if (part.bytes > 0) {
        memcpy(text + *used, part.data, part.bytes);
    }
    *used += part.bytes;
    text[*used] = '\0';
}

static void format(const struct version_reference *reference, const char *prefix,
                   char ret_text[VERSION_REFERENCE_BYTES])
{
    char digits[12];
    size_t at = sizeof(digits);
    size_t used = 0;

    for (uint32_t n = reference->number; n > 0; n /= 10) {
        digits[--at] = (char)('0' + n % 10);
    }
    if (at < sizeof(digits)) {
        digits[--at] = '@';
    }
    add(ret_text, &used, span_of(prefix));
    add(ret_text, &used, reference->project);
    add(ret_text, &used, span_of("/"));
    add(ret_text, &used, reference->name);
    add(ret_text, &used, (struct span){digits + at, sizeof(digits) - at});
}

void version_reference_format(const struct version_reference *reference,
                              char ret_text[VERSION_REFERENCE_BYTES])
{
    format(reference, reference->kind == VERSION_SATELLITE ? satellite_prefix : "", ret_text);
}

void version_uses_format(const struct version_reference *reference,
                         char ret_text[VERSION_REFERENCE_BYTES])
{
    format(reference, reference->kind == VERSION_SATELLITE ? satellite_prefix : cluster_prefix,
           ret_text);
}
