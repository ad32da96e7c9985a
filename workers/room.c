#include "workers/room.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "infra/telemetry/log_line.h"

enum { PATH_BYTES = 4096, TRIAL_BYTES = 4096 };

struct room {
    struct loop *loop;
    struct loop_timer *timer;
    void (*changed)(void *argument);
    void *argument;
    char directory[PATH_BYTES];
    bool is_full;
    bool is_refused; /* by a write; until a trial is taken */
    bool is_trying;  /* on another thread */
    bool is_closed;  /* freed when the trial is over */
    int trial_error; /* errno; 0: it was written */
    char reason[ROOM_REASON_BYTES];
};

bool room_is_full(bool was_full, uint64_t bytes, uint64_t files)
{
    uint64_t factor = was_full ? 2 : 1;

    return bytes < factor * ROOM_BYTES_LEAST || files < factor * ROOM_FILES_LEAST;
}

static void turn(struct room *room, bool is_full)
{
    if (is_full != room->is_full) {
        room->is_full = is_full;
        if (is_full) {
            log_line(EVENT_WORKER_FULL, LOG_FACTS(fact_text("reason", room->reason)));
        } else {
            log_line(EVENT_WORKER_ROOM, LOG_FACTS(fact_text("directory", room->directory)));
        }
        room->changed(room->argument);
    }
}

static void look(struct room *room)
{
    struct statvfs facts;

    if (room->is_refused || statvfs(room->directory, &facts) != 0) {
        return; /* that it went away is found by who writes there */
    }
    uint64_t bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
    uint64_t files = facts.f_files == 0 ? UINT64_MAX : facts.f_favail;
    bool is_full = room_is_full(room->is_full, bytes, files);

    if (is_full) {
        (void)snprintf(room->reason, sizeof(room->reason),
                       "the disk of --runtime-dir (%.200s) is full: %llu MiB and %llu files are "
                       "left; make room there, the worker goes on by itself",
                       room->directory, (unsigned long long)(bytes >> 20),
                       (unsigned long long)files);
    }
    turn(room, is_full);
}

static int trial_write(const char *directory)
{
    static const char zeros[TRIAL_BYTES];
    int fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0) {
        return errno;
    }
    ssize_t count = write(fd, zeros, sizeof(zeros));
    int result = count == (ssize_t)sizeof(zeros) ? fdatasync(fd) : -1;
    int code = result == 0 ? 0 : count >= 0 && count < (ssize_t)sizeof(zeros) ? ENOSPC : errno;

    (void)close(fd); /* unnamed */
    return code;
}

static void trial_work(void *argument)
{
    struct room *room = argument;

    room->trial_error = trial_write(room->directory);
}

static void trial_done(void *argument)
{
    struct room *room = argument;

    room->is_trying = false;
    if (room->is_closed) {
        free(room);
        return;
    }
    if (room->trial_error == 0) {
        room->is_refused = false;
        look(room);
    }
}

static void on_timer(void *argument)
{
    struct room *room = argument;

    if (room->is_refused && !room->is_trying) {
        room->is_trying = true;
        loop_work(room->loop, trial_work, trial_done, room);
    }
    look(room);
}

struct room *room_open(struct loop *loop, const char *directory, void (*changed)(void *argument),
                       void *argument)
{
    struct room *room = calloc(1, sizeof(*room));

    if (room == NULL) {
        abort();
    }
    room->loop = loop;
    room->changed = changed;
    room->argument = argument;
    (void)snprintf(room->directory, sizeof(room->directory), "%s", directory);
    room->timer = loop_timer_new(loop, on_timer, room);
    loop_timer_start(room->timer, 0, EXO_SECOND);
    return room;
}

void room_refused(struct room *room, const struct exo_error *err)
{
    room->is_refused = true;
    (void)snprintf(room->reason, sizeof(room->reason),
                   "the disk of --runtime-dir takes nothing: %.250s; make room there, the worker "
                   "goes on by itself",
                   err->text);
    turn(room, true);
}

const char *room_full_reason(const struct room *room)
{
    return room->is_full ? room->reason : NULL;
}

void room_close(struct room *room)
{
    if (room == NULL) {
        return;
    }
    loop_timer_free(room->timer);
    room->is_closed = true;
    if (!room->is_trying) {
        free(room);
    }
}
