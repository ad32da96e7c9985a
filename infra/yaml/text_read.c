/* text_read: JSON or YAML by the first byte that counts. */
#include "infra/yaml/yaml_read.h"
#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"

static bool begins_as_json(struct span text)
{
    const char *c = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        if (c[i] != ' ' && c[i] != '\t' && c[i] != '\r' && c[i] != '\n') {
            return c[i] == '{' || c[i] == '[';
        }
    }
    return false;
}

int text_read(struct span text, const struct yaml_limits *limits, struct arena *arena,
              struct value *ret_value, struct fault_list *faults)
{
    struct json_limits json = {.text_bytes_max = LIMIT_CLUSTER_BYTES};
    struct json_error error;

    if (!begins_as_json(text)) {
        return yaml_read(text, limits, arena, ret_value, faults);
    }
    if (limits != NULL && limits->text_bytes_max != 0) {
        json.text_bytes_max = limits->text_bytes_max;
    }
    if (limits != NULL) {
        json.depth_max = limits->depth_max;
    }
    if (json_read(text, &json, arena, ret_value, &error) == JSON_OK) {
        return 0;
    }
    const struct fault fault = {.line = error.line,
                                .column = error.column,
                                .path = "",
                                .text = error.text,
                                .hint = "the text begins with { or [ and is read as JSON"};

    fault_add(faults, &fault);
    return -1;
}
