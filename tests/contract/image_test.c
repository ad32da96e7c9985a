/* Images from layouts and archives on disk and from a registry, under real skopeo and umoci. */
#include "workers/image/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/contract/image_trial.h"

enum { IMAGES_AT_ONCE = 10 };

static void must_be_there(const struct answer *answer)
{
    if (answer->image == NULL) {
        fail_msg("no image: %s", answer->err.text);
    }
}

/* The error's code is right and its text says so. */
static void must_fail(struct image_trial *trial, const char *reference, const char *pinned,
                      enum exo_error_code code, const char *says)
{
    struct answer answer = image_trial_get(trial, reference, pinned);

    if (answer.image != NULL) {
        fail_msg("%s was found", reference);
    }
    if (answer.err.code != code || strstr(answer.err.text, says) == NULL) {
        fail_msg("%s: %s: %s", reference, exo_error_code_name(answer.err.code), answer.err.text);
    }
}

static bool exists_below(const char *directory, const char *path)
{
    char whole[512];

    (void)snprintf(whole, sizeof(whole), "%s/%s", directory, path);
    return access(whole, F_OK) == 0;
}

static void layout_becomes_a_directory(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct answer first = image_trial_get(trial, "oci:busybox", NULL);

    must_be_there(&first);
    const struct image *image = first.image;

    assert_true(exists_below(image->rootfs, "bin/busybox"));
    assert_true(exists_below(image->rootfs, "exosphere"));
    assert_int_equal(image->uid, 65532);
    assert_int_equal(image->gid, 65532);
    assert_int_equal(strncmp(image->env[0], "PATH=/usr/local/bin", 19), 0);
    assert_null(image->env[1]);
    assert_null(image->entrypoint[0]);
    assert_string_equal(image->command[0], "/bin/sh");
    assert_string_equal(image->workdir, "/");
    assert_true(image->bytes > 1 << 20);

    /* By its digest, by its tag, and after a restart it is the same directory. */
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1], pinned[256];

    memcpy(digest, image->digest, sizeof(digest));
    (void)snprintf(pinned, sizeof(pinned), "oci:busybox@%s", digest);
    struct answer second = image_trial_get(trial, pinned, digest);

    assert_ptr_equal(second.image, image);
    image_release(trial->store, image);
    image_release(trial->store, image);
    image_trial_reopen(trial, NULL);
    second = image_trial_get(trial, "oci:busybox:latest", digest);
    must_be_there(&second);
    assert_string_equal(second.image->digest, digest);
    assert_string_equal(second.image->command[0], "/bin/sh");
    image_release(trial->store, second.image);
    assert_int_equal(image_trial_count(trial, "images"), 1);
}

static void many_share_one_fetch(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct answer answers[IMAGES_AT_ONCE] = {{.is_done = false}};

    for (size_t i = 0; i < IMAGES_AT_ONCE; i++) {
        (void)image_get(trial->store, i % 2 == 0 ? "oci:busybox" : "oci:busybox:latest", NULL,
                        image_trial_on_ready, &answers[i]);
    }
    bool is_never = false;

    for (size_t i = 0; i < IMAGES_AT_ONCE; i++) {
        while (!answers[i].is_done) {
            (void)loop_run_until(trial->loop, &is_never, EXO_MILLISECOND);
            assert_true(image_trial_count(trial, "tmp") <= 1);
        }
        must_be_there(&answers[i]);
        assert_ptr_equal(answers[i].image, answers[0].image);
    }
    for (size_t i = 0; i < IMAGES_AT_ONCE; i++) {
        image_release(trial->store, answers[i].image);
    }
}

static void names_do_not_lead_out(void **state)
{
    struct image_trial *trial = image_trial_of(state);

    image_trial_shell(trial,
                      "cp -r $I/busybox $D/outside; ln -sfn ../outside $I/link;"
                      "ln -sfn /etc $I/absolute; : >$D/file.tar; ln -sfn ../file.tar $I/a.tar");
    must_fail(trial, "oci:../outside", NULL, EXO_EINVALID, "leads out");
    must_fail(trial, "oci:/etc", NULL, EXO_EINVALID, "leads out");
    must_fail(trial, "oci:a/./b", NULL, EXO_EINVALID, "leads out");
    must_fail(trial, "oci:link", NULL, EXO_EDENIED, "leads out");
    must_fail(trial, "oci:absolute", NULL, EXO_EDENIED, "leads out");
    must_fail(trial, "oci-archive:a.tar", NULL, EXO_EDENIED, "leads out");
    must_fail(trial, "dir:/etc", NULL, EXO_EINVALID, "transport");
    must_fail(trial, "oci:--help", NULL, EXO_EINVALID, "no name");
    assert_int_equal(image_trial_count(trial, "images"), 0);
}

static void missing_images_say_where_it_looked(void **state)
{
    struct image_trial *trial = image_trial_of(state);

    must_fail(trial, "oci:busibox", NULL, EXO_ENOTFOUND, trial->image_dir);
    must_fail(trial, "oci:busibox", NULL, EXO_ENOTFOUND, "busybox");
    must_fail(trial, "oci:busybox:old", NULL, EXO_ENOTFOUND, "there are: latest");
    must_fail(trial, "docker-archive:no.tar", NULL, EXO_ENOTFOUND, "no.tar");
    image_trial_shell(trial, "mkdir -p $I/empty; echo '{\"manifests\":[' >$I/empty/index.json");
    must_fail(trial, "oci:empty", NULL, EXO_EINVALID, "index.json");
    image_trial_shell(trial, "rm -r $I/empty");

    struct image_settings settings = image_trial_settings(trial);

    settings.image_dir = NULL;
    image_trial_reopen(trial, &settings);
    must_fail(trial, "oci:busybox", NULL, EXO_EINVALID, "--image-dir");
}

static void archives_become_directories(void **state)
{
    struct image_trial *trial = image_trial_of(state);

    image_trial_shell(trial, "rm -f $I/oci.tar $I/docker.tar;"
                             "skopeo copy oci:$I/busybox oci-archive:$I/oci.tar;"
                             "skopeo copy oci:$I/busybox docker-archive:$I/docker.tar:some/name:1");
    struct answer oci = image_trial_get(trial, "oci-archive:oci.tar", NULL);
    struct answer docker = image_trial_get(trial, "docker-archive:docker.tar", NULL);

    must_be_there(&oci);
    must_be_there(&docker);
    assert_true(exists_below(oci.image->rootfs, "bin/busybox"));
    assert_true(exists_below(docker.image->rootfs, "bin/busybox"));
    assert_int_equal(image_trial_count(trial, "archives"), 2);
    image_release(trial->store, oci.image);
    image_release(trial->store, docker.image);

    /* Known by its size and time, it is not read again: no child, so no directory in tmp/. */
    struct answer again = {.is_done = false};
    bool is_never = false;

    (void)image_get(trial->store, "docker-archive:docker.tar", NULL, image_trial_on_ready, &again);
    while (!again.is_done) {
        (void)loop_run_until(trial->loop, &is_never, EXO_MILLISECOND);
        assert_int_equal(image_trial_count(trial, "tmp"), 0);
    }
    assert_ptr_equal(again.image, docker.image);
    image_release(trial->store, again.image);
}

static void users_become_numbers(void **state)
{
    static const struct {
        const char *user;
        uint32_t uid, gid;
    } cases[] = {
        {"satellite", 65532, 65532},     {"root", 65532, 65532}, {"0", 65532, 65532},
        {"1000:satellite", 1000, 65532}, {"1000:7", 1000, 7},    {"65532", 65532, 65532},
    };
    struct image_trial *trial = image_trial_of(state);
    char line[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)snprintf(line, sizeof(line),
                       "rm -rf $I/user; cp -r $I/busybox $I/user;"
                       "umoci config --image $I/user:latest --config.user '%s'",
                       cases[i].user);
        image_trial_shell(trial, line);
        struct answer answer = image_trial_get(trial, "oci:user", NULL);

        must_be_there(&answer);
        assert_int_equal(answer.image->uid, cases[i].uid);
        assert_int_equal(answer.image->gid, cases[i].gid);
        image_release(trial->store, answer.image);
    }
    image_trial_shell(trial, "umoci config --image $I/user:latest --config.user stranger");
    must_fail(trial, "oci:user", NULL, EXO_EINVALID, "\"stranger\"");
    image_trial_shell(trial, "rm -r $I/user");
}

static void changed_image_is_not_the_pinned_one(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    image_trial_shell(trial, "rm -rf $I/changing; cp -r $I/busybox $I/changing");
    struct answer before = image_trial_get(trial, "oci:changing", NULL);

    must_be_there(&before);
    memcpy(digest, before.image->digest, sizeof(digest));
    image_release(trial->store, before.image);
    image_trial_shell(trial, "umoci config --image $I/changing:latest --config.env A=b");

    /* Who has it keeps it; who has not is told. */
    struct answer pinned = image_trial_get(trial, "oci:changing", digest);

    must_be_there(&pinned);
    assert_string_equal(pinned.image->digest, digest);
    image_release(trial->store, pinned.image);
    struct answer now = image_trial_get(trial, "oci:changing", NULL);

    must_be_there(&now);
    assert_string_not_equal(now.image->digest, digest);
    image_release(trial->store, now.image);
    image_store_close(trial->store);
    trial->store = NULL;
    image_trial_shell(trial, "rm -rf $C");
    image_trial_reopen(trial, NULL);
    must_fail(trial, "oci:changing", digest, EXO_ECONFLICT, digest);
    must_fail(trial, "oci:changing", "sha256:12", EXO_EINVALID, "no digest");
    image_trial_shell(trial, "rm -r $I/changing");
}

static void unused_images_make_room(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct image_settings settings = image_trial_settings(trial);

    settings.cache_bytes_max = 3 << 20; /* a busybox is about two */
    image_trial_reopen(trial, &settings);
    image_trial_shell(trial, "rm -rf $I/other; cp -r $I/busybox $I/other;"
                             "umoci config --image $I/other:latest --config.env A=b");
    struct answer one = image_trial_get(trial, "oci:busybox", NULL);
    struct answer other = image_trial_get(trial, "oci:other", NULL);

    must_be_there(&one);
    must_be_there(&other);
    /* Both are in use: the bound waits. */
    assert_int_equal(image_trial_count(trial, "images"), 2);
    assert_true(exists_below(one.image->rootfs, "bin/busybox"));
    image_release(trial->store, one.image);
    assert_int_equal(image_trial_count(trial, "images"), 1);
    assert_true(exists_below(other.image->rootfs, "bin/busybox"));
    image_release(trial->store, other.image);
    assert_int_equal(image_trial_count(trial, "images"), 1);
    one = image_trial_get(trial, "oci:busybox", NULL);
    must_be_there(&one);
    assert_int_equal(image_trial_count(trial, "images"), 1);
    image_release(trial->store, one.image);
    image_trial_shell(trial, "rm -r $I/other");
}

/* A worker that was killed leaves halves in tmp/, never in images/; a damaged image is dropped. */
static void leftovers_go_at_open(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct answer answer = image_trial_get(trial, "oci:busybox", NULL);
    bool is_never = false;

    must_be_there(&answer);
    image_release(trial->store, answer.image);
    image_store_close(trial->store);
    trial->store = NULL;
    image_trial_shell(trial, "mkdir -p $C/tmp/aaaaaa/rootfs/deep; : >$C/tmp/aaaaaa/rootfs/file;"
                             "for m in $C/images/*/meta.json; do echo '{' >$m; done");
    image_trial_reopen(trial, NULL);
    for (int i = 0; image_trial_count(trial, "tmp") > 0; i++) {
        assert_true(i < 1000);
        (void)loop_run_until(trial->loop, &is_never, 10 * EXO_MILLISECOND);
    }
    assert_int_equal(image_trial_count(trial, "images"), 0);
    answer = image_trial_get(trial, "oci:busybox", NULL);
    must_be_there(&answer);
    image_release(trial->store, answer.image);

    struct image_settings settings = image_trial_settings(trial);
    struct exo_error err;

    assert_null(image_store_open(trial->loop, &settings, &err));
    assert_int_equal(err.code, EXO_ECONFLICT);
}

static void fetch_has_a_limit(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct image_settings settings = image_trial_settings(trial);

    settings.fetch_limit_ns = EXO_MILLISECOND;
    image_trial_reopen(trial, &settings);
    must_fail(trial, "oci:busybox", NULL, EXO_EUNAVAILABLE, "took longer");
}

static void cancelled_request_is_not_answered(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct answer never = {.is_done = false};
    bool is_never = false;

    image_cancel(image_get(trial->store, "oci:busybox", NULL, image_trial_on_ready, &never));
    for (int i = 0; image_trial_count(trial, "images") == 0; i++) {
        assert_true(i < 3000);
        (void)loop_run_until(trial->loop, &is_never, 10 * EXO_MILLISECOND);
    }
    assert_false(never.is_done);
    /* Closing in the middle of a fetch: no answer, nothing left running. */
    image_trial_shell(trial,
                      "rm -f $I/busy.tar; skopeo copy oci:$I/busybox oci-archive:$I/busy.tar");
    (void)image_get(trial->store, "oci-archive:busy.tar", NULL, image_trial_on_ready, &never);
    while (image_trial_count(trial, "tmp") == 0) {
        (void)loop_run_until(trial->loop, &is_never, EXO_MILLISECOND);
    }
    image_store_close(trial->store);
    trial->store = NULL;
    assert_false(never.is_done);
}

static void registry_needs_credentials(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct image_settings settings = image_trial_settings(trial);
    char name[128];

    image_trial_needs_registry(trial);
    const char *const plain[] = {trial->registry, NULL};

    (void)snprintf(name, sizeof(name), "docker://%s/tests/busybox:1.0", trial->registry);
    settings.plain_registries = plain;
    image_trial_reopen(trial, &settings);
    must_fail(trial, name, NULL, EXO_EDENIED, "auth file");
    settings.auth_file = trial->auth_file;
    image_trial_reopen(trial, &settings);
    struct answer answer = image_trial_get(trial, name, NULL);

    must_be_there(&answer);
    assert_true(exists_below(answer.image->rootfs, "bin/busybox"));
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    memcpy(digest, answer.image->digest, sizeof(digest));
    image_release(trial->store, answer.image);
    (void)snprintf(name, sizeof(name), "%s/tests/busybox:1.0@%s", trial->registry, digest);
    answer = image_trial_get(trial, name, digest);
    must_be_there(&answer);
    assert_string_equal(answer.image->digest, digest);
    image_release(trial->store, answer.image);
    (void)snprintf(name, sizeof(name), "%s/tests/busybox:2.0", trial->registry);
    must_fail(trial, name, NULL, EXO_ENOTFOUND, "check name and tag");
}

static void absent_registry_is_worth_another_try(void **state)
{
    struct image_trial *trial = image_trial_of(state);
    struct image_settings settings = image_trial_settings(trial);
    char name[128], digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    image_trial_needs_registry(trial);
    const char *const plain[] = {trial->registry, NULL};

    settings.plain_registries = plain;
    settings.auth_file = trial->auth_file;
    image_trial_reopen(trial, &settings);
    (void)snprintf(name, sizeof(name), "%s/tests/busybox:1.0", trial->registry);
    struct answer answer = image_trial_get(trial, name, NULL);

    must_be_there(&answer);
    memcpy(digest, answer.image->digest, sizeof(digest));
    image_release(trial->store, answer.image);
    assert_int_equal(kill(trial->registry_pid, SIGKILL), 0);
    assert_int_equal(waitpid(trial->registry_pid, NULL, 0), trial->registry_pid);
    trial->registry_pid = 0;
    /* What is pinned and here needs no registry. */
    image_trial_reopen(trial, &settings);
    answer = image_trial_get(trial, name, digest);
    must_be_there(&answer);
    image_release(trial->store, answer.image);
    struct answer away = image_trial_get(trial, name, NULL);

    assert_null(away.image);
    assert_int_equal(away.err.code, EXO_EUNAVAILABLE);
    assert_true(away.err.is_retryable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_becomes_a_directory),
        cmocka_unit_test(many_share_one_fetch),
        cmocka_unit_test(names_do_not_lead_out),
        cmocka_unit_test(missing_images_say_where_it_looked),
        cmocka_unit_test(archives_become_directories),
        cmocka_unit_test(users_become_numbers),
        cmocka_unit_test(changed_image_is_not_the_pinned_one),
        cmocka_unit_test(unused_images_make_room),
        cmocka_unit_test(leftovers_go_at_open),
        cmocka_unit_test(fetch_has_a_limit),
        cmocka_unit_test(cancelled_request_is_not_answered),
        cmocka_unit_test(registry_needs_credentials),
        cmocka_unit_test(absent_registry_is_worth_another_try),
    };
    return cmocka_run_group_tests(tests, image_trial_open, image_trial_close);
}
