#include "schemas/cluster/wait.h"

#include "schemas/cluster/name_rule.h"
#include "schemas/cluster/satellite_fields.h"
#include "schemas/expression/template.h"

enum { TEXT_BYTES_MAX = 1024 };

static void read_signal(struct field_reader *r, const struct field *field,
                        const struct value *value, const struct value_place *place, void *target)
{
    struct span *out = (void *)((char *)target + field->offset);

    if (field_is_kind(r, value, place, VALUE_STRING) &&
        name_check(r, NAME_SATELLITE, value_text(value), value, place)) {
        *out = field_copy(r, value_text(value));
    }
}

/* A text, or true where there is nothing to say. */
static void read_approval(struct field_reader *r, const struct field *field,
                          const struct value *value, const struct value_place *place, void *target)
{
    struct satellite_wait *wait = target;

    if (value->kind == VALUE_BOOL && value->boolean) {
        wait->is_approval = true;
    } else if (value->kind == VALUE_BOOL) {
        field_fault(r, value, place, "write a text for who approves, or true",
                    "`approval: false` waits for nothing");
    } else if (value->kind == VALUE_STRING && template_has_expressions(value_text(value))) {
        field_fault(r, value, place, "write the text plainly", "%q takes no expressions",
                    span_of(field->name));
    } else {
        field_read_text(r, field, value, place, target);
        wait->is_approval = wait->text.bytes > 0;
    }
}

#define AT(member) offsetof(struct satellite_wait, member)

/* clang-format off */
const struct field wait_fields[] = {
    {.name = "for",      .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(for_ns), .min = 1},
    {.name = "signal",   .in = FIELD_IN_ALL, .read = read_signal, .offset = AT(signal)},
    {.name = "approval", .in = FIELD_IN_ALL, .read = read_approval, .offset = AT(text), .min = 1, .max = TEXT_BYTES_MAX},
    {.name = "timeout",  .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(timeout_ns), .min = 1},
};
/* clang-format on */
const size_t wait_field_count = sizeof(wait_fields) / sizeof(wait_fields[0]);

void wait_read(struct field_reader *r, const struct field *field, const struct value *value,
               const struct value_place *place, void *target)
{
    static const char *const kinds[] = {"for", "signal", "approval"};
    const struct value *timeout = value_get(value, span_of("timeout"));
    const struct value_place inner = {.up = place, .key = span_of("timeout")};
    uint32_t found = 0;

    if (!field_read_map(r, wait_fields, wait_field_count, FIELD_IN_ALL, value, place,
                        (char *)target + field->offset)) {
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        found += value_get(value, span_of(kinds[i])) == NULL ? 0 : 1;
    }
    if (found != 1) {
        field_fault(r, value, place,
                    "write one of {for: 10m}, {signal: NAME}, {approval: \"May it run?\"}",
                    found == 0 ? "`wait` does not say what for" : "`wait` is for one thing only");
    } else if (timeout != NULL && value_get(value, span_of("for")) != NULL) {
        field_fault(r, timeout, &inner, "remove it",
                    "a wait for time ends by itself and takes no `timeout`");
    }
}
