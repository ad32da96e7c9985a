#include "schemas/cluster/key.h"

#include "schemas/cluster/canonical.h"

enum { LIMIT_MAX = 100000 };

static const char *const concurrency_words[] = {"queue", "reject", "replace", "cancel_oldest",
                                                NULL};
static const char *const rate_words[] = {"queue", "reject", NULL};

#define AT(member) offsetof(struct cluster_key, member)

/* clang-format off */
const struct field concurrency_fields[] = {
    {.name = "key",      .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(source)},
    {.name = "limit",    .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(limit), .min = 1, .max = LIMIT_MAX},
    {.name = "on_limit", .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(policy), .words = concurrency_words},
};
const size_t concurrency_field_count = sizeof(concurrency_fields) / sizeof(concurrency_fields[0]);

const struct field rate_fields[] = {
    {.name = "key",      .in = FIELD_IN_ALL, .read = field_read_value, .offset = AT(source)},
    {.name = "limit",    .in = FIELD_IN_ALL, .read = field_read_uint, .offset = AT(limit), .min = 1, .max = LIMIT_MAX},
    {.name = "per",      .in = FIELD_IN_ALL, .read = field_read_duration, .offset = AT(per_ns), .min = 1},
    {.name = "on_limit", .in = FIELD_IN_ALL, .read = field_read_word, .offset = AT(policy), .words = rate_words},
};
const size_t rate_field_count = sizeof(rate_fields) / sizeof(rate_fields[0]);
/* clang-format on */

static void check_key(struct field_reader *r, const struct value *key,
                      const struct value_place *place)
{
    const struct value_place inner = {.up = place, .key = span_of("key")};

    if (key != NULL) {
        (void)field_is_kind(r, key, &inner, VALUE_STRING); /* its fault is told */
    }
}

void key_read_concurrency(struct field_reader *r, const struct field *field,
                          const struct value *value, const struct value_place *place, void *target)
{
    struct cluster_key *key = (void *)((char *)target + field->offset);

    key->is_given = true;
    key->limit = 1;
    if (field_read_map(r, concurrency_fields, concurrency_field_count, FIELD_IN_ALL, value, place,
                       key)) {
        check_key(r, key->source, place);
    }
}

void key_read_rate(struct field_reader *r, const struct field *field, const struct value *value,
                   const struct value_place *place, void *target)
{
    struct cluster_key *key = (void *)((char *)target + field->offset);
    uint32_t errors = r->faults->error_count;

    key->is_given = true;
    if (!field_read_map(r, rate_fields, rate_field_count, FIELD_IN_ALL, value, place, key)) {
        return;
    }
    check_key(r, key->source, place);
    if (r->faults->error_count == errors && (key->limit == 0 || key->per_ns == 0)) {
        field_fault(r, value, place, "write rate: {limit: 10, per: 1m}",
                    "a rate needs `limit` and `per`");
    } else if (r->faults->error_count == errors && key->per_ns < (exo_time)key->limit) {
        field_fault(r, value, place, "write a longer time, or a smaller limit",
                    "so many starts in so short a time are no limit");
    }
}

void key_canonical(struct json_writer *writer, const struct cluster_key *key, bool is_rate)
{
    if (!key->is_given) {
        return;
    }
    json_key(writer, is_rate ? "rate" : "concurrency");
    json_begin_map(writer);
    if (key->source != NULL) {
        json_key(writer, "key");
        json_put_value(writer, key->source);
    }
    json_key(writer, "limit");
    json_put_uint(writer, key->limit);
    if (is_rate) {
        canonical_put_duration(writer, "per", key->per_ns);
    }
    if (key->policy != CLUSTER_KEY_QUEUE) {
        json_key(writer, "on_limit");
        json_put_text(writer, concurrency_words[key->policy]);
    }
    json_end_map(writer);
}
