/* worker role: a whole worker with real containers, a log in memory and a stand-in for the API's
 * doors. Needs root, crun, umoci and busybox-static; else skipped by name. */
#include "tests/contract/worker_trial.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "infra/crypto/crypto.h"
#include "infra/http/server.h"
#include "infra/zstd/zstd_frame.h"
#include "schemas/wire/event.h"

enum { BLOBS_MAX = 16, PATH_BYTES = 256 };

struct stage {
    struct trial trial;
    struct http_server *api;
    char url[64];
    char dir[64];
    char state_dir[PATH_BYTES], image_dir[PATH_BYTES], secrets_dir[PATH_BYTES];
    char data_dir[PATH_BYTES];
    struct grant_volume volume;
    struct blob {
        struct digest digest;
        void *bytes;
        size_t count;
    } blobs[BLOBS_MAX];
    uint32_t blob_count;
    bool is_api_down; /* answers 503 */
    char token[64];   /* of the last call */
    struct log_reader *log_readers[TOPIC_LOGS_PARTITIONS];
    char followed[4096]; /* what a follower of exo.logs saw */
    size_t followed_bytes;
    bool has_last;
};

static struct stage stage; /* large */

static const char *why_not(void)
{
    return geteuid() != 0                        ? "containers need root"
           : access("/usr/bin/crun", X_OK) != 0  ? "no /usr/bin/crun (apt-get install crun)"
           : access("/usr/bin/umoci", X_OK) != 0 ? "no /usr/bin/umoci (apt-get install umoci)"
           : access("/bin/busybox", X_OK) != 0 ? "no /bin/busybox (apt-get install busybox-static)"
                                               : NULL;
}

/* The API's doors. */

static struct blob *blob_find(struct stage *s, const struct digest *digest)
{
    for (uint32_t i = 0; i < s->blob_count; i++) {
        if (memcmp(s->blobs[i].digest.bytes, digest->bytes, DIGEST_BYTES) == 0) {
            return &s->blobs[i];
        }
    }
    return NULL;
}

static struct digest blob_put(struct stage *s, struct span bytes)
{
    struct digest digest = sha256_of(bytes);

    if (blob_find(s, &digest) == NULL) {
        assert_true(s->blob_count < BLOBS_MAX);
        struct blob *blob = &s->blobs[s->blob_count++];

        blob->digest = digest;
        blob->bytes = malloc(bytes.bytes + 1);
        blob->count = bytes.bytes;
        assert_non_null(blob->bytes);
        memcpy(blob->bytes, bytes.data, bytes.bytes);
    }
    return digest;
}

/* Whether the blob is that log, compressed. */
static bool log_is(struct stage *s, const struct digest *digest, const char *expected)
{
    const struct blob *blob = blob_find(s, digest);
    struct buffer log;

    assert_non_null(blob);
    buffer_init(&log, allocator_heap(&s->trial.budget), 0);
    assert_int_equal(zstd_expand((struct span){blob->bytes, blob->count}, 1 << 20, &log, NULL), 0);
    bool is_same = span_is(buffer_span(&log), expected);

    buffer_release(&log);
    return is_same;
}

static void respond(struct http_request *request, int status, struct span body)
{
    const struct http_answer answer = {
        .status = status, .content_type = "application/octet-stream", .body = body};

    http_respond(request, &answer);
}

static void admit(void *argument, struct http_request *request)
{
    (void)argument;
    http_body_bytes_max_set(request, 16 << 20);
}

static void handle(void *argument, struct http_request *request)
{
    struct stage *s = argument;
    const char *path = http_path(request);
    const char *bearer = http_request_header(request, "Authorization");
    struct digest digest;

    (void)snprintf(s->token, sizeof(s->token), "%s", bearer == NULL ? "" : bearer);
    if (s->is_api_down) {
        respond(request, 503, span_of(""));
    } else if (strncmp(path, "/internal/lists/", 16) == 0) {
        struct span index = http_query(request, "index");

        respond(request, 200, span_of(index.data == NULL ? "[{\"n\":1},{\"n\":2}]" : "{\"n\":2}"));
    } else if (strncmp(path, "/internal/blobs/", 16) != 0 ||
               !digest_parse(span_of(path + 16), &digest)) {
        respond(request, 404, span_of(""));
    } else if (strcmp(http_method(request), "PUT") == 0) {
        struct digest real = blob_put(s, http_body(request));

        respond(request, memcmp(&real, &digest, sizeof(real)) == 0 ? 201 : 400, span_of(""));
    } else {
        const struct blob *blob = blob_find(s, &digest);

        respond(request, blob == NULL ? 404 : 200,
                blob == NULL ? span_of("") : (struct span){blob->bytes, blob->count});
    }
}

/* A follower of logs. */

static size_t on_logs(void *argument, const struct log_record *records, size_t count)
{
    struct stage *s = argument;

    for (size_t i = 0; i < count; i++) {
        struct wire_log_chunk chunk;
        struct arena arena;
        arena_init(&arena, allocator_heap(&s->trial.budget), 0);
        assert_int_equal(wire_log_chunk_unpack(records[i].value, &arena, &chunk), WIRE_OK);
        if (chunk.is_compressed) {
            fail_msg("so little is not compressed");
        }
        assert_true(s->followed_bytes + chunk.data.bytes < sizeof(s->followed));
        if (chunk.data.bytes > 0) {
            memcpy(s->followed + s->followed_bytes, chunk.data.data, chunk.data.bytes);
        }
        s->followed_bytes += chunk.data.bytes;
        s->has_last = s->has_last || chunk.is_last;
        arena_release(&arena);
    }
    return count;
}

/* The stage. */

static void run(const char *format, ...) EXO_PRINTF(1, 2);
static void run(const char *format, ...)
{
    char line[2048];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    if (system(line) != 0) {
        fail_msg("failed: %s", line);
    }
}

static void below(const struct stage *s, const char *name, char *ret_path)
{
    int bytes = snprintf(ret_path, PATH_BYTES, "%s/%s", s->dir, name);

    assert_true(bytes > 0 && bytes < PATH_BYTES);
}

/* Directories and the image; no loop yet, so that a test may fork. */
static int stage_dirs(void **state)
{
    struct stage *s = &stage;

    memset(s, 0, sizeof(*s));
    *state = s;
    if (why_not() != NULL) {
        return 0;
    }
    (void)snprintf(s->dir, sizeof(s->dir), "/tmp/exo-worker-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    below(s, "not/there/yet", s->state_dir); /* made with those above it */
    below(s, "images", s->image_dir);
    below(s, "secrets", s->secrets_dir);
    below(s, "data", s->data_dir);
    run("mkdir -p %s/p %s/data && printf hush > %s/p/key && echo shared > %s/data/file && "
        "chmod -R a+rX %s && examples/images/make %s busybox busybox 2>/dev/null",
        s->secrets_dir, s->dir, s->secrets_dir, s->dir, s->dir, s->image_dir);
    return 0;
}

static void stage_begin(struct stage *s)
{
    struct exo_error err = {.text = ""};
    const struct http_server_options api = {
        .listen = "127.0.0.1:0", .admit = admit, .handle = handle, .argument = s};
    const struct log_reader_callbacks logs = {.records = on_logs};

    trial_open(&s->trial);
    trial_logs(&s->trial);
    s->api = http_server_open(s->trial.loop, &api, &err);
    assert_non_null(s->api);
    (void)snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u", http_server_port(s->api));
    for (uint32_t i = 0; i < TOPIC_LOGS_PARTITIONS; i++) {
        s->log_readers[i] = log_reader_open(s->trial.logs, TOPIC_LOGS, i, 0, 0, &logs, s);
    }
    s->volume = (struct grant_volume){"data", s->data_dir};
    s->trial.settings.sandbox = "crun";
    s->trial.settings.slots = 2;
    s->trial.settings.state_dir = s->state_dir;
    s->trial.settings.image_dir = s->image_dir;
    s->trial.settings.api_url = s->url;
    s->trial.settings.grants = (struct grant_settings){s->secrets_dir, &s->volume, 1};
}

static int stage_open(void **state)
{
    (void)stage_dirs(state); /* asserts by itself */
    if (why_not() == NULL) {
        stage_begin(*state);
    }
    return 0;
}

static int stage_close(void **state)
{
    struct stage *s = *state;

    if (why_not() != NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < TOPIC_LOGS_PARTITIONS; i++) {
        log_reader_close(s->log_readers[i]);
    }
    http_server_close(s->api);
    trial_end(&s->trial);
    for (uint32_t i = 0; i < s->blob_count; i++) {
        free(s->blobs[i].bytes);
    }
    run("rm -rf %s", s->dir);
    return 0;
}

static struct stage *begin(void **state)
{
    if (why_not() != NULL) {
        print_message("skipped: %s\n", why_not());
        skip();
    }
    struct stage *s = *state;

    trial_start(&s->trial);
    trial_wait(&s->trial, trial_has_tickets, 3, "2 slots and 1 ticket of prefetch");
    return s;
}

static bool has_last(struct trial *trial, uint32_t number)
{
    (void)trial;
    (void)number;
    return stage.has_last;
}

static bool has_followed(struct trial *trial, uint32_t number)
{
    (void)trial;
    return stage.followed_bytes >= number;
}

static void error_begins(const struct wire_report *report, const char *code)
{
    if (report->error.bytes < strlen(code) || memcmp(report->error.data, code, strlen(code)) != 0) {
        fail_msg("\"%.*s\" does not begin with %s", SPAN_ARG(report->error), code);
    }
}

static void one_attempt_with_everything(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;
    t->big_digest = blob_put(s, span_of("{\"x\":\"from a blob\"}"));
    t->big_bytes = 19;
    trial_task(t,
               "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"set -e; echo hello; "
               "echo bad >&2; test $(cat /exosphere/secrets/key) = hush; test $(cat /data/file) = "
               "shared; test $EXOSPHERE_TASK = s.1; test $A = v2; cat /exosphere/input.json > "
               "/exosphere/output.json\"],\"env\":{\"A\":\"v${{ satellites.map.output[1].n }}\"},"
               "\"secrets\":[\"key\"],\"mounts\":[{\"volume\":\"data\",\"path\":\"/data\"}],"
               "\"input\":{\"all\":\"${{ satellites.map.output }}\",\"big\":\"${{ "
               "satellites.big.output }}\",\"top\":\"${{ input.top }}\"}}",
               1, 1);
    trial_wait(t, trial_has_finished, 1, "FINISHED");
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 1)->report;

    if (r->outcome != OUTCOME_SUCCEEDED) {
        trial_wait(t, has_last, 0, "the last chunk of the log");
        fail_msg("%.*s (%d), log of %d bytes\n%.*s", SPAN_ARG(r->error), r->exit_status,
                 (int)r->log_bytes, (int)s->followed_bytes, s->followed);
    }
    if (!span_is(r->output,
                 "{\"all\":[{\"n\":1},{\"n\":2}],\"big\":{\"x\":\"from a blob\"},\"top\":"
                 "20}")) {
        fail_msg("output %.*s", SPAN_ARG(r->output));
    }
    assert_int_equal(trial_count(t, REPORT_ACCEPTED, 1), 1);
    assert_int_equal(trial_count(t, REPORT_STARTED, 1), 1);
    assert_int_equal(r->image_digest.bytes, 71);
    assert_string_equal(s->token, "Bearer tok");
    assert_true(r->has_log);
    assert_int_equal(r->log_bytes, 10);
    assert_true(log_is(s, &r->log_digest, "hello\nbad\n") ||
                log_is(s, &r->log_digest, "bad\nhello\n"));
    trial_wait(t, has_last, 0, "the last chunk of the log");
    assert_int_equal(s->followed_bytes, 10);
}

static void outcomes_of_real_ends(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;
    static const struct {
        const char *definition;
        enum wire_outcome outcome;
        const char *error;
    } cases[] = {
        {"{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"exit 65\"]}",
         OUTCOME_NEVER_AGAIN, "EXIT_STATUS: "},
        {"{\"image\":\"oci:busybox\",\"command\":[\"/no/such/command\"]}", OUTCOME_NEVER_AGAIN,
         "NOT_STARTED: "},
        {"{\"image\":\"oci:none\",\"command\":[\"/bin/true\"]}", OUTCOME_NEVER_AGAIN, "IMAGE: "},
        {"{\"image\":\"oci:busybox\",\"command\":[\"/bin/true\"],\"secrets\":[\"none\"]}",
         OUTCOME_NEVER_AGAIN, "SECRET: "},
        {"{\"image\":\"oci:busybox\",\"command\":[\"/bin/true\"],\"mounts\":[{\"volume\":\"none\","
         "\"path\":\"/d\"}]}",
         OUTCOME_NEVER_AGAIN, "VOLUME: "},
        {"{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"trap '' TERM; sleep 100 & "
         "wait; wait\"]}",
         OUTCOME_TIMED_OUT, "TIMED_OUT: "},
        {"{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"echo '{\\\"prune\\\":1}' > "
         "/exosphere/control.json\"]}",
         OUTCOME_FAILED, "CONTROL_INVALID: "},
        {"{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"x=aaaaaaaa; while true; do "
         "x=$x$x; done\"],\"resources\":{\"memory\":\"16Mi\"}}",
         OUTCOME_FAILED, "OUT_OF_MEMORY: "},
    };

    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        t->timeout_ms = cases[i].outcome == OUTCOME_TIMED_OUT ? 1500 : 0;
        trial_wait(t, trial_has_tickets, 1, "a ticket");
        trial_task(t, cases[i].definition, i, 1);
        trial_wait(t, trial_has_finished, i + 1, "FINISHED");
        const struct wire_report *r = &trial_report(t, REPORT_FINISHED, i)->report;

        error_begins(r, cases[i].error);
        assert_int_equal(r->outcome, cases[i].outcome);
    }
}

static void status_of_a_failure_is_told(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;

    trial_task(t,
               "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"echo '{\\\"skip\\\": "
               "true}' > /exosphere/control.json; exit 111\"]}",
               0, 1);
    trial_task(t,
               "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"echo '{\\\"skip\\\": "
               "true}' > /exosphere/control.json\"]}",
               1, 1);
    trial_wait(t, trial_has_finished, 2, "2 FINISHED");
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 0)->report;

    assert_int_equal(r->outcome, OUTCOME_FAILED);
    assert_int_equal(r->exit_status, 111); /* for retries.never and retries.later */
    error_begins(r, "EXIT_STATUS: the command ended with 111;"); /* all that others see of it */
    assert_int_equal(r->control.bytes, 0);                       /* of a success only */
    r = &trial_report(t, REPORT_FINISHED, 1)->report;
    assert_int_equal(r->outcome, OUTCOME_SUCCEEDED);
    assert_true(span_is(r->control, "{\"skip\":true}"));
}

/* Two signs of progress, the second when the first has been told, then silence. It would take no
 * notice of SIGTERM. */
static void silence_ends_a_container(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;

    t->heartbeat_ms = 6000;
    trial_task(
        t,
        "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"trap '' TERM; cd "
        "/exosphere; for i in 1 2; do echo '{\\\"percent\\\": '$i', \\\"message\\\": "
        "\\\"page '$i'\\\"}' > new; mv new progress.json; until test -e /data/go; do sleep 0.05; "
        "done; done; while true; do sleep 1; done\"],"
        "\"mounts\":[{\"volume\":\"data\",\"path\":\"/data\"}]}",
        0, 1);
    trial_wait(t, trial_has_progress, 1, "the first PROGRESS");
    run("touch %s/go", s->data_dir);
    trial_wait(t, trial_has_progress, 2, "the second PROGRESS");
    assert_true(span_is(trial_report(t, REPORT_PROGRESS, 0)->report.progress,
                        "{\"percent\":2,\"message\":\"page 2\"}"));
    assert_int_equal(trial_count(t, REPORT_FINISHED, 0), 0);
    trial_wait(t, trial_has_finished, 1, "FINISHED");
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 0)->report;

    error_begins(r, "HEARTBEAT_TIMEOUT: ");
    assert_int_equal(r->outcome, OUTCOME_FAILED);
    assert_int_equal(trial_count(t, REPORT_PROGRESS, 0), 2);
}

static void a_large_output_goes_up_as_a_blob(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;

    s->is_api_down = true;
    trial_task(t,
               "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"(printf '\\\"'; head "
               "-c 100000 /dev/zero | tr '\\\\000' a; printf '\\\"') > /exosphere/output.json\"]}",
               0, 1);
    trial_wait(t, trial_has_reports, 2, "ACCEPTED and STARTED");
    trial_wait(t, trial_has_beats, (uint32_t)t->beats + 20, "a second, while the API is away");
    assert_int_equal(trial_count(t, REPORT_FINISHED, 0), 0);
    s->is_api_down = false;
    trial_wait(t, trial_has_finished, 1, "FINISHED");
    const struct wire_report *r = &trial_report(t, REPORT_FINISHED, 0)->report;

    if (r->outcome != OUTCOME_SUCCEEDED) {
        fail_msg("%.*s", SPAN_ARG(r->error));
    }
    assert_true(r->has_output_digest);
    assert_int_equal(r->output_bytes, 100002);
    assert_int_equal(r->output.bytes, 0);
    assert_non_null(blob_find(s, &r->output_digest));
    assert_int_equal(blob_find(s, &r->output_digest)->count, 100002);
}

static void the_next_life_tells_what_the_last_left(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;
    uint64_t first = t->incarnation;

    trial_task(t,
               "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"echo left; exec sleep "
               "1000\"]}",
               0, 1);
    trial_wait(t, trial_has_reports, 2, "ACCEPTED and STARTED");
    trial_crash(t);
    trial_start(t);
    trial_wait(t, trial_has_finished, 1, "the LOST of the earlier life");
    const struct trial_report *lost = trial_report(t, REPORT_FINISHED, 0);

    assert_true(lost->incarnation == first);
    assert_int_equal(lost->report.outcome, OUTCOME_LOST);
    error_begins(&lost->report, "WORKER_RESTARTED: ");
    trial_wait(t, trial_has_tickets, 3, "tickets of the new life");
    assert_true(t->incarnation != first);
    trial_task(t, "{\"image\":\"oci:busybox\",\"command\":[\"/bin/true\"]}", 1, 1);
    trial_wait(t, trial_has_finished, 2, "FINISHED");
    assert_int_equal(trial_report(t, REPORT_FINISHED, 1)->report.outcome, OUTCOME_SUCCEEDED);
    trial_crash(t);
    t->report_count = 0;
    trial_start(t);
    trial_wait(t, trial_has_beats, (uint32_t)t->beats + 2, "the third life");
    assert_int_equal(t->report_count, 0); /* what was acknowledged is not told again */
}

/* The life that is killed: says over the pipe when its container runs and has written. */
static void short_life(struct stage *s, int pipe_fd)
{
    struct trial *t = &s->trial;
    bool never = false;

    stage_begin(s);
    trial_start(t);
    trial_wait(t, trial_has_tickets, 3, "tickets");
    trial_task(t,
               "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sh\",\"-c\",\"echo left; exec sleep "
               "1000\"]}",
               0, 1);
    trial_wait(t, has_followed, 5, "the log of the attempt");
    if (write(pipe_fd, "x", 1) != 1) {
        _exit(1);
    }
    (void)loop_run_until(t->loop, &never, EXO_MINUTE);
    _exit(1);
}

static void a_killed_worker_leaves_nothing(void **state)
{
    if (why_not() != NULL) {
        print_message("skipped: %s\n", why_not());
        skip();
    }
    struct stage *s = *state;
    struct trial *t = &s->trial;
    char byte;
    int pipe_fds[2];

    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        short_life(s, pipe_fds[1]);
    }
    (void)close(pipe_fds[1]); /* the child's end */
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    (void)close(pipe_fds[0]); /* has done its work */
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    stage_begin(s);
    trial_start(t);
    trial_wait(t, trial_has_finished, 1, "the LOST of the killed life");
    const struct wire_report *lost = &trial_report(t, REPORT_FINISHED, 0)->report;

    assert_int_equal(lost->outcome, OUTCOME_LOST);
    assert_true(lost->has_log);
    assert_int_equal(lost->log_bytes, 5);
    assert_true(log_is(s, &lost->log_digest, "left\n"));
    trial_wait(t, trial_has_tickets, 3, "tickets of the new life"); /* so all was acknowledged */
    run("test -z \"$(ls %s/spool)\"", s->state_dir);
    run("! grep -q %s /proc/mounts", s->dir);
}

static void more_tasks_than_slots_wait(void **state)
{
    struct stage *s = begin(state);
    struct trial *t = &s->trial;
    struct worker_role_settings *settings = &t->settings;

    for (uint32_t i = 0; i < 3; i++) {
        trial_task(t, "{\"image\":\"oci:busybox\",\"command\":[\"/bin/sleep\",\"1000\"]}", i, 1);
    }
    trial_wait(t, trial_has_reports, 5, "three ACCEPTED, two STARTED");
    trial_wait(t, trial_has_beats, (uint32_t)t->beats + 3, "heartbeats");
    assert_int_equal(t->beat.running_count, 3);
    assert_int_equal(t->report_count, 5);
    assert_int_equal(settings->slots, 2);
    worker_role_drain(t->role, 0);
    trial_wait(t, trial_has_left, 0, "the end");
    assert_true(trial_has_finished(t, 3));
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(trial_report(t, REPORT_FINISHED, i)->report.outcome, OUTCOME_LOST);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: ThreadSanitizer takes no new thread in the fork of a process that had some. */
        cmocka_unit_test_setup_teardown(a_killed_worker_leaves_nothing, stage_dirs, stage_close),
        cmocka_unit_test_setup_teardown(one_attempt_with_everything, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(outcomes_of_real_ends, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(a_large_output_goes_up_as_a_blob, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(status_of_a_failure_is_told, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(silence_ends_a_container, stage_open, stage_close),
        cmocka_unit_test_setup_teardown(the_next_life_tells_what_the_last_left, stage_open,
                                        stage_close),
        cmocka_unit_test_setup_teardown(more_tasks_than_slots_wait, stage_open, stage_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
