/* status: what travels on exo.status (schemas/proto/exo/v1/status.proto).
 *
 * Pure. Spans of an unpacked message live in the arena. */
#ifndef EXO_WIRE_STATUS_H
#define EXO_WIRE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/ids.h"
#include "schemas/wire/codec.h"
#include "schemas/wire/gather.h"
#include "schemas/wire/job.h"
#include "schemas/wire/key.h"
#include "schemas/wire/schedule_command.h"

enum wire_report_kind {
    REPORT_ACCEPTED = 1,
    REPORT_REJECTED,
    REPORT_STARTED,
    REPORT_PROGRESS,
    REPORT_FINISHED,
};

enum wire_outcome {
    OUTCOME_NONE,
    OUTCOME_SUCCEEDED,
    OUTCOME_FAILED,
    OUTCOME_NEVER_AGAIN,
    OUTCOME_LATER,
    OUTCOME_TIMED_OUT,
    OUTCOME_CANCELLED,
    OUTCOME_LOST,
    OUTCOME_NR,
};

struct wire_report {
    enum wire_report_kind kind;
    struct task_id task;
    uint32_t attempt;
    uint32_t ticket;
    uint64_t lend;            /* of the loan spent; 0: no ticket comes back */
    struct span lend_process; /* who has the ticket next */
    uint64_t lend_next;
    uint64_t heartbeat;
    int64_t at_ms;
    enum wire_outcome outcome; /* FINISHED, else NONE */
    int32_t exit_status;
    struct span error;
    struct span output; /* JSON up to 64 KiB; empty: null, unless a digest stands below */
    bool has_output_digest;
    struct digest output_digest;
    uint64_t output_bytes;
    bool has_log;
    struct digest log_digest;
    uint64_t log_bytes;
    struct span image_digest;
    int64_t run_ms;
    uint64_t memory_bytes_max;
    int64_t cpu_ms;
    struct span control;  /* JSON of a success's control.json; bytes 0: none */
    struct span progress; /* PROGRESS: JSON {"percent", "message"}, LIMIT_PROGRESS_BYTES at most */
    bool has_artefacts;
    struct digest artefacts_digest;
    uint64_t artefacts_bytes; /* of the blob */
    bool is_cached;           /* an earlier result was given again */
};

enum wire_command_kind {
    COMMAND_CANCEL = 1,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_SIGNAL,
    COMMAND_APPROVE,
    COMMAND_REJECT,
    COMMAND_RETRY,
    COMMAND_SKIP,
    COMMAND_PRIORITY,
    COMMAND_KIND_NR,
};

struct wire_command {
    enum wire_command_kind kind;
    struct execution_id execution;
    struct span id;
    struct span reason;
    struct span actor;
    struct span task;  /* path of a satellite or task; bytes 0: the execution */
    struct span name;  /* SIGNAL */
    struct span value; /* SIGNAL, SKIP: JSON; bytes 0: null */
    uint32_t priority; /* PRIORITY */
};

enum wire_peer_kind {
    PEER_UNKNOWN, /* of a newer program */
    PEER_JOB,
    PEER_KEY_ASK,
    PEER_KEY_RELEASE,
    PEER_KEY_ANSWER,
    PEER_SCHEDULE_ENDED,
    PEER_GATHER_ASK,
    PEER_GATHER_LEAVE,
    PEER_GATHER_ANSWER,
    PEER_GATHER_ENDED,
};

struct wire_peer {
    uint32_t source;
    uint64_t sequence;
    enum wire_peer_kind kind;
    union {
        struct wire_job forwarded_job;
        struct wire_key_ask key_ask;
        struct wire_key_release key_release;
        struct wire_key_answer key_answer;
        struct wire_schedule_ended schedule_ended;
        struct wire_gather_ask gather_ask;
        struct wire_gather_leave gather_leave;
        struct wire_gather_answer gather_answer;
        struct wire_gather_ended gather_ended;
    };
};

struct wire_status {
    struct span worker;
    uint64_t incarnation;
    const struct wire_report *reports;
    uint32_t report_count;
    const struct wire_command *commands;
    uint32_t command_count;
    const struct wire_peer *peers;
    uint32_t peer_count;
    const struct wire_schedule_command *schedules;
    uint32_t schedule_count;
};

/* wire_status_pack appends the record; a failed append shows in buffer->is_failed. scratch is
 * used during the call. */
void wire_status_pack(const struct wire_status *status, struct arena *scratch,
                      struct buffer *buffer);

/* wire_status_unpack reads one record; *ret_status is untouched on error. */
EXO_CHECKED enum wire_result wire_status_unpack(struct span bytes, struct arena *arena,
                                                struct wire_status *ret_status);

/* wire_outcome_name returns a static word such as "succeeded", never NULL. */
const char *wire_outcome_name(enum wire_outcome outcome);

#endif /* EXO_WIRE_STATUS_H */
