/* openapi_embed: a tool of the build: openapi.yaml in, a C file with its JSON out.
 *
 *   openapi_embed schemas/openapi.yaml openapi_json.c */
#include <stdio.h>
#include <stdlib.h>

#include "infra/yaml/yaml_read.h"
#include "schemas/json/json_write.h"

static void fail(const char *path, const char *text, const struct fault *fault)
{
    (void)fprintf(stderr, "%s:%u:%u: %s\n", path, fault == NULL ? 0 : fault->line,
                  fault == NULL ? 0 : fault->column, text);
    exit(1);
}

static void file_read(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "rb");
    char block[4096];
    size_t bytes;

    if (file == NULL) {
        fail(path, "cannot be opened", NULL);
        return;
    }
    while ((bytes = fread(block, 1, sizeof(block), file)) > 0) {
        buffer_append(text, (struct span){block, bytes});
    }
    if (ferror(file) != 0 || text->is_failed) {
        fail(path, "cannot be read", NULL);
    }
    (void)fclose(file); /* only read */
}

static void file_write(const char *path, struct span json)
{
    FILE *file = fopen(path, "wb");
    const unsigned char *bytes = json.data;

    if (file == NULL) {
        fail(path, "cannot be made", NULL);
        return;
    }
    (void)fputs("/* Made by producer/http/openapi_embed.c: do not edit. */\n"
                "#include \"producer/http/openapi.h\"\n\nconst unsigned char openapi_json[] = {\n",
                file);
    for (size_t i = 0; i < json.bytes; i++) {
        (void)fprintf(file, "0x%02x,%s", bytes[i], i % 16 == 15 ? "\n" : "");
    }
    (void)fprintf(file, "0};\nconst size_t openapi_json_bytes = %zu;\n", json.bytes);
    if (ferror(file) != 0 || fclose(file) != 0) {
        fail(path, "cannot be written", NULL);
    }
}

int main(int argc, char **argv)
{
    struct heap_budget budget = {.limit_bytes = 64 << 20};
    struct arena arena;
    struct buffer text;
    struct buffer json;
    struct fault_list faults;
    struct value value;

    if (argc != 3) {
        (void)fputs("openapi_embed OPENAPI.yaml OUT.c\n", stderr);
        return 2;
    }
    arena_init(&arena, allocator_heap(&budget), 0);
    buffer_init(&text, allocator_heap(&budget), 0);
    buffer_init(&json, allocator_heap(&budget), 0);
    fault_list_init(&faults, &arena, 0);
    file_read(argv[1], &text);
    if (text_read(buffer_span(&text), NULL, &arena, &value, &faults) != 0) {
        fail(argv[1], faults.first->text, faults.first);
    }
    json_write(&json, &value);
    buffer_text(&json, "\n");
    file_write(argv[2], buffer_span(&json));
    arena_release(&arena);
    buffer_release(&text);
    buffer_release(&json);
    return 0;
}
