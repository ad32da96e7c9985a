#include "workers/image/image_reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void good_ones_are_taken_apart(void **state)
{
    static const struct {
        const char *text;
        enum image_transport transport;
        const char *name, *tag, *digest, *host;
    } cases[] = {
        {"busybox", IMAGE_DOCKER, "busybox", "", "", "docker.io"},
        {"docker://busybox:1.36", IMAGE_DOCKER, "busybox", "1.36", "", "docker.io"},
        {"library/busybox", IMAGE_DOCKER, "library/busybox", "", "", "docker.io"},
        {"localhost/x", IMAGE_DOCKER, "localhost/x", "", "", "localhost"},
        {"docker://r.example:5000/a/b:c", IMAGE_DOCKER, "r.example:5000/a/b", "c", "",
         "r.example:5000"},
        {"r.example:5000/a", IMAGE_DOCKER, "r.example:5000/a", "", "", "r.example:5000"},
        {"a/b:c@sha256:" HEX, IMAGE_DOCKER, "a/b", "", "sha256:" HEX, "docker.io"},
        {"oci:busybox", IMAGE_OCI, "busybox", "", "", NULL},
        {"oci:deep/er/name:v1.0_x-y", IMAGE_OCI, "deep/er/name", "v1.0_x-y", "", NULL},
        {"oci:name:t@sha256:" HEX, IMAGE_OCI, "name", "t", "sha256:" HEX, NULL},
        {"docker-archive:some.tar.gz", IMAGE_DOCKER_ARCHIVE, "some.tar.gz", "", "", NULL},
        {"oci-archive:dir/x+y.tar", IMAGE_OCI_ARCHIVE, "dir/x+y.tar", "", "", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct image_reference reference;
        struct exo_error err;
        char host[IMAGE_REFERENCE_BYTES_MAX + 1];

        if (image_reference_parse(cases[i].text, &reference, &err) != 0) {
            fail_msg("%s: %s", cases[i].text, err.text);
        }
        assert_int_equal(reference.transport, cases[i].transport);
        assert_string_equal(reference.name, cases[i].name);
        assert_string_equal(reference.tag, cases[i].tag);
        assert_string_equal(reference.digest, cases[i].digest);
        if (cases[i].host != NULL) {
            image_reference_host(&reference, host);
            assert_string_equal(host, cases[i].host);
        }
    }
}

static void bad_ones_are_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "docker://",
        "oci:",
        "oci::tag",
        "oci:..",
        "oci:../x",
        "oci:a/../b",
        "oci:/etc/x",
        "oci:a//b",
        "oci:a/",
        "oci:-x",
        "oci:a b",
        "oci:a,b",
        "oci:a:",
        "oci:a:b c",
        "oci:a\nb",
        "docker-archive:a:b",
        "--help",
        "docker://a b",
        "docker:busybox@x",
        "a@sha256:12",
        ("a@sha256:" HEX "0"),
        ("a@md5:" HEX),
        "dir:/etc",
        "containers-storage:x",
        "docker-daemon:x:y",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct image_reference reference = {.name = "untouched"};
        struct exo_error err = {.code = EXO_OK};

        if (image_reference_parse(texts[i], &reference, &err) == 0) {
            fail_msg("\"%s\" is taken as %s", texts[i], reference.name);
        }
        assert_int_equal(err.code, EXO_EINVALID);
        assert_string_equal(reference.name, "untouched");
    }
    char longest[IMAGE_REFERENCE_BYTES_MAX + 2];
    struct image_reference reference;
    struct exo_error err;

    memset(longest, 'a', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(image_reference_parse(longest, &reference, &err), -1);
    longest[sizeof(longest) - 2] = '\0';
    assert_int_equal(image_reference_parse(longest, &reference, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_taken_apart),
        cmocka_unit_test(bad_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
