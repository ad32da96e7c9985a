/* sse: what is written is read back, however the bytes are cut. */
#include "infra/http/sse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct told {
    char text[1024];
    size_t bytes;
};

static void tell(void *argument, const struct sse_event *event)
{
    struct told *told = argument;
    int bytes = snprintf(told->text + told->bytes, sizeof(told->text) - told->bytes, "<%s|%s|%.*s>",
                         event->id, event->event, SPAN_ARG(event->data));

    told->bytes += (size_t)bytes;
}

static struct heap_budget budget;

static void assert_read(const char *stream, const char *expected)
{
    size_t bytes = strlen(stream);

    for (size_t step = 1; step <= bytes; step++) {
        struct sse_reader reader;
        struct told told = {.bytes = 0};

        sse_reader_init(&reader, allocator_heap(&budget), 100);
        for (size_t at = 0; at < bytes; at += step) {
            size_t piece = bytes - at < step ? bytes - at : step;

            assert_int_equal(sse_feed(&reader, (struct span){stream + at, piece}, tell, &told), 0);
        }
        assert_string_equal(told.text, expected);
        sse_reader_release(&reader);
    }
    assert_int_equal(budget.used_bytes, 0);
}

static void test_reads_the_standards_forms(void **state)
{
    (void)state;
    assert_read("data: a\n\n", "<|message|a>");
    assert_read("data:a\ndata:  b\ndata\n\n", "<|message|a\n b\n>");
    assert_read("id: 7\nevent: task\ndata: x\r\n\r\ndata: y\r\r: note\nother: z\n\n",
                "<7|task|x><7|message|y>");
    assert_read("event: lost\n\nid: 8\n\ndata: z\n\ndata: cut", "<8|message|z>");
}

static void test_writes_what_it_reads(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "a", "a\nb", "a\n", "\n", " a: b"};
    struct buffer buffer;
    struct told expected = {.bytes = 0};

    buffer_init(&buffer, allocator_heap(&budget), 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct sse_event event = {.id = "5", .event = "log", .data = span_of(texts[i])};

        sse_append(&buffer, &event);
        buffer_text(&buffer, SSE_KEEPALIVE);
        tell(&expected, &event);
    }
    buffer_append(&buffer, (struct span){"", 1});
    assert_false(buffer.is_failed);
    char stream[1024];

    assert_true(buffer.bytes <= sizeof(stream));
    memcpy(stream, buffer.data, buffer.bytes);
    buffer_release(&buffer);
    assert_read(stream, expected.text);
}

static void test_refuses_what_is_too_large(void **state)
{
    (void)state;
    struct sse_reader reader;
    struct told told = {.bytes = 0};
    char line[256];

    memset(line, 'x', sizeof(line));
    sse_reader_init(&reader, allocator_heap(&budget), 100);
    assert_int_equal(sse_feed(&reader, (struct span){line, sizeof(line)}, tell, &told), -1);
    assert_int_equal(sse_feed(&reader, span_of("\n\ndata: a\n\n"), tell, &told), -1);
    sse_reader_release(&reader);
    sse_reader_init(&reader, allocator_heap(&budget), 100);
    int result = 0;

    for (int i = 0; i < 100 && result == 0; i++) {
        result = sse_feed(&reader, span_of("data: 1234567890\n"), tell, &told);
    }
    assert_int_equal(result, -1);
    assert_int_equal(sse_feed(&reader, span_of("\n"), tell, &told), -1);
    assert_int_equal(told.bytes, 0);
    sse_reader_release(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_standards_forms),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_refuses_what_is_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
