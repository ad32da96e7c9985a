#include "workers/image/image_arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* The words, joined by blanks, are these. */
static void must_be(const struct image_arguments *arguments, const char *line)
{
    char joined[4096] = "";

    for (const char *const *at = arguments->list; *at != NULL; at++) {
        (void)strcat(joined, *at);
        (void)strcat(joined, at[1] != NULL ? " " : "");
    }
    assert_string_equal(joined, line);
}

static struct image_reference parsed(const char *text)
{
    struct image_reference reference;
    struct exo_error err;

    assert_int_equal(image_reference_parse(text, &reference, &err), 0);
    return reference;
}

static void registry_is_asked_and_copied_by_digest(void **state)
{
    struct image_reference reference = parsed("docker://r.example:5000/a/b:1.0");
    struct image_arguments arguments;
    struct image_access access = {.has_policy = true};

    (void)state;
    image_arguments_inspect(&arguments, &reference, &access);
    must_be(&arguments, "skopeo inspect --no-tags --format {{.Digest}} --no-creds "
                        "docker://r.example:5000/a/b:1.0");
    image_arguments_copy(&arguments, &reference, &access, DIGEST, "/unused", "unused", "/c/tmp/x");
    must_be(&arguments, "skopeo --override-os linux copy --quiet --src-no-creds "
                        "docker://r.example:5000/a/b@" DIGEST " oci:/c/tmp/x/layout:image");

    access = (struct image_access){.auth_file = "/auth", .is_plain = true};
    image_arguments_inspect(&arguments, &reference, &access);
    must_be(&arguments, "skopeo --insecure-policy inspect --no-tags --format {{.Digest}} "
                        "--authfile /auth --tls-verify=false docker://r.example:5000/a/b:1.0");
    image_arguments_copy(&arguments, &reference, &access, DIGEST, "", "", "/x");
    must_be(&arguments, "skopeo --insecure-policy --override-os linux copy --quiet --src-authfile "
                        "/auth --src-tls-verify=false docker://r.example:5000/a/b@" DIGEST
                        " oci:/x/layout:image");
}

static void local_images_are_copied_by_path(void **state)
{
    struct image_access access = {.auth_file = "/auth", .has_policy = true};
    struct image_reference oci = parsed("oci:a/b:t"), archive = parsed("docker-archive:a.tar");
    struct image_arguments arguments;

    (void)state;
    image_arguments_copy(&arguments, &oci, &access, "", "/i/a/b", "t", "/x");
    must_be(&arguments, "skopeo --override-os linux copy --quiet --preserve-digests oci:/i/a/b:t "
                        "oci:/x/layout:image");
    image_arguments_copy(&arguments, &oci, &access, "", "/i/a/b", "", "/x");
    assert_string_equal(arguments.from, "oci:/i/a/b");
    image_arguments_copy(&arguments, &archive, &access, "", "/i/a.tar", "", "/x");
    must_be(&arguments, "skopeo --override-os linux copy --quiet docker-archive:/i/a.tar "
                        "oci:/x/layout:image");
}

static void who_is_not_root_unpacks_rootless(void **state)
{
    struct image_arguments arguments;

    (void)state;
    image_arguments_unpack(&arguments, "/x", true);
    must_be(&arguments, "umoci raw unpack --image /x/layout:image /x/rootfs");
    image_arguments_unpack(&arguments, "/x", false);
    must_be(&arguments, "umoci raw unpack --rootless --image /x/layout:image /x/rootfs");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_is_asked_and_copied_by_digest),
        cmocka_unit_test(local_images_are_copied_by_path),
        cmocka_unit_test(who_is_not_root_unpacks_rootless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
