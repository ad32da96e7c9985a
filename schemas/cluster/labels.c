#include "schemas/cluster/labels.h"

#include "schemas/cluster/field.h"
#include "schemas/vocab/limits.h"

static bool has_control_character(struct span text)
{
    const unsigned char *bytes = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static void check_text(struct field_reader *r, const struct value *v,
                       const struct value_place *place, const char *what)
{
    if (v->count > LIMIT_LABEL_BYTES) {
        field_fault(r, v, place, "make it shorter",
                    "the %s of a label has %u bytes, more than the limit of %u", what, v->count,
                    (unsigned)LIMIT_LABEL_BYTES);
    } else if (has_control_character(value_text(v))) {
        field_fault(r, v, place, "write it on one line without tabs",
                    "the %s of a label holds a control character", what);
    }
}

static void read_label(struct field_reader *r, const struct value_member *member,
                       const struct value_place *place, struct cluster_label *label)
{
    if (member->key.count == 0) {
        field_fault(r, &member->key, place, "give it a name", "the key of a label is empty");
    }
    check_text(r, &member->key, place, "key");
    if (field_is_kind(r, &member->value, place, VALUE_STRING)) {
        check_text(r, &member->value, place, "value");
        label->key = field_copy(r, value_text(&member->key));
        label->value = field_copy(r, value_text(&member->value));
    }
}

int labels_read(const struct value *value, const struct value_place *place, struct arena *arena,
                const struct cluster_label **ret_labels, uint32_t *ret_count,
                struct fault_list *faults)
{
    struct field_reader r = {.arena = arena, .faults = faults};
    uint32_t errors = faults->error_count;

    if (!field_is_kind(&r, value, place, VALUE_MAP)) {
        return -1;
    }
    if (value->count > LIMIT_LABELS) {
        field_fault(&r, value, place, "keep what you search by",
                    "%u labels are more than the limit of %u", value->count,
                    (unsigned)LIMIT_LABELS);
        return -1;
    }
    struct cluster_label *labels = field_alloc(&r, value->count, sizeof(*labels));

    for (uint32_t i = 0; labels != NULL && i < value->count; i++) {
        const struct value_place inner = {.up = place, .key = value_text(&value->members[i].key)};

        read_label(&r, &value->members[i], &inner, &labels[i]);
    }
    if (r.is_out_of_memory) {
        field_fault(&r, value, place, "", "the labels need more memory than they may take");
    }
    if (faults->error_count != errors) {
        return -1;
    }
    *ret_labels = labels;
    *ret_count = value->count;
    return 0;
}
