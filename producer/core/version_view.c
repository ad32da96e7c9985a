#include "producer/core/version_view.h"

#include "producer/core/listing.h"
#include "producer/core/view.h"

static void put_digest(struct json_writer *w, const struct digest *digest)
{
    static const char digits[] = "0123456789abcdef";
    char text[7 + 2 * DIGEST_BYTES + 1] = "sha256:";

    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        text[7 + 2 * i] = digits[digest->bytes[i] >> 4];
        text[8 + 2 * i] = digits[digest->bytes[i] & 15];
    }
    json_key(w, "digest");
    json_put_text(w, text);
}

void version_view_put(struct json_writer *w, const struct version_view *version)
{
    json_begin_map(w);
    json_key(w, "kind");
    json_put_text(w, version_kind_name(version->kind));
    json_key(w, "project");
    json_put_text(w, version->project);
    json_key(w, "name");
    json_put_text(w, version->name);
    json_key(w, "version");
    json_put_uint(w, version->number);
    json_key(w, "newest_version");
    json_put_uint(w, version->newest);
    json_key(w, "is_deleted");
    json_put_bool(w, version->is_deleted);
    put_digest(w, &version->digest);
    view_put_time(w, "created_at", version->created_ns / EXO_MILLISECOND);
    view_put_text(w, "actor", span_of(version->actor));
    view_put_text(w, "message", span_of(version->message));
    if (version->text.bytes > 0) {
        view_put_json(w, "definition", version->text, "null");
    }
    json_end_map(w);
}

void version_listing_init(struct version_listing *listing)
{
    *listing =
        (struct version_listing){.before = VERSION_NUMBER_MAX + 1, .limit = LISTING_LIMIT_DEFAULT};
}

static bool cursor_parse(struct version_listing *listing, struct span value)
{
    struct version_reference after;

    if (version_reference_parse(VERSION_CLUSTER, value, (struct span){NULL, 0}, &after) != NULL ||
        after.number != 0) {
        return false;
    }
    listing->after_project = after.project;
    listing->after_name = after.name;
    return true;
}

const char *version_listing_set(struct version_listing *listing, bool is_history, const char *name,
                                struct span value)
{
    struct span field = span_of(name);

    if (span_is(field, "limit")) {
        return limit_parse(value, &listing->limit) ? NULL : "limit is a number from 1 to 1000";
    }
    if (span_is(field, "cursor")) {
        bool is_good = is_history ? version_number_parse(value, &listing->before)
                                  : cursor_parse(listing, value);

        return is_good ? NULL : "cursor is next_cursor of the page before";
    }
    if (span_is(field, "project") && !is_history) {
        listing->project = value;
        return version_name_is_good(value) ? NULL : "project is the name of a project";
    }
    return is_history ? "the query has cursor and limit only"
                      : "the query has project, cursor and limit only";
}

bool etag_parse(struct span text, int64_t *ret_version)
{
    const char *c = text.data;
    uint32_t number;

    if (span_is(text, "*")) {
        *ret_version = -1;
        return true;
    }
    if (text.bytes < 3 || c[0] != '"' || c[text.bytes - 1] != '"' ||
        !version_number_parse((struct span){c + 1, text.bytes - 2}, &number) || number == 0) {
        return false;
    }
    *ret_version = number;
    return true;
}
