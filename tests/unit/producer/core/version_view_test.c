/* version_view: one version as JSON, what lists are asked for, ETags. */
#include "producer/core/version_view.h"

#include "producer/core/listing.h"
#include "tests/support/test.h"

static void test_view(void **state)
{
    struct heap_budget budget = {0};
    struct buffer text;
    struct version_view view = {.kind = VERSION_SATELLITE,
                                .project = "p",
                                .name = "n",
                                .number = 2,
                                .newest = 3,
                                .created_ns = 1700000000123 * EXO_MILLISECOND,
                                .actor = "",
                                .message = "why",
                                .text = span_of("{}")};

    (void)state;
    memset(view.digest.bytes, 0xa1, DIGEST_BYTES);
    buffer_init(&text, allocator_heap(&budget), 0);
    struct json_writer w = {.buffer = &text};

    version_view_put(&w, &view);
    buffer_append(&text, (struct span){"", 1});
    assert_string_equal(
        text.data, "{\"kind\":\"satellite\",\"project\":\"p\",\"name\":\"n\",\"version\":2,"
                   "\"newest_version\":3,\"is_deleted\":false,\"digest\":\"sha256:"
                   "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1\","
                   "\"created_at\":\"2023-11-14T22:13:20.123Z\",\"actor\":null,\"message\":\"why\","
                   "\"definition\":{}}");
    buffer_release(&text);
}

static void test_listing(void **state)
{
    struct version_listing listing;

    (void)state;
    version_listing_init(&listing);
    assert_int_equal(listing.limit, LISTING_LIMIT_DEFAULT);
    assert_null(version_listing_set(&listing, false, "limit", span_of("7")));
    assert_null(version_listing_set(&listing, false, "project", span_of("p")));
    assert_null(version_listing_set(&listing, false, "cursor", span_of("p/c")));
    assert_int_equal(listing.limit, 7);
    assert_true(span_is(listing.project, "p"));
    assert_true(span_is(listing.after_project, "p") && span_is(listing.after_name, "c"));
    assert_null(version_listing_set(&listing, true, "cursor", span_of("12")));
    assert_int_equal(listing.before, 12);
    assert_non_null(version_listing_set(&listing, false, "limit", span_of("1001")));
    assert_non_null(version_listing_set(&listing, false, "project", span_of("P")));
    assert_non_null(version_listing_set(&listing, false, "cursor", span_of("p/c@1")));
    assert_non_null(version_listing_set(&listing, false, "cursor", span_of("12")));
    assert_non_null(version_listing_set(&listing, true, "cursor", span_of("p/c")));
    assert_non_null(version_listing_set(&listing, true, "project", span_of("p")));
    assert_non_null(version_listing_set(&listing, false, "state", span_of("x")));
}

static void test_etag(void **state)
{
    static const char *const wrong[] = {"",      "3",   "\"\"",    "\"0\"",
                                        "\"x\"", "\"3", "W/\"3\"", "\"latest\""};
    int64_t version = 0;

    (void)state;
    assert_true(etag_parse(span_of("\"12\""), &version));
    assert_int_equal(version, 12);
    assert_true(etag_parse(span_of("*"), &version));
    assert_int_equal(version, -1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(etag_parse(span_of(wrong[i]), &version));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_view),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_etag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
