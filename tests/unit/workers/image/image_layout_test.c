#include "workers/image/image_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static struct heap_budget heap;
static struct arena arena;

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena, allocator_heap(&heap), 0);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_release(&arena);
    return heap.used_bytes == 0 ? 0 : -1;
}

static struct span two_manifests(void)
{
    return span_of("{\"manifests\":["
                   "{\"digest\":\"sha256:" HEX "1\",\"annotations\":"
                   "{\"org.opencontainers.image.ref.name\":\"latest\"}},"
                   "{\"digest\":\"sha256:" HEX "2\",\"mediaType\":"
                   "\"application/vnd.oci.image.index.v1+json\",\"annotations\":"
                   "{\"org.opencontainers.image.ref.name\":\"old\"}},"
                   "{\"digest\":\"md5:1\"},7]}");
}

static void tag_leads_to_its_manifest(void **state)
{
    struct layout_entry entry;
    struct exo_error err;

    (void)state;
    assert_int_equal(layout_find(two_manifests(), "", &arena, &entry, &err), 0);
    assert_string_equal(entry.digest, "sha256:" HEX "1");
    assert_string_equal(entry.tag, "latest");
    assert_false(entry.is_index);
    assert_int_equal(layout_find(two_manifests(), "old", &arena, &entry, &err), 0);
    assert_string_equal(entry.digest, "sha256:" HEX "2");
    assert_true(entry.is_index);
    assert_int_equal(layout_find(two_manifests(), "new", &arena, &entry, &err), -1);
    assert_int_equal(err.code, EXO_ENOTFOUND);
    assert_non_null(strstr(err.text, "there are: latest, old"));
}

static void only_one_needs_no_tag(void **state)
{
    struct span index = span_of("{\"manifests\":[{\"digest\":\"sha256:" HEX "3\"}]}");
    struct layout_entry entry;
    struct exo_error err;

    (void)state;
    assert_int_equal(layout_find(index, "", &arena, &entry, &err), 0);
    assert_string_equal(entry.tag, "");
    assert_int_equal(layout_find(index, "x", &arena, &entry, &err), -1);
}

static void other_files_are_refused(void **state)
{
    static const char *const texts[] = {
        "", "[]", "{}", "{\"manifests\":{}}", "{\"manifests\":[]}", "{\"manifests\":"};
    struct layout_entry entry;
    struct layout_config config;
    struct exo_error err;
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(layout_find(span_of(texts[i]), "", &arena, &entry, &err), -1);
        assert_int_equal(err.code, EXO_EINVALID);
        assert_int_equal(layout_config_digest(span_of(texts[i]), &arena, digest, &err), -1);
    }
    assert_int_equal(
        layout_config_digest(span_of("{\"config\":{\"digest\":\"sha256:../../../etc/passwd\"}}"),
                             &arena, digest, &err),
        -1);
    assert_int_equal(
        layout_config_read(span_of("{\"config\":{\"Env\":[1]}}"), &arena, &config, &err), -1);
    assert_int_equal(layout_config_read(span_of("{\"config\":{\"Cmd\":[\"a\\u0000b\"]}}"), &arena,
                                        &config, &err),
                     -1);
}

static void config_is_read(void **state)
{
    struct layout_config config;
    struct exo_error err;
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    (void)state;
    assert_int_equal(layout_config_digest(span_of("{\"config\":{\"digest\":\"sha256:" HEX "4\"}}"),
                                          &arena, digest, &err),
                     0);
    assert_string_equal(digest, "sha256:" HEX "4");
    assert_int_equal(layout_config_read(span_of("{\"config\":{\"User\":\"web\",\"Env\":[\"A=1\"],"
                                                "\"Entrypoint\":[\"/e\",\"x\"],\"Cmd\":null,"
                                                "\"WorkingDir\":\"/srv\"}}"),
                                        &arena, &config, &err),
                     0);
    assert_string_equal(config.user, "web");
    assert_string_equal(config.env[0], "A=1");
    assert_null(config.env[1]);
    assert_string_equal(config.entrypoint[1], "x");
    assert_null(config.entrypoint[2]);
    assert_null(config.command[0]);
    assert_string_equal(config.workdir, "/srv");
    assert_int_equal(layout_config_read(span_of("{}"), &arena, &config, &err), 0);
    assert_string_equal(config.user, "");
    assert_string_equal(config.workdir, "/");
    assert_null(config.env[0]);
}

static void users_are_looked_up(void **state)
{
    static const struct {
        const char *user;
        int64_t uid, gid; /* -1: refused */
    } cases[] = {
        {"", 65532, 65532},     {"root", 65532, 65532}, {"0", 65532, 65532},
        {"0:0", 65532, 65532},  {"web", 33, 44},        {"web:staff", 33, 50},
        {"33", 33, 44},         {"33:7", 33, 7},        {"1000", 1000, 65532},
        {"1000:0", 1000, 0},    {"last", 99, 98},       {"nobody", -1, 0},
        {"web:none", -1, 0},    {"broken", -1, 0},      {"4294967295", -1, 0},
        {"99999999999", -1, 0}, {"-1", -1, 0},          {":staff", 65532, 65532},
    };
    struct span passwd = span_of("root:x:0:0::/:/bin/sh\nweb:x:33:44:web:/:/bin/sh\nbroken:x\n"
                                 "\nlast:x:99:98::/:");
    struct span group = span_of("root:x:0:\nstaff:x:50:web\n");

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t uid = 1, gid = 1;
        struct exo_error err = {.code = EXO_OK};
        int failed = layout_user(cases[i].user, passwd, group, &uid, &gid, &err);

        if (failed != (cases[i].uid < 0 ? -1 : 0) || (failed == 0 && uid != cases[i].uid) ||
            (failed == 0 && gid != cases[i].gid)) {
            fail_msg("\"%s\" became %d: %u:%u", cases[i].user, failed, uid, gid);
        }
        if (failed != 0) {
            assert_int_equal(err.code, EXO_EINVALID);
        }
    }
    uint32_t uid = 1, gid = 1;
    struct exo_error err;

    assert_int_equal(
        layout_user("7", (struct span){NULL, 0}, (struct span){NULL, 0}, &uid, &gid, &err), 0);
    assert_int_equal(uid, 7);
    assert_int_equal(gid, 65532);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tag_leads_to_its_manifest), cmocka_unit_test(only_one_needs_no_tag),
        cmocka_unit_test(other_files_are_refused),   cmocka_unit_test(config_is_read),
        cmocka_unit_test(users_are_looked_up),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
