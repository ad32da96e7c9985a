/* kafka_threads: whether librdkafka can run in this program at all. */
#ifndef EXO_TESTS_KAFKA_THREADS_H
#define EXO_TESTS_KAFKA_THREADS_H

#include <stdbool.h>
#include <stdio.h>

/* kafka_threads_crash is true, and says why, where a test must be skipped (exit status 77). */
static inline bool kafka_threads_crash(void)
{
#if defined(__SANITIZE_THREAD__)
    (void)fprintf(stderr, "skipped: librdkafka starts its threads with thrd_create, which "
                          "ThreadSanitizer does not know: it crashes in them\n");
    return true;
#else
    return false;
#endif
}

#endif /* EXO_TESTS_KAFKA_THREADS_H */
