#include "workers/sandbox/crew.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

struct crew {
    pthread_mutex_t mutex;
    pthread_cond_t has_work; /* a job is queued, or is_ending */
    pthread_cond_t has_news; /* a thread is ready, or a job is worked on */
    /* All below under the mutex. */
    struct crew_job *queue_first, *queue_last;
    struct crew_job *done_first, *done_last;
    uint32_t pending; /* queued or being worked on */
    bool is_ending;
    uint32_t ready_count;
    uint32_t failed_count;
    struct exo_error error; /* of the first thread that failed */

    int namespace_fd; /* set by the first thread before any other starts */
    int (*prepare)(void *argument, struct exo_error *err);
    void *argument;
    struct loop_wake *wake;
    uint32_t thread_count;
    pthread_t threads[];
};

static int make_namespace(struct crew *crew, struct exo_error *err)
{
    if (unshare(CLONE_NEWNS) != 0) {
        return exo_error_set(err, errno == EPERM ? EXO_EDENIED : EXO_EIO,
                             "no mount namespace for containers: %s; run the worker as root, in a "
                             "container with --privileged",
                             strerror(errno));
    }
    /* What the machine mounts later shall be seen here, never the other way round. */
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0) {
        return exo_error_set(err, EXO_EIO, "cannot make the worker's mounts its own: %s",
                             strerror(errno));
    }
    crew->namespace_fd = open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (crew->namespace_fd < 0) {
        return exo_error_set(err, EXO_EIO, "/proc/thread-self/ns/mnt: %s; is /proc mounted?",
                             strerror(errno));
    }
    return crew->prepare(crew->argument, err);
}

static int join_namespace(struct crew *crew, struct exo_error *err)
{
    /* A thread that shares its root and working directory may not change namespace. */
    if (unshare(CLONE_FS) != 0 || setns(crew->namespace_fd, CLONE_NEWNS) != 0) {
        return exo_error_set(err, EXO_EIO, "a thread cannot join the worker's mounts: %s",
                             strerror(errno));
    }
    return 0;
}

static void work(struct crew *crew)
{
    while (true) {
        while (crew->queue_first == NULL && !crew->is_ending) {
            pthread_cond_wait(&crew->has_work, &crew->mutex);
        }
        struct crew_job *job = crew->queue_first;

        if (job == NULL) {
            return;
        }
        crew->queue_first = job->next;
        pthread_mutex_unlock(&crew->mutex);
        job->work(job);
        pthread_mutex_lock(&crew->mutex);
        job->next = NULL;
        if (crew->done_first == NULL) {
            crew->done_first = job;
        } else {
            crew->done_last->next = job;
        }
        crew->done_last = job;
        crew->pending--;
        pthread_cond_broadcast(&crew->has_news);
        loop_wake_send(crew->wake);
    }
}

static void *thread_main(void *argument)
{
    struct crew *crew = argument;
    struct exo_error err;

    pthread_mutex_lock(&crew->mutex);
    bool is_first = crew->namespace_fd < 0;
    pthread_mutex_unlock(&crew->mutex);

    int failed = is_first ? make_namespace(crew, &err) : join_namespace(crew, &err);

    pthread_mutex_lock(&crew->mutex);
    if (failed != 0) {
        crew->error = crew->failed_count++ == 0 ? err : crew->error;
    } else {
        crew->ready_count++;
    }
    pthread_cond_broadcast(&crew->has_news);
    if (failed == 0) {
        work(crew);
    }
    pthread_mutex_unlock(&crew->mutex);
    return NULL;
}

static void on_wake(void *argument)
{
    struct crew *crew = argument;

    pthread_mutex_lock(&crew->mutex);
    struct crew_job *job = crew->done_first;

    crew->done_first = NULL;
    crew->done_last = NULL;
    pthread_mutex_unlock(&crew->mutex);
    while (job != NULL) {
        struct crew_job *next = job->next;

        if (job->done != NULL) {
            job->done(job);
        }
        job = next;
    }
}

/* Starts one thread and waits until it is ready or has failed. Signals stay with the others. */
static int add_thread(struct crew *crew, struct exo_error *err)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&crew->threads[crew->thread_count], NULL, thread_main, crew);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        return exo_error_set(err, EXO_EIO, "no thread for containers: %s", strerror(failed));
    }
    crew->thread_count++;
    pthread_mutex_lock(&crew->mutex);
    while (crew->ready_count + crew->failed_count < crew->thread_count) {
        pthread_cond_wait(&crew->has_news, &crew->mutex);
    }
    bool is_failed = crew->failed_count != 0;

    if (is_failed && err != NULL) {
        *err = crew->error;
    }
    pthread_mutex_unlock(&crew->mutex);
    return is_failed ? -1 : 0;
}

struct crew *crew_new(struct loop *loop, uint32_t threads,
                      int (*prepare)(void *argument, struct exo_error *err), void *argument,
                      struct exo_error *err)
{
    assert(threads >= 1);
    struct crew *crew = calloc(1, sizeof(*crew) + threads * sizeof(crew->threads[0]));

    if (crew == NULL) {
        (void)exo_error_set(err, EXO_EIO, "no memory for the sandbox");
        return NULL;
    }
    pthread_mutex_init(&crew->mutex, NULL);
    pthread_cond_init(&crew->has_work, NULL);
    pthread_cond_init(&crew->has_news, NULL);
    crew->namespace_fd = -1;
    crew->prepare = prepare;
    crew->argument = argument;
    crew->wake = loop_wake_new(loop, on_wake, crew);
    for (uint32_t i = 0; i < threads; i++) {
        if (add_thread(crew, err) != 0) {
            crew_free(crew);
            return NULL;
        }
    }
    return crew;
}

void crew_submit(struct crew *crew, struct crew_job *job)
{
    pthread_mutex_lock(&crew->mutex);
    job->next = NULL;
    if (crew->queue_first == NULL) {
        crew->queue_first = job;
    } else {
        crew->queue_last->next = job;
    }
    crew->queue_last = job;
    crew->pending++;
    pthread_cond_signal(&crew->has_work);
    pthread_mutex_unlock(&crew->mutex);
}

void crew_drain(struct crew *crew)
{
    pthread_mutex_lock(&crew->mutex);
    while (crew->pending > 0) {
        pthread_cond_wait(&crew->has_news, &crew->mutex);
    }
    crew->done_first = NULL;
    crew->done_last = NULL;
    pthread_mutex_unlock(&crew->mutex);
}

void crew_free(struct crew *crew)
{
    if (crew == NULL) {
        return;
    }
    crew_drain(crew);
    pthread_mutex_lock(&crew->mutex);
    crew->is_ending = true;
    pthread_cond_broadcast(&crew->has_work);
    pthread_mutex_unlock(&crew->mutex);
    for (uint32_t i = 0; i < crew->thread_count; i++) {
        (void)pthread_join(crew->threads[i], NULL);
    }
    loop_wake_free(crew->wake);
    if (crew->namespace_fd >= 0) {
        (void)close(crew->namespace_fd);
    }
    pthread_cond_destroy(&crew->has_news);
    pthread_cond_destroy(&crew->has_work);
    pthread_mutex_destroy(&crew->mutex);
    free(crew);
}
