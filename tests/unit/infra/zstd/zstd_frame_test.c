/* zstd frame: there and back, and frames that lie. */
#include "infra/zstd/zstd_frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct world {
    struct heap_budget budget;
    struct buffer frame, bytes;
};

static void world_open(struct world *w)
{
    *w = (struct world){0};
    buffer_init(&w->frame, allocator_heap(&w->budget), 0);
    buffer_init(&w->bytes, allocator_heap(&w->budget), 0);
}

static void world_close(struct world *w)
{
    buffer_release(&w->frame);
    buffer_release(&w->bytes);
    assert_int_equal(w->budget.used_bytes, 0);
}

static void there_and_back(void **state)
{
    static const size_t sizes[] = {0, 1, 5, 65535, 65536, 65537, 1 << 20};
    unsigned char *bytes = malloc(1 << 20);

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 1 << 20; i++) {
        bytes[i] = (unsigned char)((i * 2654435761u) >> 24);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct world w;

        world_open(&w);
        assert_int_equal(zstd_compress((struct span){bytes, sizes[i]}, &w.frame, NULL), 0);
        assert_int_equal(zstd_expand(buffer_span(&w.frame), sizes[i], &w.bytes, NULL), 0);
        assert_true(span_equal(buffer_span(&w.bytes), (struct span){bytes, sizes[i]}));
        world_close(&w);
    }
    free(bytes);
}

static void frames_one_after_the_other(void **state)
{
    struct world w;

    (void)state;
    world_open(&w);
    assert_int_equal(zstd_compress(span_of("one "), &w.frame, NULL), 0);
    assert_int_equal(zstd_compress(span_of("two"), &w.frame, NULL), 0);
    assert_int_equal(zstd_expand(buffer_span(&w.frame), 100, &w.bytes, NULL), 0);
    assert_true(span_is(buffer_span(&w.bytes), "one two"));
    world_close(&w);
}

static void wrong_frames_are_refused(void **state)
{
    struct world w;
    struct exo_error err;
    char zeros[4096] = {0};

    (void)state;
    world_open(&w);
    assert_int_equal(zstd_expand(span_of("this is no frame"), 100, &w.bytes, &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    assert_int_equal(zstd_expand((struct span){NULL, 0}, 100, &w.bytes, &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    assert_int_equal(zstd_compress((struct span){zeros, sizeof(zeros)}, &w.frame, NULL), 0);
    assert_int_equal(zstd_expand(buffer_span(&w.frame), sizeof(zeros) - 1, &w.bytes, &err), -1);
    assert_int_equal(err.code, EXO_ELIMIT);
    w.frame.bytes--;
    assert_int_equal(zstd_expand(buffer_span(&w.frame), sizeof(zeros), &w.bytes, &err), -1);
    assert_int_equal(err.code, EXO_EINVALID);
    world_close(&w);
}

/* What came before, a frame cut or one too large, leaves nothing behind. */
static void one_unpacker_takes_many(void **state)
{
    struct zstd_unpacker *unpacker = zstd_unpacker_new();
    struct world w;
    struct exo_error err;

    (void)state;
    assert_non_null(unpacker);
    world_open(&w);
    assert_int_equal(zstd_compress(span_of("the same again"), &w.frame, NULL), 0);
    struct span whole = buffer_span(&w.frame);

    for (size_t bytes = 0; bytes < whole.bytes; bytes++) {
        buffer_reset(&w.bytes);
        assert_int_equal(
            zstd_unpack(unpacker, (struct span){whole.data, bytes}, 100, &w.bytes, &err), -1);
        assert_int_equal(err.code, EXO_EINVALID);
        buffer_reset(&w.bytes);
        assert_int_equal(zstd_unpack(unpacker, whole, 13, &w.bytes, &err), -1);
        assert_int_equal(err.code, EXO_ELIMIT);
        buffer_reset(&w.bytes);
        assert_int_equal(zstd_unpack(unpacker, whole, 14, &w.bytes, NULL), 0);
        assert_true(span_is(buffer_span(&w.bytes), "the same again"));
    }
    zstd_unpacker_free(unpacker);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(frames_one_after_the_other),
        cmocka_unit_test(wrong_frames_are_refused),
        cmocka_unit_test(one_unpacker_takes_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
