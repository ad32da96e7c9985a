#include "workers/image/image_command.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1200 };

static int open_output(const char *directory, const char *name)
{
    char path[PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void on_exit_of_child(void *argument, int status, int signal)
{
    struct image_command *command = argument;

    (void)signal;
    command->process = NULL;
    command->on_done(command->argument, status);
}

static int spawn(struct image_command *command, struct loop *loop, const char *const *arguments,
                 const char *directory, const int outputs[2], struct exo_error *err)
{
    char path[PATH_BYTES], temporary[PATH_BYTES], home[PATH_BYTES];
    const char *own_path = getenv("PATH");

    (void)snprintf(path, sizeof(path), "PATH=%s",
                   own_path != NULL ? own_path : "/usr/sbin:/usr/bin:/sbin:/bin");
    (void)snprintf(temporary, sizeof(temporary), "TMPDIR=%s", directory);
    /* No configuration of whoever started the worker: credentials come from the setting alone. */
    (void)snprintf(home, sizeof(home), "HOME=%s", directory);
    const char *const environment[] = {path, temporary, home, NULL};

    command->process = loop_process_spawn(loop,
                                          &(struct loop_process_options){
                                              .file = arguments[0],
                                              .arguments = arguments,
                                              .environment = environment,
                                              .stdin_fd = -1,
                                              .stdout_fd = outputs[0],
                                              .stderr_fd = outputs[1],
                                          },
                                          on_exit_of_child, command, err);
    return command->process != NULL ? 0 : -1;
}

int image_command_start(struct image_command *command, struct loop *loop,
                        const char *const *arguments, const char *directory,
                        void (*on_done)(void *argument, int status), void *argument,
                        struct exo_error *err)
{
    int outputs[2] = {open_output(directory, "stdout"), open_output(directory, "stderr")};
    int failed = -1;

    assert(command->process == NULL);
    command->on_done = on_done;
    command->argument = argument;
    if (outputs[0] < 0 || outputs[1] < 0) {
        (void)exo_error_set(err, EXO_EIO, "cannot write to %s: %s", directory, strerror(errno));
    } else {
        failed = spawn(command, loop, arguments, directory, outputs, err);
    }
    for (size_t i = 0; i < 2; i++) {
        if (outputs[i] >= 0) {
            (void)close(outputs[i]);
        }
    }
    if (failed != 0 && err != NULL && err->library_code == ENOENT) {
        return exo_error_set(err, EXO_ENOTFOUND,
                             "no program %s; type: apt-get install skopeo umoci", arguments[0]);
    }
    return failed;
}

void image_command_kill(struct image_command *command)
{
    if (command->process != NULL) {
        loop_process_kill(command->process, SIGKILL);
    }
}

void image_command_read(const char *directory, const char *stream,
                        char ret_text[COMMAND_TEXT_BYTES])
{
    char path[PATH_BYTES];
    struct stat facts;

    (void)snprintf(path, sizeof(path), "%s/%s", directory, stream);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t from = fd >= 0 && fstat(fd, &facts) == 0 && facts.st_size >= COMMAND_TEXT_BYTES
                     ? facts.st_size - (COMMAND_TEXT_BYTES - 1)
                     : 0;
    ssize_t bytes = fd < 0 ? 0 : pread(fd, ret_text, COMMAND_TEXT_BYTES - 1, from);

    if (fd >= 0) {
        (void)close(fd);
    }
    ret_text[bytes > 0 ? bytes : 0] = '\0';
    for (size_t at = strlen(ret_text); at > 0 && (unsigned char)ret_text[at - 1] <= ' '; at--) {
        ret_text[at - 1] = '\0';
    }
}

static bool says_any(const char *said, const char *const *phrases)
{
    for (; *phrases != NULL; phrases++) {
        if (strcasestr(said, *phrases) != NULL) {
            return true;
        }
    }
    return false;
}

/* Both write lines such as: time="..." level=fatal msg="what happened". */
static const char *last_message(const char *said)
{
    const char *found = said;

    for (const char *at = said; (at = strstr(at, "msg=")) != NULL; at += 4) {
        found = at + 4;
    }
    return found;
}

int image_command_explain(const char *said, const char *image, struct exo_error *err)
{
    static const char *const missing[] = {"manifest unknown", "name unknown", "not found",
                                          "no such file", NULL};
    static const char *const denied[] = {"unauthorized", "authentication required", "denied", NULL};
    static const char *const full[] = {"no space left", "disk quota", NULL};
    const char *message = last_message(said);

    if (says_any(message, full)) {
        return exo_error_set(err, EXO_EIO,
                             "image %s: the disk of the cache is full; make room or set another "
                             "cache directory (%.200s)",
                             image, message);
    }
    if (says_any(message, denied)) {
        return exo_error_set(err, EXO_EDENIED,
                             "image %s: the registry refuses us; check the name and the "
                             "credentials in the auth file (%.200s)",
                             image, message);
    }
    if (says_any(message, missing)) {
        return exo_error_set(err, EXO_ENOTFOUND,
                             "image %s: there is no such image; check name and tag (%.200s)", image,
                             message);
    }
    return exo_error_set(err, EXO_EUNAVAILABLE, "image %s cannot be fetched: %.300s", image,
                         *message != '\0' ? message : "no reason was given");
}
