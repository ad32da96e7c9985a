#include "tests/contract/image_trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/free_port.h"
#include "tests/support/patience.h"

static const exo_time wait_limit_ns = TEST_WAIT;

static bool has_program(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "/usr/bin/%s", name);
    return access(path, X_OK) == 0;
}

static const char *why_not(void)
{
    return !has_program("skopeo")              ? "no skopeo (apt-get install skopeo)"
           : !has_program("umoci")             ? "no umoci (apt-get install umoci)"
           : access("/bin/busybox", X_OK) != 0 ? "no /bin/busybox (apt-get install busybox-static)"
                                               : NULL;
}

static void skip_unless(bool is_there, const char *why)
{
    const char *ci = getenv("CI");

    if (is_there) {
        return;
    }
    if (ci != NULL && strcmp(ci, "true") == 0) {
        fail_msg("must not be skipped with CI=true: %s", why);
    }
    print_message("skipped: %s\n", why);
    skip();
}

void image_trial_shell(const struct image_trial *trial, const char *line)
{
    char whole[2048];

    (void)snprintf(whole, sizeof(whole), "set -e; D=%s; I=%s; C=%s; { %s; } >%s/shell.log 2>&1",
                   trial->dir, trial->image_dir, trial->cache_dir, line, trial->dir);
    if (system(whole) != 0) {
        fail_msg("failed, see %s/shell.log: %s", trial->dir, line);
    }
}

int image_trial_open(void **state)
{
    struct image_trial *trial = calloc(1, sizeof(*trial));
    struct exo_error err;

    *state = NULL;
    if (why_not() != NULL || trial == NULL) {
        free(trial);
        return 0;
    }
    (void)snprintf(trial->dir, sizeof(trial->dir), "/tmp/exosphere-image-XXXXXX");
    if (mkdtemp(trial->dir) == NULL) {
        free(trial);
        return -1;
    }
    (void)snprintf(trial->image_dir, sizeof(trial->image_dir), "%s/images", trial->dir);
    (void)snprintf(trial->cache_dir, sizeof(trial->cache_dir), "%s/cache", trial->dir);
    (void)snprintf(trial->auth_file, sizeof(trial->auth_file), "%s/auth.json", trial->dir);
    trial->loop = loop_new(&err);
    *state = trial;
    image_trial_shell(trial, "examples/images/make $I busybox busybox");
    return 0;
}

int image_trial_close(void **state)
{
    struct image_trial *trial = *state;
    char line[128];

    if (trial == NULL) {
        return 0;
    }
    image_store_close(trial->store);
    loop_free(trial->loop);
    if (trial->registry_pid > 0) {
        (void)kill(trial->registry_pid, SIGKILL);
        (void)waitpid(trial->registry_pid, NULL, 0);
    }
    (void)snprintf(line, sizeof(line), "rm -rf %s", trial->dir);
    int failed = system(line);

    free(trial);
    return failed;
}

struct image_settings image_trial_settings(const struct image_trial *trial)
{
    return (struct image_settings){.cache_dir = trial->cache_dir, .image_dir = trial->image_dir};
}

void image_trial_reopen(struct image_trial *trial, const struct image_settings *settings)
{
    struct image_settings defaults = image_trial_settings(trial);
    struct exo_error err;

    image_store_close(trial->store);
    trial->store = image_store_open(trial->loop, settings != NULL ? settings : &defaults, &err);
    if (trial->store == NULL) {
        fail_msg("no store: %s", err.text);
    }
}

struct image_trial *image_trial_of(void **state)
{
    struct image_trial *trial = *state;

    skip_unless(trial != NULL, why_not());
    assert(trial != NULL);
    image_store_close(trial->store);
    trial->store = NULL;
    image_trial_shell(trial, "rm -rf $C");
    image_trial_reopen(trial, NULL);
    return trial;
}

void image_trial_on_ready(void *argument, const struct image *image, const struct exo_error *err)
{
    struct answer *answer = argument;

    assert_false(answer->is_done);
    assert_true((image == NULL) == (err != NULL));
    answer->image = image;
    if (err != NULL) {
        answer->err = *err;
    }
    answer->is_done = true;
}

void image_trial_wait(struct image_trial *trial, const bool *is_done)
{
    if (!loop_run_until(trial->loop, is_done, wait_limit_ns)) {
        fail_msg("nothing happened for %d s", TEST_WAIT_SECONDS);
    }
}

struct answer image_trial_get(struct image_trial *trial, const char *reference, const char *pinned)
{
    struct answer answer = {.is_done = false};

    (void)image_get(trial->store, reference, pinned, image_trial_on_ready, &answer);
    assert_false(answer.is_done);
    image_trial_wait(trial, &answer.is_done);
    return answer;
}

size_t image_trial_count(const struct image_trial *trial, const char *below)
{
    char path[128];
    size_t count = 0;

    (void)snprintf(path, sizeof(path), "%s/%s", trial->cache_dir, below);
    DIR *directory = opendir(path);

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return count;
}

static bool answers(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(0x7f000001),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    (void)close(fd);
    return is_open;
}

/* User "worker", password "only-for-tests", as bcrypt (of the registry's htpasswd) and as base64
 * (of the auth file). */
static void write_registry_files(const struct image_trial *trial, int port)
{
    char line[1024];

    (void)snprintf(
        line, sizeof(line),
        "mkdir -p $D/registry; "
        "echo 'worker:$2b$05$abcdefghijklmnopqrstuuDt8u8tY.Zm8YU.pieFNyF5h5afvnc0a' >$D/htpasswd; "
        "printf 'version: 0.1\\nlog: {level: error}\\n"
        "storage: {filesystem: {rootdirectory: %%s/registry}}\\n"
        "http: {addr: \"127.0.0.1:%d\"}\\n"
        "auth: {htpasswd: {realm: tests, path: %%s/htpasswd}}\\n' $D $D "
        ">$D/registry.yml; "
        "printf '{\"auths\":{\"127.0.0.1:%d\":{\"auth\":\"%%s\"}}}' "
        "$(printf worker:only-for-tests | base64) >$D/auth.json",
        port, port);
    image_trial_shell(trial, line);
}

void image_trial_needs_registry(struct image_trial *trial)
{
    char config[96], log[96];
    char *arguments[] = {(char[]){"docker-registry"}, (char[]){"serve"}, config, NULL};
    char *environment[] = {(char[]){"PATH=/usr/bin:/bin"}, NULL};
    bool is_never = false;

    skip_unless(has_program("docker-registry"),
                "no docker-registry (apt-get install docker-registry)");
    if (trial->registry_pid > 0) {
        return;
    }
    int port = free_port();

    write_registry_files(trial, port);
    (void)snprintf(config, sizeof(config), "%s/registry.yml", trial->dir);
    (void)snprintf(trial->registry, sizeof(trial->registry), "127.0.0.1:%d", port);
    posix_spawn_file_actions_t quiet;

    (void)snprintf(log, sizeof(log), "%s/registry.log", trial->dir);
    (void)posix_spawn_file_actions_init(&quiet);
    (void)posix_spawn_file_actions_addopen(&quiet, 1, log, O_WRONLY | O_CREAT, 0600);
    (void)posix_spawn_file_actions_adddup2(&quiet, 1, 2);
    assert_int_equal(posix_spawn(&trial->registry_pid, "/usr/bin/docker-registry", &quiet, NULL,
                                 arguments, environment),
                     0);
    (void)posix_spawn_file_actions_destroy(&quiet);
    for (int i = 0; !answers(port); i++) {
        assert_true(i < 1000);
        (void)loop_run_until(trial->loop, &is_never, 10 * EXO_MILLISECOND);
    }
    char line[256];

    (void)snprintf(line, sizeof(line),
                   "skopeo copy --dest-tls-verify=false --dest-authfile $D/auth.json "
                   "oci:$I/busybox docker://%s/tests/busybox:1.0",
                   trial->registry);
    image_trial_shell(trial, line);
}
