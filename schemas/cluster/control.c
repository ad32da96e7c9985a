#include "schemas/cluster/control.h"

#include "schemas/cluster/field.h"

#define AT(member) offsetof(struct satellite_control, member)

/* clang-format off */
static const struct field control_fields[] = {
    {.name = "prune",       .in = FIELD_IN_ALL, .read = field_read_bool, .offset = AT(is_pruned)},
    {.name = "skip",        .in = FIELD_IN_ALL, .read = field_read_bool, .offset = AT(skips_rest)},
    {.name = "again_after", .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(again_after_ns), .min = 1},
    {.name = "more_items",  .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(more_items)},
};
/* clang-format on */

static const struct value_place root = {.key = {"control", 7}};

static void check_items(struct field_reader *r, const struct value *items, bool is_map)
{
    const struct value_place place = {.up = &root, .key = span_of("more_items")};

    if (!is_map) {
        field_fault(r, items, &place, "remove it, or give the satellite a `for_each`",
                    "%q says nothing without `for_each`", place.key);
    } else {
        (void)field_is_kind(r, items, &place, VALUE_LIST); /* its fault is told */
    }
}

int control_parse(const struct value *source, bool is_map, struct arena *arena,
                  struct satellite_control *ret_control, struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults, .nearest_left = 100};
    struct satellite_control control = {0};
    uint32_t errors = faults->error_count;

    if (field_read_map(&r, control_fields, sizeof(control_fields) / sizeof(control_fields[0]),
                       FIELD_IN_ALL, source, &root, &control)) {
        if (control.more_items != NULL) {
            check_items(&r, control.more_items, is_map);
        }
        if (control.again_after_ns > 0 &&
            (control.is_pruned || control.skips_rest || control.more_items != NULL)) {
            field_fault(&r, source, &root, "ask for the rest when it is asked again",
                        "`again_after` stands alone");
        }
    }
    if (faults->error_count != errors || r.is_out_of_memory) {
        return -1;
    }
    *ret_control = control;
    return 0;
}
