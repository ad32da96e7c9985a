/* c11_threads: threads, mutexes and conditions of C11 made of those of POSIX, for ThreadSanitizer.
 *
 *   librdkafka --thrd_create--> this file --pthread_create--> ThreadSanitizer --> the C library
 *
 * ThreadSanitizer knows a thread by the pthread_create that made it. glibc's thrd_create, which
 * librdkafka is built on, goes around that, and the sanitizer crashes at the first thing such a
 * thread does; glibc's mtx_lock goes around it too, so that what a mutex orders would look like a
 * race. What a program defines itself comes before the C library: linked into the test programs of
 * that build only. Sizes are checked below, since librdkafka allocates by those of <threads.h>. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "a mutex fits");
static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "a condition fits");
static_assert(sizeof(once_flag) >= sizeof(pthread_once_t), "a flag fits");
static_assert(sizeof(thrd_t) == sizeof(pthread_t), "a thread fits");

struct beginning {
    thrd_start_t run;
    void *argument;
};

static void *begin(void *argument)
{
    struct beginning beginning = *(struct beginning *)argument;

    free(argument);
    return (void *)(intptr_t)beginning.run(beginning.argument);
}

static int result_of(int error)
{
    return error == 0           ? thrd_success
           : error == ETIMEDOUT ? thrd_timedout
           : error == EBUSY     ? thrd_busy
           : error == ENOMEM    ? thrd_nomem
                                : thrd_error;
}

int thrd_create(thrd_t *thread, thrd_start_t run, void *argument)
{
    struct beginning *beginning = malloc(sizeof(*beginning));

    if (beginning == NULL) {
        return thrd_nomem;
    }
    *beginning = (struct beginning){run, argument};
    int error = pthread_create((pthread_t *)thread, NULL, begin, beginning);

    if (error != 0) {
        free(beginning);
    }
    return result_of(error);
}

int thrd_join(thrd_t thread, int *ret_result)
{
    void *result;
    int error = pthread_join(thread, &result);

    if (error == 0 && ret_result != NULL) {
        *ret_result = (int)(intptr_t)result;
    }
    return result_of(error);
}

int thrd_detach(thrd_t thread)
{
    return result_of(pthread_detach(thread));
}

void call_once(once_flag *flag, void (*run)(void))
{
    (void)pthread_once((pthread_once_t *)flag, run); /* cannot fail for a flag that was set up */
}

int mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;

    (void)pthread_mutexattr_init(
        &attributes); /* never fails in glibc, as settype with a known type */
    (void)pthread_mutexattr_settype(
        &attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);

    (void)pthread_mutexattr_destroy(&attributes); /* never fails in glibc */
    return result_of(error);
}

void mtx_destroy(mtx_t *mutex)
{
    (void)pthread_mutex_destroy((pthread_mutex_t *)mutex); /* C11 cannot say so either */
}

int mtx_lock(mtx_t *mutex)
{
    return result_of(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int mtx_trylock(mtx_t *mutex)
{
    return result_of(pthread_mutex_trylock((pthread_mutex_t *)mutex));
}

int mtx_unlock(mtx_t *mutex)
{
    return result_of(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

int cnd_init(cnd_t *condition)
{
    return result_of(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

void cnd_destroy(cnd_t *condition)
{
    (void)pthread_cond_destroy((pthread_cond_t *)condition); /* C11 cannot say so either */
}

int cnd_signal(cnd_t *condition)
{
    return result_of(pthread_cond_signal((pthread_cond_t *)condition));
}

int cnd_broadcast(cnd_t *condition)
{
    return result_of(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result_of(pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    return result_of(
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, until));
}
