/* image_layout_fuzz: any bytes as index.json, manifest, config, passwd and name of an image. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "workers/image/image_layout.h"
#include "workers/image/image_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_texts(const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        assert(strlen(*texts) < SIZE_MAX);
    }
}

static void check_name(const char *text)
{
    struct image_reference reference;
    struct exo_error err;
    char host[IMAGE_REFERENCE_BYTES_MAX + 1];

    if (image_reference_parse(text, &reference, &err) == 0) {
        /* What a path or an option might be made of never gets through. */
        assert(reference.name[0] != '-' && reference.name[0] != '/' && reference.name[0] != '\0');
        assert(strstr(reference.name, "//") == NULL && strchr(reference.name, ' ') == NULL);
        image_reference_host(&reference, host);
        assert(host[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct heap_budget heap = {.limit_bytes = 64 << 20};
    struct span bytes = {data, size};
    struct layout_entry entry;
    struct layout_config config;
    struct exo_error err;
    struct arena arena;
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];
    char *text = malloc(size + 1);
    uint32_t uid, gid;

    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    arena_init(&arena, allocator_heap(&heap), 0);
    check_name(text);
    if (layout_find(bytes, "", &arena, &entry, &err) == 0) {
        assert(image_digest_is_valid(entry.digest));
    }
    if (layout_config_digest(bytes, &arena, digest, &err) == 0) {
        assert(image_digest_is_valid(digest));
    }
    if (layout_config_read(bytes, &arena, &config, &err) == 0) {
        check_texts(config.env);
        check_texts(config.entrypoint);
        check_texts(config.command);
        assert(config.workdir[0] == '/');
    }
    if (layout_user(text, bytes, bytes, &uid, &gid, &err) == 0) {
        assert(uid != 0);
    }
    arena_release(&arena);
    free(text);
    return 0;
}
