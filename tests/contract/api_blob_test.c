/* Large blobs through the doors of attempts: streamed in from a file, out as fast as they are
 * taken. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "infra/crypto/attempt_token.h"
#include "infra/crypto/crypto.h"
#include "tests/contract/api_trial.h"
#include "tests/support/test.h"

enum { MIB = 1 << 20, PIECE_BYTES = 64 << 10 };

struct room {
    struct api_trial *t;
    struct api *usual; /* the trial's own */
    struct blobs *blobs;
    char dir[64];
    char token[ATTEMPT_TOKEN_TEXT_BYTES];
    int fd; /* the body */
    struct digest digest;
    char path[128];

    /* The last answer. */
    bool is_done;
    int status;
    char text[1024];
    uint64_t got;
    struct sha256 *sha256;
};

static int open_room(void **state)
{
    struct room *r = calloc(1, sizeof(*r));
    struct api_settings settings = api_trial_settings();
    struct task_id task = {.instance = 3};
    struct exo_error err;

    r->t = api_trial_open(NULL, false);
    (void)snprintf(r->dir, sizeof(r->dir), "/tmp/exo_api_blob_XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    const struct blob_settings blob_settings = {.directory = r->dir};

    r->blobs = blobs_open(r->t->stage.loop, r->t->stage.store, &blob_settings, &err);
    assert_non_null(r->blobs);
    settings.blobs = r->blobs;
    r->usual = r->t->api;
    r->t->api = api_open(r->t->stage.loop, r->t->stage.log, r->t->stage.store, r->t->stage.cache,
                         &settings, &err);
    assert_non_null(r->t->api);
    attempt_token_make(r->t->secret, &task, 1, r->token);
    r->fd = -1;
    *state = r;
    return 0;
}

static int remove_entry(const char *path, const struct stat *facts, int kind, struct FTW *walk)
{
    (void)facts;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int close_room(void **state)
{
    struct room *r = *state;

    api_close(r->t->api);
    r->t->api = r->usual;
    blobs_close(r->blobs);
    api_trial_close(r->t);
    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    sha256_free(r->sha256);
    (void)nftw(r->dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    free(r);
    return 0;
}

/* A file of bytes, and the path it belongs to. */
static void body_make(struct room *r, size_t bytes)
{
    unsigned char piece[PIECE_BYTES];
    struct sha256 *sha256 = sha256_new();
    unsigned long x = 1;

    if (r->fd >= 0) {
        (void)close(r->fd);
    }
    r->fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    assert_true(r->fd >= 0);
    for (size_t at = 0; at < bytes; at += sizeof(piece)) {
        size_t count = bytes - at < sizeof(piece) ? bytes - at : sizeof(piece);

        for (size_t i = 0; i < count; i++) {
            x = x * 6364136223846793005UL + 1442695040888963407UL;
            piece[i] = (unsigned char)(x >> 56);
        }
        assert_int_equal(write(r->fd, piece, count), count);
        sha256_add(sha256, (struct span){piece, count});
    }
    r->digest = sha256_finish(sha256);
    sha256_free(sha256);
    (void)snprintf(r->path, sizeof(r->path), "/internal/blobs/");
    digest_format(&r->digest, r->path + strlen(r->path));
}

static void on_done(void *argument, const struct http_result *result)
{
    struct room *r = argument;

    r->status = result->status;
    (void)snprintf(r->text, sizeof(r->text), "%.*s", (int)result->body.bytes,
                   (const char *)result->body.data);
    r->is_done = true;
}

static void on_data(void *argument, struct span bytes)
{
    struct room *r = argument;

    r->got += bytes.bytes;
    sha256_add(r->sha256, bytes);
}

static int ask(struct room *r, const char *method, const char *path, const char *token,
               uint64_t body_bytes)
{
    char url[256];
    struct http_body_file file = {r->fd, body_bytes};
    struct exo_error err;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", api_port(r->t->api), path);
    struct http_call_options options = {
        .method = method,
        .url = url,
        .bearer = token,
        .body_file = body_bytes == 0 ? NULL : &file,
        .on_data = strcmp(method, "GET") == 0 ? on_data : NULL,
        .on_done = on_done,
        .argument = r,
    };

    sha256_free(r->sha256);
    r->sha256 = sha256_new();
    r->got = 0;
    r->is_done = false;
    assert_non_null(http_call_start(r->t->client, &options, &err));
    assert_true(stage_run(&r->t->stage, &r->is_done, 60 * EXO_SECOND));
    return r->status;
}

static int put(struct room *r, uint64_t bytes)
{
    return ask(r, "PUT", r->path, r->token, bytes);
}

static void get_is_whole(struct room *r, uint64_t bytes)
{
    assert_int_equal(ask(r, "GET", r->path, r->token, 0), 200);
    assert_int_equal(r->got, bytes);
    struct digest digest = sha256_finish(r->sha256);

    assert_memory_equal(digest.bytes, r->digest.bytes, DIGEST_BYTES);
}

static void a_large_blob_goes_in_and_out(void **state)
{
    struct room *r = *state;
    static const size_t sizes[] = {(8 * MIB) + 1, 32 * MIB};

    for (size_t i = 0; i < 2; i++) {
        body_make(r, sizes[i]);
        assert_int_equal(ask(r, "GET", r->path, r->token, 0), 404);
        assert_int_equal(put(r, sizes[i]), 204);
        assert_int_equal(put(r, sizes[i]), 204);
        get_is_whole(r, sizes[i]);
        assert_int_equal(ask(r, "HEAD", r->path, r->token, 0), 200);
    }
    body_make(r, 8 * MIB); /* and the largest that the store takes */
    assert_int_equal(put(r, 8 * MIB), 204);
    get_is_whole(r, 8 * MIB);
}

static void wrong_ones_are_refused(void **state)
{
    struct room *r = *state;
    char other[128];

    body_make(r, 12 * MIB);
    (void)snprintf(other, sizeof(other), "%s", r->path);
    other[20] = other[20] == 'a' ? 'b' : 'a';
    assert_int_equal(ask(r, "PUT", other, r->token, 12 * MIB), 400);
    assert_non_null(strstr(r->text, "SHA-256"));
    assert_int_equal(ask(r, "GET", other, r->token, 0), 404);
    assert_int_equal(ask(r, "PUT", "/internal/blobs/17", r->token, 12 * MIB), 404);
    assert_int_equal(ask(r, "PUT", r->path, "nonsense", 12 * MIB), 401);
    assert_int_equal(ask(r, "PUT", r->path, NULL, 12 * MIB), 401);
    assert_int_equal(ask(r, "GET", r->path, "nonsense", 0), 401);
    assert_int_equal(ftruncate(r->fd, (off_t)1 << 31), 0); /* a hole: nothing of it is sent */
    assert_int_equal(put(r, ((uint64_t)1 << 30) + 1), 413);
    assert_non_null(strstr(r->text, "1 GiB"));
}

static void without_objects_it_says_which_setting(void **state)
{
    struct room *r = *state;
    struct api *with = r->t->api;

    body_make(r, 12 * MIB);
    r->t->api = r->usual;
    int status = put(r, 12 * MIB);

    r->t->api = with;
    assert_int_equal(status, 413);
    assert_non_null(strstr(r->text, "s3_endpoint"));
}

/* A directory that vanishes while bytes come: an answer, not a hang. */
static void a_place_that_fails_is_answered(void **state)
{
    struct room *r = *state;

    body_make(r, 32 * MIB);
    (void)nftw(r->dir, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
    int status = put(r, 32 * MIB);

    assert_true(status >= 500);
    assert_int_equal(mkdir(r->dir, 0700), 0);
    assert_int_equal(put(r, 32 * MIB), 204);
    get_is_whole(r, 32 * MIB);
}

static void a_client_that_leaves_leaves_nothing(void **state)
{
    struct room *r = *state;
    bool never = false;
    char url[256];
    struct http_body_file file = {-1, 32 * MIB};
    struct exo_error err;

    body_make(r, 32 * MIB);
    file.fd = r->fd;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", api_port(r->t->api), r->path);
    struct http_call_options options = {.method = "PUT",
                                        .url = url,
                                        .bearer = r->token,
                                        .body_file = &file,
                                        .on_done = on_done,
                                        .argument = r};

    for (int turns = 1; turns <= 8; turns++) {
        struct http_call *call = http_call_start(r->t->client, &options, &err);

        assert_non_null(call);
        (void)stage_run(&r->t->stage, &never, turns * EXO_MILLISECOND);
        http_call_cancel(call);
    }
    assert_int_equal(ask(r, "GET", r->path, r->token, 0), 404);
    assert_int_equal(put(r, 32 * MIB), 204);
    get_is_whole(r, 32 * MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_large_blob_goes_in_and_out, open_room, close_room),
        cmocka_unit_test_setup_teardown(wrong_ones_are_refused, open_room, close_room),
        cmocka_unit_test_setup_teardown(without_objects_it_says_which_setting, open_room,
                                        close_room),
        cmocka_unit_test_setup_teardown(a_place_that_fails_is_answered, open_room, close_room),
        cmocka_unit_test_setup_teardown(a_client_that_leaves_leaves_nothing, open_room, close_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
