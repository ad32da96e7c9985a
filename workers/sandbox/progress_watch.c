#include "workers/sandbox/progress_watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/sandbox/sandbox.h"

static const char file_name[] = "progress.json";
static const exo_time look_every_ns = EXO_SECOND;

struct progress_watch {
    int directory_fd;
    struct loop_timer *timer;
    void (*call)(void *argument, struct span bytes);
    void *argument;
    bool was_seen;
    struct stat seen; /* the file as it was then */
};

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The time of change cannot be set by the attempt, so that no write of it is missed. */
static bool has_changed(const struct progress_watch *watch, const struct stat *now)
{
    const struct stat *seen = &watch->seen;

    return !watch->was_seen || seen->st_ino != now->st_ino || seen->st_size != now->st_size ||
           !is_same_time(&seen->st_mtim, &now->st_mtim) ||
           !is_same_time(&seen->st_ctim, &now->st_ctim);
}

/* Returns the bytes read, 0 where it is too large, or gone by now. */
static size_t read_file(const struct progress_watch *watch, unsigned char *text)
{
    int fd = openat(watch->directory_fd, file_name,
                    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat facts;
    ssize_t bytes = 0;

    if (fd < 0) {
        return 0;
    }
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        bytes = read(fd, text, SANDBOX_PROGRESS_BYTES + 1);
    }
    (void)close(fd);
    return bytes < 0 || bytes > SANDBOX_PROGRESS_BYTES ? 0 : (size_t)bytes;
}

static void look(void *argument)
{
    struct progress_watch *watch = argument;
    unsigned char text[SANDBOX_PROGRESS_BYTES + 1];
    struct stat now;

    if (fstatat(watch->directory_fd, file_name, &now, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(now.st_mode) || !has_changed(watch, &now)) {
        return;
    }
    /* Looked at before it is read: what is written in between is seen the next time. */
    watch->seen = now;
    watch->was_seen = true;
    watch->call(watch->argument, (struct span){text, read_file(watch, text)});
}

struct progress_watch *progress_watch_new(struct loop *loop, int directory_fd,
                                          void (*call)(void *argument, struct span bytes),
                                          void *argument)
{
    struct progress_watch *watch = calloc(1, sizeof(*watch));

    if (watch == NULL) {
        abort();
    }
    watch->directory_fd = directory_fd;
    watch->call = call;
    watch->argument = argument;
    watch->timer = loop_timer_new(loop, look, watch);
    loop_timer_start(watch->timer, look_every_ns, look_every_ns);
    return watch;
}

void progress_watch_free(struct progress_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    loop_timer_free(watch->timer);
    (void)close(watch->directory_fd);
    free(watch);
}
