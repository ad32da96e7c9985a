/* log_stage: what the stories about the log play on: a loop, a log of one back-end, and a reader
 * that notes what it was shown.
 *
 * A harness for tests only; asserts with cmocka. Records carry their number as a value. */
#ifndef EXO_TESTS_LOG_STAGE_H
#define EXO_TESTS_LOG_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above first */
#include <cmocka.h>

#include "infra/log/log.h"
#include "tests/support/patience.h"

#define STAGE_LIMIT TEST_WAIT

struct stage {
    struct loop *loop;
    struct log *log;
    struct log_settings settings;
    char topic[TOPIC_NAME_BYTES]; /* of the story alone */
};

/* What a reader was shown. */
struct sink {
    struct log_reader *reader;
    uint64_t taken;
    uint64_t wanted;   /* is_done when so many were taken */
    uint64_t take_max; /* taken of one callback at most; then it pauses. 0: all */
    uint64_t stop_at;  /* takes no more in all; 0: no end */
    uint64_t calls;
    uint64_t next;  /* number the next record must have; UINT64_MAX: any */
    uint64_t wrong; /* records that did not have it */
    int64_t last_offset;
    uint32_t last_checksum;
    exo_time last_timestamp_ns;
    bool is_done;
    bool is_failed;
    struct exo_error err;
};

/* How appends ended. */
struct receipts {
    uint64_t done;
    uint64_t wanted;
    uint64_t failed;
    int64_t last_offset;
    bool is_disordered; /* an offset was not above the one before */
    bool is_done;
    struct exo_error err; /* the last */
};

/* stage_open opens the log of stage->settings on a new loop; stage_close undoes it. */
void stage_open(struct stage *stage);
void stage_close(struct stage *stage);

/* stage_prepare calls log_prepare until the answer is not EXO_EUNAVAILABLE. Returns its code. */
enum exo_error_code stage_prepare(struct stage *stage, const struct log_topic *topics, size_t count,
                                  struct exo_error *ret_err);

/* stage_topic makes a topic of its own for a story; it must succeed. */
void stage_topic(struct stage *stage, const char *name, uint32_t partitions, bool is_volatile);

/* stage_append appends records numbered from..from+count-1 of `bytes` bytes to stage->topic; the
 * receipts count them. Where the buffer is full it lets the loop run and goes on. */
void stage_append(struct stage *stage, uint32_t partition, uint64_t from, uint64_t count,
                  size_t bytes, struct receipts *receipts);

/* stage_append_all is stage_append and waits for the acknowledgements, all of which must come. */
void stage_append_all(struct stage *stage, uint32_t partition, uint64_t from, uint64_t count,
                      size_t bytes);

/* stage_read opens a reader of stage->topic into a sink (whose other fields the caller has set). */
void stage_read(struct stage *stage, uint32_t partition, int64_t offset, uint32_t checksum,
                struct sink *sink);

/* stage_wait runs the loop until *is_done; fails the test after STAGE_LIMIT, naming `what`. */
void stage_wait(struct stage *stage, const bool *is_done, const char *what);

/* stage_end asks for the end of a partition of stage->topic. */
int64_t stage_end(struct stage *stage, uint32_t partition);

/* stage_start asks where a partition begins: what log_start answers. */
int64_t stage_start(struct stage *stage, uint32_t partition);

/* stage_turns runs the loop for a while in which nothing in particular must happen. */
void stage_turns(struct stage *stage, exo_time time_ns);

#endif /* EXO_TESTS_LOG_STAGE_H */
