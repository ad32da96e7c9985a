#include "workers/image/image_layout.h"

#include <string.h>

#include "schemas/json/json_read.h"
#include "schemas/vocab/value.h"
#include "workers/image/image_reference.h"

enum { JSON_BYTES_MAX = 8 << 20, TAGS_TEXT_BYTES = 200 };

static int read_json(struct span text, const char *what, struct arena *arena,
                     struct value *ret_value, struct exo_error *err)
{
    struct json_error fault;

    if (json_read(text, &(struct json_limits){.text_bytes_max = JSON_BYTES_MAX}, arena, ret_value,
                  &fault) != JSON_OK) {
        return exo_error_set(err, EXO_EINVALID, "%s of the image, line %u: %s", what, fault.line,
                             fault.text);
    }
    return 0;
}

static const struct value *member(const struct value *map, const char *key, enum value_kind kind)
{
    const struct value *found = map == NULL ? NULL : value_get(map, span_of(key));

    return found != NULL && found->kind == kind ? found : NULL;
}

/* Copies the text of a member; false when it is none, or longer than capacity - 1. */
static bool copy_text(const struct value *map, const char *key, char *ret_text, size_t capacity)
{
    const struct value *found = member(map, key, VALUE_STRING);

    if (found == NULL || found->count >= capacity || memchr(found->text, '\0', found->count)) {
        return false;
    }
    memcpy(ret_text, found->text, found->count);
    ret_text[found->count] = '\0';
    return true;
}

static bool copy_digest(const struct value *map, char ret_digest[IMAGE_DIGEST_TEXT_BYTES + 1])
{
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    if (!copy_text(map, "digest", digest, sizeof(digest)) || !image_digest_is_valid(digest)) {
        return false;
    }
    memcpy(ret_digest, digest, sizeof(digest));
    return true;
}

static bool read_entry(const struct value *manifest, struct layout_entry *ret_entry)
{
    struct layout_entry entry = {.is_index = false};
    const struct value *type = member(manifest, "mediaType", VALUE_STRING);

    if (!copy_digest(manifest, entry.digest)) {
        return false;
    }
    if (!copy_text(member(manifest, "annotations", VALUE_MAP), "org.opencontainers.image.ref.name",
                   entry.tag, sizeof(entry.tag))) {
        entry.tag[0] = '\0';
    }
    entry.is_index =
        type != NULL && (span_is(value_text(type), "application/vnd.oci.image.index.v1+json") ||
                         span_is(value_text(type), "application/vnd.docker.distribution."
                                                   "manifest.list.v2+json"));
    *ret_entry = entry;
    return true;
}

static void add_word(char text[TAGS_TEXT_BYTES], const char *word)
{
    size_t used = strlen(text), bytes = strlen(word);

    if (used + bytes + 3 < TAGS_TEXT_BYTES) {
        memcpy(text + used, used == 0 ? "" : ", ", used == 0 ? 1 : 3);
        memcpy(text + strlen(text), word, bytes + 1);
    }
}

int layout_find(struct span index, const char *tag, struct arena *arena,
                struct layout_entry *ret_entry, struct exo_error *err)
{
    struct value root;
    struct layout_entry entry;
    char tags[TAGS_TEXT_BYTES] = "";

    if (read_json(index, "index.json", arena, &root, err) != 0) {
        return -1;
    }
    const struct value *manifests = member(&root, "manifests", VALUE_LIST);

    if (manifests == NULL || manifests->count == 0) {
        return exo_error_set(err, EXO_EINVALID, "index.json of the image names no manifest");
    }
    const char *wanted = *tag != '\0' ? tag : "latest";

    for (uint32_t i = 0; i < manifests->count; i++) {
        if (!read_entry(&manifests->items[i], &entry)) {
            continue;
        }
        if (strcmp(entry.tag, wanted) == 0 || (*tag == '\0' && manifests->count == 1)) {
            *ret_entry = entry;
            return 0;
        }
        add_word(tags, entry.tag[0] != '\0' ? entry.tag : "(one without tag)");
    }
    return exo_error_set(err, EXO_ENOTFOUND, "no tag \"%s\"; there are: %s", wanted,
                         tags[0] != '\0' ? tags : "none");
}

int layout_config_digest(struct span manifest, struct arena *arena,
                         char ret_digest[IMAGE_DIGEST_TEXT_BYTES + 1], struct exo_error *err)
{
    struct value root;

    if (read_json(manifest, "the manifest", arena, &root, err) != 0) {
        return -1;
    }
    if (!copy_digest(member(&root, "config", VALUE_MAP), ret_digest)) {
        return exo_error_set(err, EXO_EINVALID, "the manifest of the image names no config");
    }
    return 0;
}

/* A string as C string; "" when there is none. NULL when the arena is full or it holds a NUL. */
static const char *take_text(const struct value *text, struct arena *arena)
{
    if (text == NULL) {
        return "";
    }
    return memchr(text->text, '\0', text->count) != NULL ? NULL
                                                         : arena_copy(arena, value_text(text)).data;
}

/* A list of strings as NULL-terminated C strings. NULL when it is none such. */
static const char *const *take_list(const struct value *config, const char *key,
                                    struct arena *arena)
{
    const struct value *list = member(config, key, VALUE_LIST);
    uint32_t count = list == NULL ? 0 : list->count;
    const char **texts = arena_alloc(arena, (count + 1) * sizeof(*texts));

    for (uint32_t i = 0; texts != NULL && i < count; i++) {
        if (list->items[i].kind != VALUE_STRING) {
            return NULL;
        }
        texts[i] = take_text(&list->items[i], arena);
        if (texts[i] == NULL) {
            return NULL;
        }
    }
    return texts;
}

int layout_config_read(struct span config, struct arena *arena, struct layout_config *ret_config,
                       struct exo_error *err)
{
    struct value root;

    if (read_json(config, "the config", arena, &root, err) != 0) {
        return -1;
    }
    const struct value *inner = member(&root, "config", VALUE_MAP);
    struct layout_config read = {
        .user = take_text(member(inner, "User", VALUE_STRING), arena),
        .env = take_list(inner, "Env", arena),
        .entrypoint = take_list(inner, "Entrypoint", arena),
        .command = take_list(inner, "Cmd", arena),
        .workdir = take_text(member(inner, "WorkingDir", VALUE_STRING), arena),
    };

    if (read.user == NULL || read.env == NULL || read.entrypoint == NULL || read.command == NULL ||
        read.workdir == NULL) {
        return exo_error_set(err, EXO_EINVALID,
                             "the config of the image is not as the OCI specification has it");
    }
    if (read.workdir[0] != '/') {
        read.workdir = "/";
    }
    *ret_config = read;
    return 0;
}

/* A whole decimal number below 2^32 - 1, which stands for "none" in the kernel. */
static bool read_number(struct span text, uint32_t *ret_number)
{
    const char *digits = text.data;
    uint64_t number = 0;

    if (text.bytes == 0 || text.bytes > 10) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(digits[i] - '0');
    }
    *ret_number = (uint32_t)number;
    return number < UINT32_MAX;
}

/* Field n of a line of passwd or group. */
static struct span field(struct span line, int n)
{
    const char *at = line.data, *end = at + line.bytes;

    for (; n > 0 && at < end; at++) {
        n -= *at == ':' ? 1 : 0;
    }
    const char *stop = at;

    while (stop < end && *stop != ':') {
        stop++;
    }
    return (struct span){n == 0 ? at : end, n == 0 ? (size_t)(stop - at) : 0};
}

/* Finds the line whose field n is the word. */
static bool find_line(struct span file, int n, struct span word, struct span *ret_line)
{
    const char *at = file.data, *end = at == NULL ? NULL : at + file.bytes;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct span line = {at, (size_t)((newline != NULL ? newline : end) - at)};

        if (span_equal(field(line, n), word)) {
            *ret_line = line;
            return true;
        }
        at = newline != NULL ? newline + 1 : end;
    }
    return false;
}

static int read_group(struct span name, struct span group, uint32_t *ret_gid, struct exo_error *err)
{
    struct span line;

    if (read_number(name, ret_gid) ||
        (find_line(group, 0, name, &line) && read_number(field(line, 2), ret_gid))) {
        return 0;
    }
    return exo_error_set(err, EXO_EINVALID,
                         "the image runs as group \"%.*s\", which is not in its /etc/group",
                         SPAN_ARG(name));
}

int layout_user(const char *user, struct span passwd, struct span group, uint32_t *ret_uid,
                uint32_t *ret_gid, struct exo_error *err)
{
    struct span name = {user, strcspn(user, ":")};
    struct span group_name = span_of(user[name.bytes] == ':' ? user + name.bytes + 1 : "");
    uint32_t uid = 0, gid = IMAGE_USER_DEFAULT;
    struct span line;

    if (name.bytes > 0) {
        bool is_number = read_number(name, &uid);
        bool is_known = find_line(passwd, is_number ? 2 : 0, name, &line);

        if (!is_number && (!is_known || !read_number(field(line, 2), &uid))) {
            return exo_error_set(err, EXO_EINVALID,
                                 "the image runs as user \"%.*s\", who is not in its /etc/passwd",
                                 SPAN_ARG(name));
        }
        if (is_known && !read_number(field(line, 3), &gid)) {
            gid = IMAGE_USER_DEFAULT;
        }
    }
    if (group_name.bytes > 0 && read_group(group_name, group, &gid, err) != 0) {
        return -1;
    }
    if (uid == 0) {
        uid = IMAGE_USER_DEFAULT;
        gid = IMAGE_USER_DEFAULT;
    }
    *ret_uid = uid;
    *ret_gid = gid;
    return 0;
}
