#include "producer/core/command_body.h"

#include <assert.h>

#include "schemas/cluster/cluster.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

/* What a body may hold. */
enum member {
    MEMBER_REASON,
    MEMBER_COMMENT,
    MEMBER_ACTOR,
    MEMBER_OUTPUT,
    MEMBER_PRIORITY,
    MEMBER_NR
};

static const char *const member_names[MEMBER_NR] = {"reason", "comment", "actor", "output",
                                                    "priority"};

/* A body with one of them alone. */
static const char *const member_hints[MEMBER_NR] = {
    [MEMBER_REASON] = "write such as {\"reason\": \"wrong input\"}",
    [MEMBER_COMMENT] = "write such as {\"comment\": \"looks good\"}",
    [MEMBER_ACTOR] = "write such as {\"actor\": \"ada\"}",
    [MEMBER_OUTPUT] = "write such as {\"output\": 5}",
    [MEMBER_PRIORITY] = "write such as {\"priority\": 7}",
};

#define ONLY(member) (1u << (member))

/* By kind; a SIGNAL's body is its payload. */
static const unsigned members_of[COMMAND_KIND_NR] = {
    [COMMAND_CANCEL] = ONLY(MEMBER_REASON),
    [COMMAND_PAUSE] = ONLY(MEMBER_REASON),
    [COMMAND_RESUME] = ONLY(MEMBER_REASON),
    [COMMAND_APPROVE] = ONLY(MEMBER_COMMENT) | ONLY(MEMBER_ACTOR),
    [COMMAND_REJECT] = ONLY(MEMBER_COMMENT) | ONLY(MEMBER_ACTOR),
    [COMMAND_RETRY] = ONLY(MEMBER_REASON),
    [COMMAND_SKIP] = ONLY(MEMBER_REASON) | ONLY(MEMBER_OUTPUT),
    [COMMAND_PRIORITY] = ONLY(MEMBER_PRIORITY),
};

const char *command_kind_name(enum wire_command_kind kind)
{
    static const char *const names[COMMAND_KIND_NR] = {
        [COMMAND_CANCEL] = "cancel", [COMMAND_PAUSE] = "pause",     [COMMAND_RESUME] = "resume",
        [COMMAND_SIGNAL] = "signal", [COMMAND_APPROVE] = "approve", [COMMAND_REJECT] = "reject",
        [COMMAND_RETRY] = "retry",   [COMMAND_SKIP] = "skip",       [COMMAND_PRIORITY] = "priority",
    };

    assert(kind > 0 && kind < COMMAND_KIND_NR);
    return names[kind];
}

/* One body being read. */
struct reading_body {
    enum wire_command_kind kind;
    struct command_body body;
    struct buffer *value;
    struct fault_list *faults;
};

static void refuse(struct reading_body *r, const struct value *at, const char *path,
                   const char *text, const char *hint)
{
    const struct fault fault = {
        .line = at->line, .column = at->column, .path = path, .text = text, .hint = hint};

    fault_add(r->faults, &fault);
}

static void take_text(struct reading_body *r, enum member member, const struct value *value,
                      struct span *ret)
{
    size_t most = member == MEMBER_ACTOR ? COMMAND_ACTOR_BYTES_MAX : COMMAND_TEXT_BYTES_MAX;
    struct fault_text text = {.used = 0};

    if (value->kind == VALUE_STRING && value->count <= most) {
        *ret = value_text(value);
        return;
    }
    fault_text_add(&text, "it is a string of at most %u bytes", (unsigned)most);
    refuse(r, value, member_names[member], text.bytes, "");
}

static void take_value(struct reading_body *r, const char *path, const struct value *value)
{
    json_write(r->value, value);
    r->body.value = buffer_span(r->value);
    if (r->value->bytes > LIMIT_INLINE_BYTES) {
        refuse(r, value, path, "it is larger than 64 KiB as JSON",
               "put it where the satellites can read it, and send its name");
    } else if (r->value->is_failed) {
        refuse(r, value, path, "there is no memory for it now", "send it again");
    }
}

static void take_priority(struct reading_body *r, const struct value *value)
{
    if (value->kind != VALUE_INT || value->integer < 0 || value->integer > CLUSTER_PRIORITY_MAX) {
        refuse(r, value, "priority", "it is a whole number from 0 to 9; 9 goes first", "");
        return;
    }
    r->body.priority = (uint32_t)value->integer;
}

static void take_member(struct reading_body *r, enum member member, const struct value *value)
{
    switch (member) {
    case MEMBER_REASON:
    case MEMBER_COMMENT:
        take_text(r, member, value, &r->body.reason);
        break;
    case MEMBER_ACTOR:
        take_text(r, member, value, &r->body.actor);
        break;
    case MEMBER_OUTPUT:
        take_value(r, "output", value);
        break;
    case MEMBER_PRIORITY:
        take_priority(r, value);
        break;
    case MEMBER_NR:
        break;
    }
}

/* "it may hold reason, output" */
static void refuse_member(struct reading_body *r, const struct value_member *member)
{
    struct fault_text path = {.used = 0};
    struct fault_text hint = {.used = 0};
    const struct value_place place = {.key = value_text(&member->key)};
    const char *before = "it may hold ";

    fault_text_add_place(&path, &place);
    for (unsigned i = 0; i < MEMBER_NR; i++) {
        if ((members_of[r->kind] & ONLY(i)) != 0) {
            fault_text_add(&hint, "%s%s", before, member_names[i]);
            before = ", ";
        }
    }
    refuse(r, &member->key, path.bytes, "the body has no such member here", hint.bytes);
}

static void take_map(struct reading_body *r, const struct value *value)
{
    unsigned first = 0;

    while ((members_of[r->kind] & ONLY(first)) == 0) {
        first++; /* every such kind may hold one */
    }
    if (value->kind != VALUE_MAP) {
        refuse(r, value, "", "the body must be a JSON object", member_hints[first]);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct value_member *member = &value->members[i];
        unsigned found = 0;

        while (found < MEMBER_NR && !span_is(value_text(&member->key), member_names[found])) {
            found++;
        }
        if (found == MEMBER_NR || (members_of[r->kind] & ONLY(found)) == 0) {
            refuse_member(r, member);
        } else {
            take_member(r, (enum member)found, &member->value);
        }
    }
}

enum command_body_result command_body_read(const struct command_source *source, struct arena *arena,
                                           struct buffer *value, struct command_body *ret_body,
                                           struct fault_list *faults)
{
    enum wire_command_kind kind = source->kind;
    struct reading_body r = {.kind = kind, .value = value, .faults = faults};
    struct value root = {.kind = kind == COMMAND_SIGNAL ? VALUE_NULL : VALUE_MAP};
    struct json_error error;

    assert(kind > 0 && kind < COMMAND_KIND_NR);
    if (source->body.bytes > 0 && json_read(source->body, NULL, arena, &root, &error) != JSON_OK) {
        const struct fault fault = {
            .line = error.line, .column = error.column, .path = "", .text = error.text, .hint = ""};

        fault_add(faults, &fault);
        return COMMAND_BODY_EMALFORMED;
    }
    if (kind == COMMAND_SIGNAL) {
        take_value(&r, "", &root);
    } else {
        take_map(&r, &root);
    }
    if (kind == COMMAND_PRIORITY && value_get(&root, span_of("priority")) == NULL &&
        faults->error_count == 0) {
        refuse(&r, &root, "priority", "the body does not say which", member_hints[MEMBER_PRIORITY]);
    }
    if (faults->error_count > 0) {
        return COMMAND_BODY_EINVALID;
    }
    *ret_body = r.body;
    return COMMAND_BODY_OK;
}
