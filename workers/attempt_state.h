/* attempt_state: the inside of struct attempt, for its own sources only.
 *
 *   attempt.c          life, start, exit, spool, report
 *   attempt_prepare.c  grants, plan: what must be there before the start
 *   attempt_image.c    the image
 *   attempt_input.c    values by reference: looked into, or streamed into the input
 *   attempt_collect.c  what is left after the exit
 *   attempt_cache.c    a result that is there already
 *   attempt_artefacts.c  artefacts: those of parents before the start, its own after the exit
 */
#ifndef EXO_WORKERS_ATTEMPT_STATE_H
#define EXO_WORKERS_ATTEMPT_STATE_H

#include "infra/archive/package.h"
#include "schemas/wire/state.h"
#include "workers/artefact_store.h"
#include "workers/attempt.h"
#include "workers/image/image.h"
#include "workers/log_ship.h"

/* One value that an expression looks into, on its way here. */
struct attempt_fetch {
    struct attempt *attempt;
    struct contract_want *want;
    struct attempt_call *call; /* NULL when it has ended */
    struct buffer bytes;
};

/* The input when values are streamed into it: an unnamed file, mapped when it is whole. */
struct attempt_input {
    int fd;          /* -1: none */
    uint32_t part;   /* that is being written */
    uint64_t begin;  /* where its hole begins in the file */
    uint64_t at;     /* end of the file */
    int write_error; /* errno of the first write that failed; 0 */
    struct attempt_call *call;
    void *map; /* NULL: not mapped */
    size_t map_bytes;
};

/* What the attempt left, copied when it ended. */
struct attempt_leavings {
    struct contract_result_files files;
    void *output; /* malloc */
    void *log;    /* malloc */
    size_t log_bytes;
    uint64_t log_bytes_all;    /* as written, cut or not */
    struct heap_budget budget; /* of json and frame, made on another thread */
    struct buffer json;        /* the output as it goes on */
    struct buffer control;     /* control.json as it goes on */
    struct digest json_digest;
    struct buffer frame; /* the log, compressed */
    struct digest frame_digest;
    enum contract_result verdict;
    bool must_judge;
    bool is_frame_failed;
    struct attempt_call *json_call, *frame_call, *package_call;
    int artefacts_fd; /* the directory; -1: none */
    int package_fd;   /* the package; -1: none */
    struct package_facts package;
    struct exo_error package_err; /* of packing or of storing it */
    struct exo_error json_err;
    bool is_frame_stored;
};

/* A result that is there already, where the satellite asks for it. */
struct attempt_cached {
    struct digest key;
    struct attempt_call *call; /* to ask, or to keep; NULL: none under way */
    struct heap_budget budget;
    struct buffer bytes;
    bool is_answered, is_hit;
    struct wire_output result; /* of a hit; spans in the attempt's arena */
};

struct attempt {
    const struct attempt_host *host;
    struct slot_handle slot;
    uint32_t shard;
    struct task_id id;
    uint32_t number;
    char name[SPOOL_NAME_BYTES]; /* of its spool file, and of its container */
    struct contract *contract;   /* NULL: refused; error says why */
    struct heap_budget budget;
    struct arena arena; /* of the loop's thread: what follows of the Task */
    struct span item;
    struct span token;

    uint32_t busy; /* things under way that will call back */
    bool is_forgotten;

    bool is_files_done, is_image_done, is_plan_done; /* of the preparation */
    bool is_artefacts_done;
    bool is_prepare_told;
    struct exo_error files_err;
    bool has_begun; /* a spool file may be there */
    bool is_spool_failed;
    bool is_files_busy; /* and may be written just now */
    struct heap_budget files_budget;
    struct arena files_arena; /* of the thread that reads the files: the grants */
    bool wants_delete;        /* then it is deleted right after */
    struct contract_plan *plan;
    struct grants grants;
    struct attempt_fetch *fetches; /* CONTRACT_WANTS_MAX of them; NULL until one is needed */
    uint32_t fetch_count, fetches_open;
    struct attempt_input input;
    struct image_request *image_request; /* NULL: none under way */
    const struct image *image;           /* NULL: not had */

    struct attempt_artefacts *artefacts; /* of parents, one after the other; NULL: none wanted */
    struct sandbox_artefacts *artefact_mounts;
    uint32_t artefact_count, artefacts_open;

    struct attempt_cached cache;

    struct sandbox_run *run; /* NULL: does not run */
    struct buffer progress;  /* what it said last of its progress, JSON */
    struct buffer news;      /* ... while it is read */
    struct log_ship *ship;
    struct attempt_leavings left;
    struct wire_report report; /* figures and leavings; the core's part apart */
    char error[CONTRACT_ERROR_BYTES];
    uint64_t cause; /* what did not come, as worker_on_slot has it */
    char image_digest[96];
};

/* attempt_begin counts something under way; attempt_ended that it has called back.
 * Returns false when the attempt was forgotten, and is now freed if nothing else is under way. */
void attempt_begin(struct attempt *attempt);
EXO_CHECKED bool attempt_ended(struct attempt *attempt);

/* attempt_tell gives the core an event of a kind with an end. */
void attempt_tell(struct attempt *attempt, enum worker_event_kind kind, enum attempt_end end,
                  int exit_status);

/* attempt_refused tells the worker that its disk takes nothing; err of the spool. */
void attempt_refused(struct attempt *attempt, const struct exo_error *err);

/* attempt_prepare_done looks whether all is there and tells PREPARED; attempt_prepare_failed tells
 * UNPREPARED once, with the words already in attempt->error. */
void attempt_prepare_done(struct attempt *attempt);
void attempt_prepare_failed(struct attempt *attempt, enum attempt_end end);

/* attempt_missed notes what did not come (a C string, borrowed), before attempt_prepare_failed: it
 * may be missing for everybody, so the machine is not to blame at once. */
void attempt_missed(struct attempt *attempt, const char *what);

/* attempt_fetch_wants fetches what the plan wants; calls attempt_plan when all has come. */
void attempt_fetch_wants(struct attempt *attempt);
void attempt_plan(struct attempt *attempt);

/* attempt_input_write streams input.json into a file and maps it; sets is_plan_done. */
void attempt_input_write(struct attempt *attempt);

/* attempt_input_release gives up what is under way and unmaps. */
void attempt_input_release(struct attempt *attempt);

/* attempt_image_begin asks for the image; attempt_image_release gives it back. */
void attempt_image_begin(struct attempt *attempt);
void attempt_image_release(struct attempt *attempt);

/* attempt_image_fill puts what comes from the image into the spec. */
void attempt_image_fill(struct attempt *attempt, struct sandbox_spec *spec);

/* attempt_artefacts_begin asks for the artefacts of parents; sets is_artefacts_done when they are
 * there. attempt_artefacts_release gives them back. */
void attempt_artefacts_begin(struct attempt *attempt);
void attempt_artefacts_release(struct attempt *attempt);

/* attempt_artefacts_take keeps the directory that the sandbox shows in on_exit. */
void attempt_artefacts_take(struct attempt *attempt, const struct sandbox_result *result);

/* attempt_artefacts_pack packs it, on another thread; what went wrong stands in package_err. */
void attempt_artefacts_pack(struct attempt *attempt);

/* attempt_artefacts_upload puts the package, if there is one, and calls done when that has ended.
 */
void attempt_artefacts_upload(struct attempt *attempt, void (*done)(struct attempt *attempt));

/* attempt_artefacts_close closes what was taken and packed. */
void attempt_artefacts_close(struct attempt *attempt);

/* attempt_artefacts_end puts the package into the report. Returns how the attempt ends by it:
 * ATTEMPT_EXITED when all is well, else with attempt->error. */
enum attempt_end attempt_artefacts_end(struct attempt *attempt);

/* attempt_cache_ask asks once whether there is a result already; attempt_prepare_done is called
 * again with the answer. False when nothing is to be waited for. */
EXO_CHECKED bool attempt_cache_ask(struct attempt *attempt);

/* attempt_cache_give puts the result of a hit into the report. */
void attempt_cache_give(struct attempt *attempt);

/* attempt_cache_keep keeps the report's result for others, then tells COLLECTED. False when there
 * is nothing to keep: the caller tells it. */
EXO_CHECKED bool attempt_cache_keep(struct attempt *attempt);

/* attempt_cache_release gives up what is under way. */
void attempt_cache_release(struct attempt *attempt);

/* attempt_leavings_take copies what the sandbox shows in on_exit. */
void attempt_leavings_take(struct attempt *attempt, const struct sandbox_result *result);
void attempt_leavings_release(struct attempt *attempt);
void attempt_uploads_cancel(struct attempt *attempt);

#endif /* EXO_WORKERS_ATTEMPT_STATE_H */
