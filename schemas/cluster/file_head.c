#include "schemas/cluster/file_head.h"

#include <stdio.h>

static void check_version(struct field_reader *r, const struct value *version, const char *inner,
                          const struct value *root)
{
    const struct value_place place = {.key = span_of("exosphere")};

    if (version == NULL) {
        field_fault(r, root, &place, "begin the file with exosphere: v1", "%q is missing",
                    place.key);
    } else if (version->kind != VALUE_STRING || !span_is(value_text(version), "v1")) {
        field_fault(r, version, &place, "write exosphere: v1",
                    "this program reads version v1 of the %s file only", inner);
    }
}

const struct value *file_head_read(struct field_reader *r, const struct field *rows,
                                   const struct value *root)
{
    const char *inner = rows[FILE_HEAD_NR - 1].name;
    const struct value_place place = {.key = span_of(inner)};
    struct file_head head = {.version = NULL};
    char hint[64];

    if (!field_read_map(r, rows, FILE_HEAD_NR, FIELD_IN_ALL, root, NULL, &head)) {
        return NULL;
    }
    check_version(r, head.version, inner, root);
    if (head.inner == NULL) {
        (void)snprintf(hint, sizeof(hint), "add %s: {name: ...}", inner);
        field_fault(r, root, &place, hint, "%q is missing", place.key);
    }
    return head.inner;
}
