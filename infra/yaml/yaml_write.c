#include "infra/yaml/yaml_write.h"

#include "infra/yaml/yaml_scalar.h"
#include "schemas/json/json_write.h"

/* Characters that mean nothing to YAML inside a plain scalar, wherever they stand. */
static bool is_plain_character(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '/' || c == '.' || c == '-' || c == '+' || c == '@' || c == '=' || c == '(' ||
           c == ')' || c == ';';
}

/* True when the text may stand without quotes and is then read as this very string. */
static bool is_plain(struct span text)
{
    const unsigned char *bytes = text.data;
    struct value read = {0};

    if (text.bytes == 0 || bytes[0] == '-' || bytes[0] == '=' || bytes[0] == '@' ||
        bytes[0] == ' ' || bytes[text.bytes - 1] == ' ') {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (!is_plain_character(bytes[i]) && bytes[i] != ' ') {
            return false;
        }
    }
    return text.bytes < 3 || memcmp(bytes, "...", 3) != 0
               ? yaml_scalar_resolve(text, &read) == NULL && read.kind == VALUE_STRING
               : false;
}

static void write_string(struct buffer *buffer, struct span text)
{
    if (is_plain(text)) {
        buffer_append(buffer, text);
    } else {
        json_append_string(buffer, text);
    }
}

static void indent(struct buffer *buffer, unsigned depth)
{
    for (unsigned i = 0; i < depth; i++) {
        buffer_text(buffer, "  ");
    }
}

static void write_value(struct buffer *buffer, const struct value *value, unsigned depth,
                        bool is_begun);

static bool is_block(const struct value *value)
{
    return (value->kind == VALUE_LIST || value->kind == VALUE_MAP) && value->count > 0;
}

/* is_begun: the first line is indented already, by the dash of a list. */
static void write_map(struct buffer *buffer, const struct value *map, unsigned depth, bool is_begun)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *member = &map->members[i].value;

        indent(buffer, i == 0 && is_begun ? 0 : depth);
        write_string(buffer, value_text(&map->members[i].key));
        buffer_text(buffer, is_block(member) ? ":\n" : ": ");
        write_value(buffer, member, depth + 1, false);
    }
}

static void write_list(struct buffer *buffer, const struct value *list, unsigned depth,
                       bool is_begun)
{
    for (uint32_t i = 0; i < list->count; i++) {
        indent(buffer, i == 0 && is_begun ? 0 : depth);
        buffer_text(buffer, "- ");
        write_value(buffer, &list->items[i], depth + 1, true);
    }
}

static void write_value(struct buffer *buffer, const struct value *value, unsigned depth,
                        bool is_begun)
{
    if (is_block(value) && value->kind == VALUE_MAP) {
        write_map(buffer, value, depth, is_begun);
    } else if (is_block(value)) {
        write_list(buffer, value, depth, is_begun);
    } else {
        if (value->kind == VALUE_STRING) {
            write_string(buffer, value_text(value));
        } else {
            json_write(buffer, value); /* {} and [] too */
        }
        buffer_text(buffer, "\n");
    }
}

void yaml_write(struct buffer *buffer, const struct value *value)
{
    write_value(buffer, value, 0, false);
}
