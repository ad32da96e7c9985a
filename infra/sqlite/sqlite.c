#include "infra/sqlite/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A group is one transaction: long enough to share an fsync, short enough to answer soon. */
enum { GROUP_JOBS_MAX = 256 };

struct job {
    struct job *next;
    struct sqlite_file *file;
    sqlite_job *run;
    void (*done)(void *argument, const struct exo_error *err);
    void *argument;
    bool is_failed;
    struct exo_error err;
};

struct job_list {
    struct job *first, *last;
};

/* One thread with one connection. */
struct lane {
    struct shared *shared;
    struct sqlite_connection *connection;
    void (*run)(struct lane *lane, struct job_list *jobs);
    struct job_list queue; /* under shared->mutex, as is_ending */
    pthread_cond_t is_due;
    pthread_t thread;
    bool is_ending;
    bool is_running;
};

/* What all users of one path have in common. */
struct shared {
    struct shared *next;
    struct loop *loop;
    struct loop_wake *wake;
    char *path;
    dev_t device; /* of the lock file: names the path whatever way it was written */
    ino_t inode;
    int lock_fd; /* -1: in memory */
    int64_t life;
    uint32_t user_count;
    bool is_telling; /* dones are being called; one of them may close the file */
    bool is_orphan;  /* one did: to be freed behind them */
    struct lane writer, reader;
    pthread_mutex_t mutex;
    pthread_cond_t is_moved;  /* a job went to finished */
    struct job_list finished; /* under mutex */
};

struct sqlite_file {
    struct shared *shared;
    uint32_t pending; /* jobs queued whose done was not called yet; the loop's thread only */
};

/* Files open in this process; users live on the loop's thread, tests may have several loops. */
static struct shared *open_files;
static pthread_mutex_t open_files_mutex = PTHREAD_MUTEX_INITIALIZER;

static void push(struct job_list *list, struct job *job)
{
    job->next = NULL;
    if (list->last == NULL) {
        list->first = job;
    } else {
        list->last->next = job;
    }
    list->last = job;
}

static struct job *pop(struct job_list *list)
{
    struct job *job = list->first;

    if (job != NULL) {
        list->first = job->next;
        if (list->first == NULL) {
            list->last = NULL;
        }
    }
    return job;
}

static struct job *pop_of(struct job_list *list, const struct sqlite_file *file)
{
    struct job *before = NULL;

    for (struct job *job = list->first; job != NULL; before = job, job = job->next) {
        if (job->file != file) {
            continue;
        }
        if (before == NULL) {
            return pop(list);
        }
        before->next = job->next;
        if (list->last == job) {
            list->last = before;
        }
        return job;
    }
    return NULL;
}

/* ---- on the threads ---- */

static void fail(struct job *job, const struct exo_error *err)
{
    if (!job->is_failed) {
        job->is_failed = true;
        job->err = *err;
    }
}

/* Runs one job under a savepoint, so that it can be undone alone. */
static void run_in_savepoint(struct sqlite_connection *connection, struct job *job)
{
    struct exo_error err = {.code = EXO_OK};

    if (sqlite_script(connection, "SAVEPOINT job", &err) < 0) {
        fail(job, &err);
        return;
    }
    if (job->run(job->argument, connection, &err) < 0) {
        fail(job, &err);
        if (sqlite_is_in_transaction(connection) &&
            sqlite_script(connection, "ROLLBACK TO job", &err) < 0) {
            /* Half a job must not be committed with the others: end the transaction. */
            sqlite_rollback(connection);
        }
    }
    if (sqlite_is_in_transaction(connection) &&
        sqlite_script(connection, "RELEASE job", &err) < 0) {
        fail(job, &err);
        sqlite_rollback(connection);
    }
}

/* Ends the transaction of jobs first .. before end; tells all of them when it does not hold. */
static void commit_group(struct sqlite_connection *connection, struct job *first,
                         const struct job *end, const struct exo_error *cause)
{
    struct exo_error err = {.code = EXO_OK};

    if (sqlite_is_in_transaction(connection)) {
        if (sqlite_script(connection, "COMMIT", &err) == 0) {
            return;
        }
        if (err.code == EXO_EIO) { /* the frames may be on disk although the sync failed */
            err.code = EXO_EUNKNOWN;
            err.is_retryable = true;
        }
        sqlite_rollback(connection);
    } else {
        err = *cause;
    }
    for (struct job *job = first; job != end; job = job->next) {
        fail(job, &err);
    }
}

static void run_writes(struct lane *lane, struct job_list *jobs)
{
    struct sqlite_connection *connection = lane->connection;
    struct job *job = jobs->first;

    while (job != NULL) {
        struct job *first = job;
        struct exo_error cause = {.code = EXO_EUNAVAILABLE, .is_retryable = true};
        int count = 0;

        if (sqlite_script(connection, "BEGIN IMMEDIATE", &cause) < 0) {
            for (; job != NULL; job = job->next) {
                fail(job, &cause);
            }
            return;
        }
        while (job != NULL && count++ < GROUP_JOBS_MAX && sqlite_is_in_transaction(connection)) {
            run_in_savepoint(connection, job);
            if (job->is_failed) {
                cause = job->err;
            }
            job = job->next;
        }
        commit_group(connection, first, job, &cause);
    }
}

static void run_reads(struct lane *lane, struct job_list *jobs)
{
    for (struct job *job = jobs->first; job != NULL; job = job->next) {
        struct exo_error err = {.code = EXO_OK};

        if (sqlite_script(lane->connection, "BEGIN", &err) < 0 ||
            job->run(job->argument, lane->connection, &err) < 0) {
            fail(job, &err);
        }
        sqlite_rollback(lane->connection); /* nothing was written */
    }
}

static void *lane_main(void *argument)
{
    struct lane *lane = argument;
    struct shared *shared = lane->shared;

    pthread_mutex_lock(&shared->mutex);
    while (true) {
        while (lane->queue.first == NULL && !lane->is_ending) {
            pthread_cond_wait(&lane->is_due, &shared->mutex);
        }
        if (lane->queue.first == NULL) {
            break;
        }
        struct job_list jobs = lane->queue;

        lane->queue = (struct job_list){NULL, NULL};
        pthread_mutex_unlock(&shared->mutex);
        lane->run(lane, &jobs);
        pthread_mutex_lock(&shared->mutex);
        for (struct job *job = pop(&jobs); job != NULL; job = pop(&jobs)) {
            push(&shared->finished, job);
        }
        pthread_cond_broadcast(&shared->is_moved);
        loop_wake_send(shared->wake);
    }
    pthread_mutex_unlock(&shared->mutex);
    return NULL;
}

/* ---- on the loop's thread ---- */

static void tell(struct job *job)
{
    job->file->pending--;
    job->done(job->argument, job->is_failed ? &job->err : NULL);
    free(job);
}

static void shared_free(struct shared *shared);

static void on_wake(void *argument)
{
    struct shared *shared = argument;

    shared->is_telling = true;
    while (!shared->is_orphan) {
        pthread_mutex_lock(&shared->mutex);
        struct job *job = pop(&shared->finished);
        pthread_mutex_unlock(&shared->mutex);
        if (job == NULL) {
            break;
        }
        tell(job);
    }
    shared->is_telling = false;
    if (shared->is_orphan) {
        shared_free(shared);
    }
}

static int lane_start(struct lane *lane, struct shared *shared, bool is_reader,
                      struct exo_error *err)
{
    sigset_t all, old;

    lane->shared = shared;
    lane->run = is_reader ? run_reads : run_writes;
    lane->connection = sqlite_connection_open(shared->path, is_reader, err);
    if (lane->connection == NULL) {
        return -1;
    }
    pthread_cond_init(&lane->is_due, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are the loop's */
    int failed = pthread_create(&lane->thread, NULL, lane_main, lane);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        return exo_error_set(err, EXO_EIO, "cannot start a thread for SQLite file %s: %s",
                             shared->path, strerror(failed));
    }
    lane->is_running = true;
    return 0;
}

static void lane_stop(struct lane *lane)
{
    if (lane->is_running) {
        pthread_mutex_lock(&lane->shared->mutex);
        lane->is_ending = true;
        pthread_cond_signal(&lane->is_due);
        pthread_mutex_unlock(&lane->shared->mutex);
        pthread_join(lane->thread, NULL);
    }
    if (lane->connection != NULL) {
        pthread_cond_destroy(&lane->is_due);
        sqlite_connection_close(lane->connection);
    }
}

static int refuse_locked(int lock_fd, const char *path, struct exo_error *err)
{
    char pid[24] = "";
    ssize_t got = pread(lock_fd, pid, sizeof(pid) - 1, 0);

    pid[got > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return exo_error_set(err, EXO_ECONFLICT,
                         "%s is in use by process %s: stop that one, or give this one another file",
                         path, pid[0] == '\0' ? "(unknown)" : pid);
}

/* Opens PATH.lock and names it by device and inode; takes no lock yet. */
static int lock_file_open(const char *path, struct stat *ret_stat, struct exo_error *err)
{
    char lock_path[4096];
    int used = snprintf(lock_path, sizeof(lock_path), "%s.lock", path);

    if (used < 0 || (size_t)used >= sizeof(lock_path)) {
        return exo_error_set(err, EXO_EINVALID, "the path of the SQLite file is too long");
    }
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || fstat(fd, ret_stat) < 0) {
        int saved = errno;

        if (fd >= 0) {
            close(fd);
        }
        return exo_error_set(err, saved == EACCES || saved == EROFS ? EXO_EDENIED : EXO_EIO,
                             "cannot open %s: %s; name a file in a directory that exists and may "
                             "be written",
                             lock_path, strerror(saved));
    }
    return fd;
}

static int lock_file_take(int fd, const char *path, struct exo_error *err)
{
    char pid[24];

    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return refuse_locked(fd, path, err);
    }
    int used = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

    /* The pid is for the other's error text only: the lock holds without it. */
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)used, 0) != used) {
        errno = 0;
    }
    return 0;
}

static void shared_free(struct shared *shared)
{
    lane_stop(&shared->reader);
    lane_stop(&shared->writer);
    loop_wake_free(shared->wake);
    if (shared->lock_fd >= 0) {
        close(shared->lock_fd);
    }
    pthread_cond_destroy(&shared->is_moved);
    pthread_mutex_destroy(&shared->mutex);
    free(shared->path);
    free(shared);
}

static bool is_memory(const char *path)
{
    return strcmp(path, ":memory:") == 0;
}

/* Takes lock_fd. */
static struct shared *shared_new(struct loop *loop, const char *path, int lock_fd,
                                 struct exo_error *err)
{
    struct shared *shared = calloc(1, sizeof(*shared));

    if (shared == NULL || (shared->path = strdup(path)) == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory to open SQLite file %s", path);
        free(shared);
        if (lock_fd >= 0) {
            close(lock_fd);
        }
        return NULL;
    }
    shared->loop = loop;
    shared->lock_fd = lock_fd;
    shared->life = clock_wall_ns();
    pthread_mutex_init(&shared->mutex, NULL);
    pthread_cond_init(&shared->is_moved, NULL);
    shared->wake = loop_wake_new(loop, on_wake, shared);
    if ((lock_fd >= 0 && lock_file_take(lock_fd, path, err) < 0) ||
        lane_start(&shared->writer, shared, false, err) < 0 ||
        (lock_fd >= 0 && lane_start(&shared->reader, shared, true, err) < 0)) {
        shared_free(shared);
        return NULL;
    }
    return shared;
}

static struct shared *shared_of(const struct stat *lock)
{
    for (struct shared *shared = open_files; shared != NULL; shared = shared->next) {
        if (shared->device == lock->st_dev && shared->inode == lock->st_ino) {
            return shared;
        }
    }
    return NULL;
}

/* Under open_files_mutex. */
static struct shared *shared_open(struct loop *loop, const char *path, struct exo_error *err)
{
    struct stat lock;

    if (is_memory(path)) {
        return shared_new(loop, path, -1, err);
    }
    int fd = lock_file_open(path, &lock, err);

    if (fd < 0) {
        return NULL;
    }
    struct shared *shared = shared_of(&lock);

    if (shared != NULL) {
        close(fd);
        if (shared->loop != loop) {
            (void)exo_error_set(err, EXO_ECONFLICT,
                                "%s is in use by another loop of this process: give this one "
                                "another file",
                                path);
            return NULL;
        }
        return shared;
    }
    shared = shared_new(loop, path, fd, err);
    if (shared != NULL) {
        shared->device = lock.st_dev;
        shared->inode = lock.st_ino;
        shared->next = open_files;
        open_files = shared;
    }
    return shared;
}

struct sqlite_file *sqlite_file_open(struct loop *loop, const char *path, struct exo_error *err)
{
    struct sqlite_file *file = calloc(1, sizeof(*file));

    if (file == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory to open SQLite file %s", path);
        return NULL;
    }
    pthread_mutex_lock(&open_files_mutex);
    file->shared = shared_open(loop, path, err);
    if (file->shared != NULL) {
        file->shared->user_count++;
    }
    pthread_mutex_unlock(&open_files_mutex);
    if (file->shared == NULL) {
        free(file);
        return NULL;
    }
    return file;
}

int64_t sqlite_file_life(const struct sqlite_file *file)
{
    return file->shared->life;
}

/* Waits for the user's jobs and calls their dones, also those that the dones queue. */
static void drain(struct sqlite_file *file)
{
    struct shared *shared = file->shared;

    while (file->pending > 0) {
        struct job *job;

        pthread_mutex_lock(&shared->mutex);
        while ((job = pop_of(&shared->finished, file)) == NULL) {
            pthread_cond_wait(&shared->is_moved, &shared->mutex);
        }
        pthread_mutex_unlock(&shared->mutex);
        tell(job);
    }
}

void sqlite_file_close(struct sqlite_file *file)
{
    if (file == NULL) {
        return;
    }
    struct shared *shared = file->shared;

    drain(file);
    free(file);
    pthread_mutex_lock(&open_files_mutex);
    bool is_last = --shared->user_count == 0;

    if (is_last) {
        for (struct shared **at = &open_files; *at != NULL; at = &(*at)->next) {
            if (*at == shared) {
                *at = shared->next;
                break;
            }
        }
        if (shared->is_telling) {
            shared->is_orphan = true;
        } else {
            shared_free(shared);
        }
    }
    pthread_mutex_unlock(&open_files_mutex);
}

static void queue(struct sqlite_file *file, struct lane *lane, sqlite_job *run,
                  void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct job *job = calloc(1, sizeof(*job));

    if (job == NULL) {
        abort(); /* a few bytes per request: without them nothing here can go on */
    }
    job->file = file;
    job->run = run;
    job->done = done;
    job->argument = argument;
    file->pending++;
    pthread_mutex_lock(&file->shared->mutex);
    push(&lane->queue, job);
    pthread_cond_signal(&lane->is_due);
    pthread_mutex_unlock(&file->shared->mutex);
}

void sqlite_file_write(struct sqlite_file *file, sqlite_job *job,
                       void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    queue(file, &file->shared->writer, job, done, argument);
}

void sqlite_file_read(struct sqlite_file *file, sqlite_job *job,
                      void (*done)(void *argument, const struct exo_error *err), void *argument)
{
    struct shared *shared = file->shared;

    queue(file, shared->reader.is_running ? &shared->reader : &shared->writer, job, done, argument);
}
