#include "workers/sandbox/spec_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "schemas/vocab/limits.h"

static const char *const command[] = {"/bin/true", NULL};

static struct sandbox_spec good(void)
{
    return (struct sandbox_spec){
        .id = "0189-a.3.17.1",
        .rootfs = "/var/lib/images/x/rootfs",
        .args = command,
        .uid = 65532,
        .gid = 0,
    };
}

/* The spec is refused with that code and the text says why. */
static void refused(const struct sandbox_spec *spec, enum exo_error_code code, const char *says)
{
    struct exo_error err = {.code = EXO_OK};

    assert_int_equal(spec_check(spec, &err), -1);
    assert_int_equal(err.code, code);
    if (strstr(err.text, says) == NULL) {
        fail_msg("no \"%s\" in: %s", says, err.text);
    }
}

static void good_one_passes(void **state)
{
    const struct sandbox_mount mounts[] = {{"/srv/data", "/data"}, {"/srv", "/deep/er/data"}};
    const struct sandbox_secret secrets[] = {{"a", {"x", 1}}, {"A.b-c_9", {NULL, 0}}};
    struct sandbox_spec spec = good();
    struct exo_error err;

    (void)state;
    assert_int_equal(spec_check(&spec, &err), 0);
    spec.mounts = mounts;
    spec.mount_count = 2;
    spec.secrets = secrets;
    spec.secret_count = 2;
    spec.cwd = "/";
    spec.cpu_millis = 10;
    assert_int_equal(spec_check(&spec, &err), 0);
}

static void odd_ids_are_refused(void **state)
{
    static const char *const ids[] = {"", ".", "..", ".x", "a/b", "a b", "a\n", "\xc3\xa9"};
    struct sandbox_spec spec = good();
    char longest[SANDBOX_ID_BYTES_MAX + 2];
    struct exo_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        spec.id = ids[i];
        refused(&spec, EXO_EINVALID, "id of an attempt");
    }
    memset(longest, 'a', sizeof(longest));
    longest[SANDBOX_ID_BYTES_MAX + 1] = '\0';
    spec.id = longest;
    refused(&spec, EXO_EINVALID, "id of an attempt");
    longest[SANDBOX_ID_BYTES_MAX] = '\0';
    assert_int_equal(spec_check(&spec, &err), 0);
}

static void root_is_refused(void **state)
{
    struct sandbox_spec spec = good();

    (void)state;
    spec.uid = 0;
    refused(&spec, EXO_EINVALID, "root");
}

static void paths_must_name_one_place(void **state)
{
    static const char *const paths[] = {"rel", "", "/a/../b", "/a/.", "//a", "/a//b", "/a/"};
    struct sandbox_spec spec = good();

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct sandbox_mount from = {paths[i], "/data"}, to = {"/data", paths[i]};

        spec = good();
        spec.rootfs = paths[i];
        refused(&spec, EXO_EINVALID, "rootfs");
        spec = good();
        spec.cwd = paths[i];
        refused(&spec, EXO_EINVALID, "workdir");
        spec = good();
        spec.mount_count = 1;
        spec.mounts = &from;
        refused(&spec, EXO_EINVALID, "source of mount 0");
        spec.mounts = &to;
        refused(&spec, EXO_EINVALID, "path of mount 0");
    }
    spec.rootfs = NULL;
    refused(&spec, EXO_EINVALID, "rootfs");
    spec.rootfs = "/with,comma";
    refused(&spec, EXO_EINVALID, "rootfs");
}

static void mounts_keep_off_what_is_ours(void **state)
{
    static const char *const taken[] = {"/exosphere", "/exosphere/x", "/proc", "/proc/1",
                                        "/sys",       "/dev/null",    "/"};
    struct sandbox_spec spec = good();
    struct exo_error err;

    (void)state;
    spec.mount_count = 1;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        const struct sandbox_mount mount = {"/srv", taken[i]};

        spec.mounts = &mount;
        refused(&spec, EXO_EINVALID, "mount");
    }
    const struct sandbox_mount beside = {"/srv", "/exosphere2"};

    spec.mounts = &beside;
    assert_int_equal(spec_check(&spec, &err), 0);
    spec.mount_count = SANDBOX_MOUNTS_MAX + 1;
    refused(&spec, EXO_ELIMIT, "mounts");
}

static void artefacts_have_plain_names(void **state)
{
    static const char *const names[] = {"", ".", "..", "a/b", ".a", "a b"};
    struct sandbox_spec spec = good();

    (void)state;
    spec.artefacts_count = 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct sandbox_artefacts artefacts = {names[i], "/srv/a"};

        spec.artefacts = &artefacts;
        refused(&spec, EXO_EINVALID, "artefacts 0");
    }
    const struct sandbox_artefacts beyond = {"a", "/srv/../etc"};

    spec.artefacts = &beyond;
    refused(&spec, EXO_EINVALID, "artefacts 0");
    spec.artefacts_count = SANDBOX_ARTEFACTS_MAX + 1;
    refused(&spec, EXO_ELIMIT, "artefacts of more than");
}

static void secrets_have_plain_names(void **state)
{
    static const char *const names[] = {"", "..", ".x", "a/b", "a b"};
    struct sandbox_spec spec = good();

    (void)state;
    spec.secret_count = 1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct sandbox_secret secret = {names[i], {"hush", 4}};
        struct exo_error err;

        spec.secrets = &secret;
        refused(&spec, EXO_EINVALID, "name of secret 0");
        assert_int_equal(spec_check(&spec, &err), -1);
        assert_null(strstr(err.text, "hush"));
    }
    const struct sandbox_secret twice[] = {{"a", {"1", 1}}, {"a", {"2", 1}}};

    spec.secrets = twice;
    spec.secret_count = 2;
    refused(&spec, EXO_EINVALID, "named twice");
    spec.secret_count = SANDBOX_SECRETS_MAX + 1;
    refused(&spec, EXO_ELIMIT, "secrets");
}

static void command_and_environment_are_checked(void **state)
{
    static const char *many[SANDBOX_ARGS_MAX + 2];
    static char large[4 * LIMIT_ENV_BYTES + 10];
    const char *const none[] = {NULL}, *const empty[] = {"", NULL},
                      *const nameless[] = {"=x", NULL};
    const char *const no_value[] = {"NAME", NULL}, *const too_large[] = {large, NULL};
    struct sandbox_spec spec = good();

    (void)state;
    spec.args = NULL;
    refused(&spec, EXO_EINVALID, "no command");
    spec.args = none;
    refused(&spec, EXO_EINVALID, "no command");
    spec.args = empty;
    refused(&spec, EXO_EINVALID, "no command");
    for (size_t i = 0; i <= SANDBOX_ARGS_MAX; i++) {
        many[i] = "x";
    }
    spec.args = many;
    refused(&spec, EXO_ELIMIT, "arguments");
    spec = good();
    spec.env = nameless;
    refused(&spec, EXO_EINVALID, "env entry");
    spec.env = NULL;
    spec.image_env = no_value;
    refused(&spec, EXO_EINVALID, "env entry");
    memset(large, 'x', sizeof(large) - 1);
    large[1] = '=';
    spec.image_env = too_large;
    refused(&spec, EXO_ELIMIT, "environment");
}

static void resources_are_checked(void **state)
{
    struct sandbox_spec spec = good();

    (void)state;
    spec.memory_bytes = -1;
    refused(&spec, EXO_EINVALID, "memory");
    spec = good();
    spec.cpu_millis = 9;
    refused(&spec, EXO_EINVALID, "cpu");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_one_passes),
        cmocka_unit_test(odd_ids_are_refused),
        cmocka_unit_test(root_is_refused),
        cmocka_unit_test(paths_must_name_one_place),
        cmocka_unit_test(mounts_keep_off_what_is_ours),
        cmocka_unit_test(artefacts_have_plain_names),
        cmocka_unit_test(artefacts_have_plain_names),
        cmocka_unit_test(secrets_have_plain_names),
        cmocka_unit_test(command_and_environment_are_checked),
        cmocka_unit_test(resources_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
