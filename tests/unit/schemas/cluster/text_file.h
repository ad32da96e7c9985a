/* text_file: a file of the project, whole, for tests that run in its root. */
#ifndef EXO_TEST_TEXT_FILE_H
#define EXO_TEST_TEXT_FILE_H

#include "tests/unit/schemas/cluster/cluster_fixture.h"

/* Reads a file into the fixture's arena, with a NUL after; fails the test where there is none. */
static inline struct span text_file(struct cluster_fixture *f, const char *path)
{
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    size_t bytes;

    if (file == NULL) {
        fail_msg("%s cannot be opened: tests run in the root of the project", path);
    }
    buffer_reset(&f->text);
    while ((bytes = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        buffer_append(&f->text, (struct span){chunk, bytes});
    }
    assert_int_equal(ferror(file), 0);
    assert_int_equal(fclose(file), 0);
    struct span copy = arena_copy(&f->arena, buffer_span(&f->text));

    assert_non_null(copy.data);
    return copy;
}

#endif /* EXO_TEST_TEXT_FILE_H */
