/* Every story of large blobs on the back-end named: blob_test directory|s3 [story]. The S3 kind
 * wants the server of tests/contract/s3_server. */
#include "infra/blob/blob.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "infra/crypto/crypto.h"
#include "infra/store/store_object.h"

enum { MIB = 1 << 20, PIECE_BYTES = 40000 };

static const exo_time limit_ns = 60 * EXO_SECOND;

struct trial {
    struct loop *loop;
    struct store *store;
    struct blobs *blobs;
    struct blob_settings settings;
    char dir[64];
    const char *data; /* where objects become files */

    /* The last answer. */
    bool is_done, has_room, is_data_late;
    int code;
    struct exo_error err;
    uint64_t size, got;
    struct sha256 *sha256;
    struct blob_get *get;
    uint64_t pause_at; /* 0: never */
    char keys[4][STORE_KEY_BYTES];
    uint32_t key_count;
};

static void wait_for(struct trial *t, const bool *flag)
{
    assert_true(loop_run_until(t->loop, flag, limit_ns));
}

static void on_done(void *argument, const struct exo_error *err)
{
    struct trial *t = argument;

    t->code = err == NULL ? 0 : (int)err->code;
    if (err != NULL) {
        t->err = *err;
    }
    t->is_done = true;
}

static void on_room(void *argument)
{
    ((struct trial *)argument)->has_room = true;
}

/* Byte number at of the blob of a seed: nothing repeats that a wrong range could hide behind. */
static unsigned char byte_of(unsigned seed, uint64_t at)
{
    uint64_t x = (at / 8 + 1) * 0x9e3779b97f4a7c15ULL + seed;

    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9ULL;
    return (unsigned char)(x >> (8 * (at % 8)));
}

static void fill(unsigned seed, uint64_t at, unsigned char *room, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        room[i] = byte_of(seed, at + i);
    }
}

static struct digest digest_of(unsigned seed, uint64_t bytes)
{
    unsigned char piece[PIECE_BYTES];
    struct sha256 *sha256 = sha256_new();

    for (uint64_t at = 0; at < bytes; at += sizeof(piece)) {
        size_t count = bytes - at < sizeof(piece) ? (size_t)(bytes - at) : sizeof(piece);

        fill(seed, at, piece, count);
        sha256_add(sha256, (struct span){piece, count});
    }
    struct digest digest = sha256_finish(sha256);

    sha256_free(sha256);
    return digest;
}

static struct blob_put *begin(struct trial *t, const struct digest *digest, uint64_t bytes)
{
    const struct blob_put_events events = {on_room, on_done, t};

    t->is_done = false;
    return blob_put_begin(t->blobs, digest, bytes, &events);
}

static void write_all(struct trial *t, struct blob_put *put, unsigned seed, uint64_t bytes)
{
    unsigned char piece[PIECE_BYTES];

    for (uint64_t at = 0; at < bytes && !t->is_done; at += sizeof(piece)) {
        size_t count = bytes - at < sizeof(piece) ? (size_t)(bytes - at) : sizeof(piece);

        fill(seed, at, piece, count);
        t->has_room = false;
        if (!blob_put_write(put, (struct span){piece, count})) {
            bool *flag = &t->has_room;

            while (!*flag && !t->is_done) {
                /* Whichever comes first. */
                if (loop_run_until(t->loop, flag, 10 * EXO_MILLISECOND)) {
                    break;
                }
            }
        }
    }
}

static int put(struct trial *t, unsigned seed, uint64_t bytes)
{
    struct digest digest = digest_of(seed, bytes);
    struct blob_put *put = begin(t, &digest, bytes);

    write_all(t, put, seed, bytes);
    if (!t->is_done) {
        blob_put_end(put);
        wait_for(t, &t->is_done);
    }
    return t->code;
}

static void on_size(void *argument, uint64_t bytes)
{
    ((struct trial *)argument)->size = bytes;
}

static void on_data(void *argument, struct span bytes)
{
    struct trial *t = argument;

    t->is_data_late = t->is_data_late || (t->pause_at != 0 && t->got >= t->pause_at);
    t->got += bytes.bytes;
    sha256_add(t->sha256, bytes);
    if (t->pause_at != 0 && t->got >= t->pause_at) {
        blob_get_pause(t->get);
    }
}

static struct blob_get *get_begin(struct trial *t, const struct digest *digest)
{
    const struct blob_get_events events = {on_size, on_data, on_done, t};

    t->is_done = false;
    t->is_data_late = false;
    t->size = 0;
    t->got = 0;
    sha256_free(t->sha256);
    t->sha256 = sha256_new();
    t->get = blob_get_begin(t->blobs, digest, &events);
    return t->get;
}

static int get(struct trial *t, unsigned seed, uint64_t bytes)
{
    struct digest digest = digest_of(seed, bytes);

    t->pause_at = 0;
    (void)get_begin(t, &digest);
    wait_for(t, &t->is_done);
    if (t->code == 0) {
        struct digest found = sha256_finish(t->sha256);

        assert_int_equal(t->size, bytes);
        assert_int_equal(t->got, bytes);
        assert_memory_equal(found.bytes, digest.bytes, DIGEST_BYTES);
    }
    return t->code;
}

static int found_files;

static int count_file(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)path;
    (void)facts;
    (void)walk;
    found_files += kind == FTW_F;
    return 0;
}

static int files(const struct trial *t)
{
    found_files = 0;
    assert_int_equal(nftw(t->data, count_file, 16, FTW_PHYS), 0);
    return found_files;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    return walk->level == 0 ? 0 : remove(path);
}

/* What is freed late (other threads, requests nobody waits for) has its time. */
static void wait_for_files(struct trial *t, int count)
{
    bool never = false;

    for (int i = 0; i < 500 && files(t) != count; i++) {
        assert_false(loop_run_until(t->loop, &never, 20 * EXO_MILLISECOND));
    }
    assert_int_equal(files(t), count);
}

/* What s3_server says of itself. */
static char *told(const char *name)
{
    char *value = getenv(name);

    if (value == NULL) {
        print_error("%s is not set: tests/contract/s3_server does that\n", name);
        abort();
    }
    return value;
}

static struct trial *open_trial(void **state)
{
    struct trial *t = calloc(1, sizeof(*t));
    const struct store_settings store_settings = {.backend = "sqlite", .path = ":memory:"};
    struct exo_error err;

    assert_non_null(t);
    t->loop = loop_new(&err);
    assert_non_null(t->loop);
    t->store = store_open(t->loop, &store_settings, &err);
    assert_non_null(t->store);
    t->is_done = false;
    store_migrate(t->store, 1, on_done, t);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, 0);
    (void)snprintf(t->dir, sizeof(t->dir), "/tmp/exo_blob_XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    if (strcmp(*state, "s3") == 0) {
        t->settings = (struct blob_settings){
            .s3_endpoint = getenv("EXO_TEST_S3_ENDPOINT"),
            .s3_bucket = getenv("EXO_TEST_S3_BUCKET"),
            .s3_prefix = "a/prefix",
            .s3_region = getenv("EXO_TEST_S3_REGION"),
            .s3_access_key = getenv("EXO_TEST_S3_ACCESS_KEY"),
            .s3_secret_key = getenv("EXO_TEST_S3_SECRET_KEY"),
        };
        t->data = told("EXO_TEST_S3_DATA");
        (void)nftw(t->data, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    } else {
        t->settings = (struct blob_settings){.directory = t->dir};
        t->data = t->dir;
    }
    t->blobs = blobs_open(t->loop, t->store, &t->settings, &err);
    if (t->blobs == NULL) {
        fail_msg("%s", err.text);
    }
    return t;
}

static void close_trial(struct trial *t)
{
    blobs_close(t->blobs);
    store_close(t->store);
    loop_free(t->loop);
    sha256_free(t->sha256);
    (void)nftw(t->dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    (void)rmdir(t->dir);
    free(t);
}

static void what_is_put_can_be_got(void **state)
{
    struct trial *t = open_trial(state);
    uint64_t bytes = 21 * MIB + 12345;

    assert_int_equal(get(t, 1, bytes), EXO_ENOTFOUND);
    assert_int_equal(put(t, 1, bytes), 0);
    assert_int_equal(get(t, 1, bytes), 0);
    /* A whole number of writes. */
    assert_int_equal(put(t, 2, 16 * MIB), 0);
    assert_int_equal(get(t, 2, 16 * MIB), 0);
    wait_for_files(t, 2);
    close_trial(t);
}

static void a_small_one_comes_from_the_store(void **state)
{
    struct trial *t = open_trial(state);
    unsigned char bytes[1000];
    struct digest digest = digest_of(3, sizeof(bytes));

    fill(3, 0, bytes, sizeof(bytes));
    t->is_done = false;
    store_blob_put(t->store, &digest, (struct span){bytes, sizeof(bytes)}, on_done, t);
    wait_for(t, &t->is_done);
    assert_int_equal(get(t, 3, sizeof(bytes)), 0);
    close_trial(t);
}

static void a_second_put_of_the_same_writes_nothing(void **state)
{
    struct trial *t = open_trial(state);

    assert_int_equal(put(t, 1, 9 * MIB), 0);
    assert_int_equal(put(t, 1, 9 * MIB), 0);
    wait_for_files(t, 1);
    /* And is still checked. */
    struct digest digest = digest_of(1, 9 * MIB);
    struct blob_put *wrong = begin(t, &digest, 9 * MIB);

    write_all(t, wrong, 2, 9 * MIB);
    blob_put_end(wrong);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, EXO_EINVALID);
    close_trial(t);
}

static void wrong_bytes_are_refused_and_leave_nothing(void **state)
{
    struct trial *t = open_trial(state);
    struct digest digest = digest_of(1, 9 * MIB);
    struct blob_put *wrong = begin(t, &digest, 9 * MIB);

    write_all(t, wrong, 2, 9 * MIB);
    blob_put_end(wrong);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, EXO_EINVALID);
    assert_non_null(strstr(t->err.text, "SHA-256"));
    assert_int_equal(get(t, 1, 9 * MIB), EXO_ENOTFOUND);

    struct blob_put *less = begin(t, &digest, 9 * MIB);

    write_all(t, less, 1, 8 * MIB);
    blob_put_end(less);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, EXO_EINVALID);

    struct blob_put *more = begin(t, &digest, 9 * MIB);

    write_all(t, more, 1, 10 * MIB);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, EXO_EINVALID);
    wait_for_files(t, 0);
    close_trial(t);
}

static void a_cancelled_put_leaves_nothing(void **state)
{
    struct trial *t = open_trial(state);
    struct digest digest = digest_of(1, 30 * MIB);
    struct blob_put *half = begin(t, &digest, 30 * MIB);

    write_all(t, half, 1, 20 * MIB);
    blob_put_cancel(half);
    wait_for_files(t, 0);
    assert_int_equal(get(t, 1, 30 * MIB), EXO_ENOTFOUND);
    close_trial(t);
}

static void a_paused_get_waits(void **state)
{
    struct trial *t = open_trial(state);
    struct digest digest = digest_of(1, 20 * MIB);
    bool never = false;

    assert_int_equal(put(t, 1, 20 * MIB), 0);
    t->pause_at = 5 * MIB;
    (void)get_begin(t, &digest);
    while (t->got < t->pause_at) {
        assert_false(loop_run_until(t->loop, &never, 5 * EXO_MILLISECOND));
    }
    assert_false(loop_run_until(t->loop, &never, 50 * EXO_MILLISECOND));
    assert_false(t->is_data_late);
    assert_false(t->is_done);
    t->pause_at = 0;
    blob_get_resume(t->get);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, 0);
    assert_int_equal(t->got, 20 * MIB);

    /* And one that is cancelled says no more. */
    t->pause_at = 5 * MIB;
    struct blob_get *left = get_begin(t, &digest);

    while (t->got < t->pause_at) {
        assert_false(loop_run_until(t->loop, &never, 5 * EXO_MILLISECOND));
    }
    blob_get_cancel(left);
    assert_false(loop_run_until(t->loop, &t->is_done, 50 * EXO_MILLISECOND));
    close_trial(t);
}

static void on_keys(void *argument, const char (*keys)[STORE_KEY_BYTES], uint32_t count,
                    const struct exo_error *err)
{
    struct trial *t = argument;

    assert_null(err);
    assert_true(count <= 4);
    memcpy(t->keys, keys, count * sizeof(*keys));
    t->key_count = count;
    t->is_done = true;
}

static void what_was_claimed_can_be_removed(void **state)
{
    struct trial *t = open_trial(state);
    struct digest digest = digest_of(1, 9 * MIB);

    /* Two uploads of one digest at once: the later one stays doomed. */
    struct blob_put *first = begin(t, &digest, 9 * MIB);
    struct blob_put *second = begin(t, &digest, 9 * MIB);

    write_all(t, first, 1, 9 * MIB);
    blob_put_end(first);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, 0);
    t->is_done = false;
    write_all(t, second, 1, 9 * MIB);
    blob_put_end(second);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, 0);
    wait_for_files(t, 2);

    t->is_done = false;
    store_object_claim(t->store, 0, 4, on_keys, t);
    wait_for(t, &t->is_done);
    assert_int_equal(t->key_count, 1);
    for (int i = 0; i < 2; i++) { /* also what is gone already */
        t->is_done = false;
        (void)blob_object_remove(t->blobs, t->keys[0], on_done, t);
        wait_for(t, &t->is_done);
        assert_int_equal(t->code, 0);
    }
    wait_for_files(t, 1);
    assert_int_equal(get(t, 1, 9 * MIB), 0);
    close_trial(t);
}

static void closing_ends_what_is_under_way(void **state)
{
    struct trial *t = open_trial(state);
    struct digest digest = digest_of(1, 20 * MIB);
    struct digest other = digest_of(2, 20 * MIB);

    assert_int_equal(put(t, 1, 20 * MIB), 0);
    (void)get_begin(t, &digest);
    struct blob_put *half = begin(t, &other, 20 * MIB);

    write_all(t, half, 2, 9 * MIB);
    t->is_done = false;
    close_trial(t); /* the sanitizers look for what is left */
}

static void an_object_that_is_gone_is_an_error(void **state)
{
    struct trial *t = open_trial(state);

    assert_int_equal(put(t, 1, 9 * MIB), 0);
    (void)nftw(t->data, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    assert_int_equal(get(t, 1, 9 * MIB), EXO_ENOTFOUND);
    close_trial(t);
}

static void without_objects_the_settings_are_named(void **state)
{
    struct trial *t = open_trial(state);
    const struct blob_settings none = {.directory = ""};
    struct exo_error err;

    blobs_close(t->blobs);
    t->blobs = blobs_open(t->loop, t->store, &none, &err);
    assert_non_null(t->blobs);
    assert_false(blobs_has_objects(t->blobs));
    assert_int_equal(put(t, 1, 9 * MIB), EXO_ELIMIT);
    assert_non_null(strstr(t->err.text, "s3_endpoint"));
    close_trial(t);
}

static void settings_are_checked(void **state)
{
    struct trial *t = open_trial(state);
    struct blob_settings good = {.s3_endpoint = "http://127.0.0.1:1",
                                 .s3_bucket = "b",
                                 .s3_access_key = "a",
                                 .s3_secret_key = "s"};
    struct blob_settings bad[] = {good, good, good, good, good, good};
    static const char *const named[] = {"s3_endpoint", "s3_endpoint",   "s3_bucket",
                                        "s3_prefix",   "s3_access_key", "s3_region"};

    bad[0].s3_endpoint = "s3.example.com";
    bad[1].s3_endpoint = "https://key:secret@example.com";
    bad[2].s3_bucket = "a/b";
    bad[3].s3_prefix = "a?b";
    bad[4].s3_secret_key = NULL;
    bad[5].s3_region = "a:b";
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct exo_error err;

        assert_null(blobs_open(t->loop, t->store, &bad[i], &err));
        assert_int_equal(err.code, EXO_EINVALID);
        assert_non_null(strstr(err.text, named[i]));
    }
    close_trial(t);
}

static void a_wrong_secret_is_refused_and_not_shown(void **state)
{
    struct trial *t = open_trial(state);
    struct exo_error err;

    blobs_close(t->blobs);
    t->settings.s3_secret_key = "another-secret";
    t->blobs = blobs_open(t->loop, t->store, &t->settings, &err);
    assert_non_null(t->blobs);
    assert_int_equal(put(t, 1, 9 * MIB), EXO_EDENIED);
    assert_non_null(strstr(t->err.text, "s3_secret_key"));
    assert_null(strstr(t->err.text, "another-secret"));
    close_trial(t);
}

static void a_server_that_stops_and_goes_on_loses_nothing(void **state)
{
    struct trial *t = open_trial(state);
    struct digest digest = digest_of(1, 40 * MIB);
    struct blob_put *put = begin(t, &digest, 40 * MIB);
    pid_t server = (pid_t)strtol(told("EXO_TEST_S3_PID"), NULL, 10);
    bool never = false;

    write_all(t, put, 1, 40 * MIB);
    assert_int_equal(kill(server, SIGSTOP), 0);
    blob_put_end(put);
    assert_false(loop_run_until(t->loop, &never, 300 * EXO_MILLISECOND));
    assert_int_equal(kill(server, SIGCONT), 0);
    wait_for(t, &t->is_done);
    assert_int_equal(t->code, 0);
    assert_int_equal(get(t, 1, 40 * MIB), 0);
    close_trial(t);
}

/* clang-format off */
#define STORY(story) {.name = #story, .test_func = (story)}
/* clang-format on */

int main(int argc, char **argv)
{
    bool is_s3 = argc > 1 && strcmp(argv[1], "s3") == 0;
    struct CMUnitTest tests[] = {
        STORY(what_is_put_can_be_got),
        STORY(a_small_one_comes_from_the_store),
        STORY(a_second_put_of_the_same_writes_nothing),
        STORY(wrong_bytes_are_refused_and_leave_nothing),
        STORY(a_cancelled_put_leaves_nothing),
        STORY(a_paused_get_waits),
        STORY(what_was_claimed_can_be_removed),
        STORY(closing_ends_what_is_under_way),
        STORY(an_object_that_is_gone_is_an_error),
        STORY(without_objects_the_settings_are_named),
        STORY(settings_are_checked),
        STORY(a_wrong_secret_is_refused_and_not_shown),
        STORY(a_server_that_stops_and_goes_on_loses_nothing),
    };
    size_t count = sizeof(tests) / sizeof(tests[0]) - (is_s3 ? 0 : 2);

    if (argc < 2) {
        (void)fprintf(stderr, "usage: blob_test directory|s3 [story]\n");
        return 64;
    }
    for (size_t i = 0; i < count; i++) {
        tests[i].initial_state = argv[1];
    }
    if (argc > 2) {
        cmocka_set_test_filter(argv[2]);
    }
    return _cmocka_run_group_tests(argv[1], tests, count, NULL, NULL);
}
