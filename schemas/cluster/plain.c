#include "schemas/cluster/plain.h"

#include "schemas/cluster/fault_text.h"
#include "schemas/expression/value_template.h"

void plain_warn(struct field_reader *r, const struct value *value, const struct value_place *place,
                const char *hint)
{
    struct fault_text path = {.used = 0};
    struct fault_text text = {.used = 0};

    if (value == NULL || !value_has_expressions(value)) {
        return;
    }
    fault_text_add_place(&path, place);
    fault_text_add(&text, "%q takes no expressions: ${{ }} in it stands for itself", place->key);
    fault_add(r->faults, &(struct fault){.is_warning = true,
                                         .line = value->line,
                                         .column = value->column,
                                         .path = path.bytes,
                                         .text = text.bytes,
                                         .hint = hint});
}
