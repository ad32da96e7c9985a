#include "infra/yaml/yaml_read.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "infra/yaml/yaml_place.h"
#include "infra/yaml/yaml_scalar.h"
#include "schemas/json/json_read.h"
#include "schemas/json/value_stack.h"
#include "schemas/vocab/limits.h"

enum { NODES_MAX = 200000, ANCHORS_MAX = 1000, PATH_BYTES = 256, TEXT_BYTES = 256 };

/* A value that has a name, and what it weighs wherever an alias puts it. */
struct anchor {
    struct anchor *older;
    struct span name;
    struct value value;
    uint32_t node_count;
    uint32_t height; /* nested lists and maps in it */
};

/* An open list or map. */
struct frame {
    struct value holder;   /* kind and position */
    uint32_t begin;        /* where its first item lies on the stack */
    uint32_t nodes_before; /* count of nodes when it was opened */
    uint32_t height;       /* of the highest item so far */
    struct span anchor;    /* its name, in the arena; data NULL: none */
};

struct reader {
    yaml_parser_t parser;
    struct yaml_place place;
    struct arena *arena;
    struct fault_list *faults;
    uint32_t errors_before;
    struct value_stack stack;
    struct anchor *anchors; /* newest first */
    uint32_t anchor_count;
    uint32_t node_count; /* with aliases counted as what they stand for */
    uint32_t nodes_max;
    uint32_t depth;
    uint32_t depth_max;
    struct frame frames[JSON_DEPTH_MOST];
};

/* The path to what is read now, such as cluster.satellites[2].image; cut when it is long. */
static void path_format(const struct reader *r, char path[PATH_BYTES])
{
    size_t used = 0;

    path[0] = '\0';
    for (uint32_t i = 0; i < r->depth && used < PATH_BYTES - 1; i++) {
        const struct frame *frame = &r->frames[i];
        uint32_t end = i + 1 < r->depth ? r->frames[i + 1].begin : r->stack.count;
        uint32_t nr = end - frame->begin;
        int written = 0;

        if (frame->holder.kind == VALUE_LIST) {
            written = snprintf(path + used, PATH_BYTES - used, "[%u]", nr);
        } else if (nr % 2 == 1) {
            const struct value *key = &r->stack.values[end - 1];

            written = snprintf(path + used, PATH_BYTES - used, "%s%.*s", used > 0 ? "." : "",
                               (int)key->count, key->text);
        }
        used += written > 0 ? (size_t)written : 0;
    }
}

static void add_fault(struct reader *r, uint32_t line, uint32_t column, const char *text,
                      const char *hint)
{
    char path[PATH_BYTES];
    const struct fault fault = {
        .line = line, .column = column, .path = path, .text = text, .hint = hint};

    path_format(r, path);
    fault_add(r->faults, &fault);
}

/* A fault at a place that is no value's; ends the reading. */
static int fail_at(struct reader *r, size_t character, const char *text, const char *hint)
{
    yaml_place_move(&r->place, character);
    add_fault(r, r->place.line, yaml_place_column(&r->place), text, hint);
    return -1;
}

static int fail_memory(struct reader *r)
{
    add_fault(r, 0, 0, "the text needs more memory than it may take", "make it smaller");
    return -1;
}

/* What libyaml could not read, in its words. */
static int fail_syntax(struct reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem == NULL ? "this is no YAML" : parser->problem;
    const char *bytes = r->place.text.data;
    char text[TEXT_BYTES];

    if (parser->error == YAML_MEMORY_ERROR) {
        return fail_memory(r);
    }
    if (parser->error == YAML_READER_ERROR) {
        yaml_place_move_byte(&r->place, parser->problem_offset);
        add_fault(r, r->place.line, yaml_place_column(&r->place), problem,
                  "save the text as UTF-8 without control characters");
        return -1;
    }
    yaml_place_move(&r->place, parser->problem_mark.index);
    bool is_tab = r->place.byte < r->place.text.bytes && bytes[r->place.byte] == '\t';

    (void)snprintf(text, sizeof(text), "%s%s%s", problem, parser->context == NULL ? "" : ", ",
                   parser->context == NULL ? "" : parser->context);
    add_fault(r, r->place.line, yaml_place_column(&r->place), text,
              is_tab ? "indent with blanks: YAML takes no tabs there" : "");
    return -1;
}

static struct value value_at(struct reader *r, enum value_kind kind, const yaml_mark_t *mark)
{
    yaml_place_move(&r->place, mark->index);
    return (struct value){
        .kind = kind, .line = r->place.line, .column = yaml_place_column(&r->place)};
}

static bool is_key_next(const struct reader *r)
{
    const struct frame *frame = r->depth == 0 ? NULL : &r->frames[r->depth - 1];

    return frame != NULL && frame->holder.kind == VALUE_MAP &&
           (r->stack.count - frame->begin) % 2 == 0;
}

static int count_nodes(struct reader *r, uint32_t nodes, const struct value *value)
{
    if (nodes > r->nodes_max - r->node_count) {
        add_fault(r, value->line, value->column,
                  "the text holds more values than the limit, with each alias counted as what it "
                  "stands for",
                  "use fewer aliases (*name), or make the text smaller");
        return -1;
    }
    r->node_count += nodes;
    return 0;
}

/* Names a complete value. */
static int add_anchor(struct reader *r, struct span name, const struct value *value,
                      uint32_t node_count, uint32_t height)
{
    if (name.data == NULL) {
        return 0;
    }
    if (r->anchor_count == ANCHORS_MAX) {
        add_fault(r, value->line, value->column, "the text has more anchors than the limit of 1000",
                  "write the value out");
        return -1;
    }
    struct anchor *anchor = arena_alloc(r->arena, sizeof(*anchor));

    if (anchor == NULL) {
        return fail_memory(r);
    }
    *anchor = (struct anchor){.older = r->anchors,
                              .name = name,
                              .value = *value,
                              .node_count = node_count,
                              .height = height};
    r->anchors = anchor;
    r->anchor_count++;
    return 0;
}

static int copy_text(struct reader *r, const void *data, size_t bytes, struct span *ret)
{
    *ret = arena_copy(r->arena, (struct span){data, bytes});
    return ret->data == NULL ? fail_memory(r) : 0;
}

/* The name of an event's anchor, copied; data NULL where it has none. */
static int copy_anchor(struct reader *r, const yaml_char_t *anchor, struct span *ret)
{
    *ret = (struct span){NULL, 0};
    return anchor == NULL ? 0 : copy_text(r, anchor, strlen((const char *)anchor), ret);
}

/* Puts a value where one is due; a key that is no string is a fault, and stands as one. */
static int put(struct reader *r, struct value value)
{
    if (is_key_next(r) && value.kind != VALUE_STRING) {
        char text[TEXT_BYTES];

        (void)snprintf(text, sizeof(text), "a key must be a string, and this is read as %s",
                       value_kind_name(value.kind));
        add_fault(r, value.line, value.column, text, "put it in quotes");
        value.kind = VALUE_STRING;
        value.count = 0;
        value.text = "";
    }
    return value_stack_push(&r->stack, value) ? 0 : fail_memory(r);
}

/* What a tag of the core schema asks for: its kind, or VALUE_KIND_NR when it is another tag. */
static enum value_kind kind_of_tag(const char *tag)
{
    static const struct {
        const char *tag;
        enum value_kind kind;
    } table[] = {
        {"!", VALUE_STRING},         {YAML_STR_TAG, VALUE_STRING}, {YAML_NULL_TAG, VALUE_NULL},
        {YAML_BOOL_TAG, VALUE_BOOL}, {YAML_INT_TAG, VALUE_INT},    {YAML_FLOAT_TAG, VALUE_DOUBLE},
        {YAML_SEQ_TAG, VALUE_LIST},  {YAML_MAP_TAG, VALUE_MAP},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(tag, table[i].tag) == 0) {
            return table[i].kind;
        }
    }
    return VALUE_KIND_NR;
}

static void fault_tag(struct reader *r, const struct value *value, const char *tag,
                      enum value_kind wanted)
{
    char text[TEXT_BYTES];

    (void)snprintf(text, sizeof(text),
                   wanted == VALUE_KIND_NR ? "the tag %s is not supported"
                                           : "the value does not fit its tag %s",
                   tag);
    add_fault(r, value->line, value->column, text, "write the value without a tag");
}

/* Gives the value of a scalar by its style and tag; what is wrong becomes a fault and a string. */
static void resolve(struct reader *r, const yaml_event_t *event, struct span text,
                    struct value *value)
{
    const char *tag = (const char *)event->data.scalar.tag;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    enum value_kind wanted = tag == NULL ? VALUE_KIND_NR : kind_of_tag(tag);
    struct value resolved = value_string(text);
    const char *fault = NULL;

    if (tag == NULL ? is_plain : wanted != VALUE_STRING) {
        fault = yaml_scalar_resolve(text, &resolved);
    }
    if (wanted == VALUE_DOUBLE && resolved.kind == VALUE_INT) {
        resolved = value_double((double)resolved.integer);
    }
    if (fault != NULL) {
        add_fault(r, value->line, value->column, fault,
                  "write another number, or put it in quotes");
    } else if (tag != NULL && wanted != resolved.kind) {
        fault_tag(r, value, tag, wanted);
    }
    resolved.line = value->line;
    resolved.column = value->column;
    *value = resolved;
}

/* Moves the place of a string to where its text begins, so that a fault inside it, such as in an
 * expression, counts from there: past a quote, past the line of | or >. r->place is at its mark;
 * where a tag or an anchor stands first, there it stays. */
static void place_text(const struct reader *r, const yaml_event_t *event, struct value *value)
{
    const char *at = (const char *)r->place.text.data + r->place.byte;
    const char *end = (const char *)r->place.text.data + r->place.text.bytes;
    yaml_scalar_style_t style = event->data.scalar.style;

    if (at < end && (*at == '"' || *at == '\'') && style != YAML_PLAIN_SCALAR_STYLE) {
        value->column++;
        return;
    }
    if (style != YAML_LITERAL_SCALAR_STYLE && style != YAML_FOLDED_SCALAR_STYLE) {
        return;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));

    if (newline != NULL) {
        value->line++;
        value->column = 1;
        for (at = newline + 1; at < end && *at == ' '; at++) {
            value->column++;
        }
    }
}

static int read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct value value = value_at(r, VALUE_STRING, &event->start_mark);
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct span text;
    struct span anchor;

    if (count_nodes(r, 1, &value) != 0 ||
        copy_text(r, event->data.scalar.value, event->data.scalar.length, &text) != 0 ||
        copy_anchor(r, event->data.scalar.anchor, &anchor) != 0) {
        return -1;
    }
    resolve(r, event, text, &value);
    if (!is_key_next(r)) {
        place_text(r, event, &value);
    }
    if (is_plain && is_key_next(r) && span_is(text, "<<")) {
        add_fault(r, value.line, value.column, "merge keys (<<) are not YAML 1.2",
                  "write the members out, or pass the whole map with an alias");
    }
    return add_anchor(r, anchor, &value, 1, 0) != 0 ? -1 : put(r, value);
}

static int read_alias(struct reader *r, const yaml_event_t *event)
{
    struct value place = value_at(r, VALUE_NULL, &event->start_mark);
    struct span name = span_of((const char *)event->data.alias.anchor);
    const struct anchor *anchor = r->anchors;

    while (anchor != NULL && !span_equal(anchor->name, name)) {
        anchor = anchor->older;
    }
    if (anchor == NULL) {
        add_fault(r, place.line, place.column, "the alias stands for nothing that is complete here",
                  "name the value before, with &name");
        return -1;
    }
    if (count_nodes(r, anchor->node_count, &place) != 0) {
        return -1;
    }
    if (r->depth + anchor->height > r->depth_max) {
        add_fault(r, place.line, place.column, "lists and maps are nested deeper than the limit",
                  "use a flatter form");
        return -1;
    }
    struct value value = anchor->value;

    value.line = place.line;
    value.column = place.column;
    if (r->depth > 0 && anchor->height > r->frames[r->depth - 1].height) {
        r->frames[r->depth - 1].height = anchor->height;
    }
    return put(r, value);
}

static int open_frame(struct reader *r, const yaml_event_t *event)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *anchor =
        is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    struct value holder = value_at(r, is_map ? VALUE_MAP : VALUE_LIST, &event->start_mark);
    struct frame frame = {.holder = holder, .begin = r->stack.count, .nodes_before = r->node_count};

    if (is_key_next(r)) {
        add_fault(r, holder.line, holder.column, "a key must be a string, not a list or map", "");
        return -1;
    }
    if (r->depth == r->depth_max) {
        add_fault(r, holder.line, holder.column, "lists and maps are nested deeper than the limit",
                  "use a flatter form");
        return -1;
    }
    if (tag != NULL && kind_of_tag((const char *)tag) != holder.kind) {
        fault_tag(r, &holder, (const char *)tag, kind_of_tag((const char *)tag));
    }
    if (count_nodes(r, 1, &holder) != 0 || copy_anchor(r, anchor, &frame.anchor) != 0) {
        return -1;
    }
    r->frames[r->depth++] = frame;
    return 0;
}

static int close_frame(struct reader *r)
{
    struct frame frame = r->frames[--r->depth];
    const struct value *twice;
    uint32_t height = frame.height + 1;

    if (!value_stack_close(&r->stack, r->arena, frame.begin, frame.holder, &twice)) {
        return fail_memory(r);
    }
    const struct value *value = &r->stack.values[r->stack.count - 1];

    if (twice != NULL) {
        char text[TEXT_BYTES];

        (void)snprintf(text, sizeof(text), "the key \"%.*s\" stands twice in this map",
                       (int)(twice->count > 64 ? 64 : twice->count), twice->text);
        /* The path is that of the map: its value is on the stack already. */
        r->stack.count--;
        add_fault(r, twice->line, twice->column, text, "remove one of the two");
        r->stack.count++;
    }
    if (r->depth > 0 && height > r->frames[r->depth - 1].height) {
        r->frames[r->depth - 1].height = height;
    }
    return add_anchor(r, frame.anchor, value, r->node_count - frame.nodes_before, height);
}

static int read_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(r, event);
    case YAML_ALIAS_EVENT:
        return read_alias(r, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return open_frame(r, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_frame(r);
    case YAML_DOCUMENT_START_EVENT:
        if (r->stack.count > 0) {
            return fail_at(r, event->start_mark.index, "a second document begins here",
                           "one text holds one document: remove the --- and what follows");
        }
        return 0;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return 0;
}

static int read_events(struct reader *r)
{
    bool is_end = false;

    while (!is_end) {
        yaml_event_t event;

        if (yaml_parser_parse(&r->parser, &event) == 0) {
            return fail_syntax(r);
        }
        int result = read_event(r, &event);

        is_end = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (result != 0) {
            return -1;
        }
    }
    return r->faults->error_count > r->errors_before ? -1 : 0;
}

static int read_text(struct reader *r, struct span text, struct value *ret_value)
{
    if (yaml_parser_initialize(&r->parser) == 0) {
        return fail_memory(r);
    }
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, text.bytes == 0 ? (const yaml_char_t *)"" : text.data,
                                 text.bytes);
    int result = read_events(r);

    if (result == 0) {
        assert(r->stack.count <= 1);
        *ret_value = r->stack.count == 1
                         ? r->stack.values[0]
                         : (struct value){.kind = VALUE_NULL, .line = 1, .column = 1};
    }
    yaml_parser_delete(&r->parser);
    return result;
}

/* A byte order mark may begin a text. libyaml would count it as a column: the first line of a block
 * would seem to be indented, and the second to end it. */
static struct span without_mark(struct span text)
{
    static const char mark[] = "\xef\xbb\xbf";
    enum { BYTES = sizeof(mark) - 1 };

    if (text.bytes < BYTES || memcmp(text.data, mark, BYTES) != 0) {
        return text;
    }
    return (struct span){(const char *)text.data + BYTES, text.bytes - BYTES};
}

int yaml_read(struct span text, const struct yaml_limits *limits, struct arena *arena,
              struct value *ret_value, struct fault_list *faults)
{
    const struct yaml_limits none = {0};
    struct reader r;

    limits = limits == NULL ? &none : limits;
    text = without_mark(text);
    memset(&r.parser, 0, sizeof(r.parser));
    yaml_place_init(&r.place, text);
    r.arena = arena;
    r.faults = faults;
    r.errors_before = faults->error_count;
    value_stack_init(&r.stack, arena->allocator);
    r.anchors = NULL;
    r.anchor_count = 0;
    r.node_count = 0;
    r.nodes_max = limits->nodes_max == 0 ? NODES_MAX : limits->nodes_max;
    r.depth = 0;
    r.depth_max = limits->depth_max == 0 ? LIMIT_JSON_DEPTH : limits->depth_max;
    assert(r.depth_max <= JSON_DEPTH_MOST);
    if (text.bytes >
        (limits->text_bytes_max == 0 ? (size_t)LIMIT_CLUSTER_BYTES : limits->text_bytes_max)) {
        add_fault(&r, 1, 1, "the text is longer than the limit", "make it smaller");
        return -1;
    }
    int result = read_text(&r, text, ret_value);

    value_stack_release(&r.stack);
    return result;
}
