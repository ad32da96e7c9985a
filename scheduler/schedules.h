/* schedules: the schedules of a shard, joined to its batches (docs/adr/0016-schedules.md).
 *
 *   command of the API, an execution has ended, time --> book of the schedule
 *        (scheduler/core/schedule.h) --> START: a Job, CANCEL: a command, both through the outbox;
 *        the schedule's row goes with the same commit
 *
 * For this folder's sources only. schedule_entry.c keeps one schedule, ends.c tells schedules of
 * the ends of executions. */
#ifndef EXO_SCHEDULER_SCHEDULES_H
#define EXO_SCHEDULER_SCHEDULES_H

#include "infra/store/store.h"
#include "scheduler/core/schedule.h"
#include "schemas/wire/job.h"
#include "schemas/wire/schedule_command.h"
#include "schemas/wire/schedule_row.h"

struct shard;
struct execution;

enum { SCHEDULES_MAX = 1000 /* of a shard */, SCHEDULE_COMMAND_ID_BYTES = 64 };

/* A definition and all that it needs. */
struct schedule_text {
    struct arena arena;
    struct span project, name;
    struct span text;                  /* canonical */
    const struct schedule *definition; /* NULL: it, or its zone, cannot be read here */
    const struct zone *zone;
    struct wire_schedule_state kept; /* without a definition: the state as it was loaded */
};

struct schedule_answer {
    char id[SCHEDULE_COMMAND_ID_BYTES + 1];
    enum wire_schedule_verdict verdict;
    exo_time nominal_ns;
};

/* One schedule of the shard. */
struct schedule_entry {
    struct schedule_entry *next;
    struct execution_id id;
    struct schedule_text *text;
    struct schedule_book *book; /* NULL without a definition */
    uint64_t number;
    exo_time changed_ns;
    struct wire_schedule_fire fires[WIRE_SCHEDULE_FIRES_MAX];
    uint32_t fire_count;
    struct wire_schedule_left_out left_out[WIRE_SCHEDULE_LEFT_OUT_MAX];
    uint32_t left_out_count;
    struct schedule_answer answers[WIRE_SCHEDULE_ANSWERS_MAX];
    uint32_t answer_count;
    bool is_dirty;
    bool is_gone; /* its row is deleted with the open batch */
};

struct schedules {
    struct schedule_entry *list;
    uint32_t count;
    uint32_t dirty;   /* entries that have changed */
    exo_time due_ns;  /* the first deadline of all */
    exo_time look_ns; /* on the loop's clock: when live entries are looked at next */
    uint32_t looked;  /* so many of them were, from the first */
    uint32_t looking; /* answers on their way */
};

/* schedules_open begins without any; schedules_close drops all. */
void schedules_open(struct shard *shard);
void schedules_close(struct shard *shard);

/* schedules_load puts a row back; false when it does not fit. One whose definition or zone cannot
 * be read here is kept as it is, starts nothing, and is said. */
EXO_CHECKED bool schedules_load(struct shard *shard, const struct store_spanning *row);

/* schedules_command takes a command of the API. */
void schedules_command(struct shard *shard, const struct wire_schedule_command *command);

/* schedules_ended takes the news that an execution has ended, or never began. */
void schedules_ended(struct shard *shard, const struct wire_schedule_ended *ended);

/* schedules_has_changes is true while there are rows to commit. */
bool schedules_has_changes(const struct shard *shard);

/* schedules_seal adds the changed rows to the sealed batch: after keys_seal. */
void schedules_seal(struct shard *shard);

/* schedules_turn starts what has become due, and now and then looks whether what is live has ended.
 * Returns when it is due next, in shard time. */
exo_time schedules_turn(struct shard *shard);

/* ---- schedule_entry.c ---- */

/* schedule_text_read reads a canonical text; its definition is NULL with *why (256 bytes) when it
 * cannot be used here. */
struct schedule_text *schedule_text_read(struct shard *shard, struct span project, struct span name,
                                         struct span text, char why[256]);
void schedule_text_free(struct schedule_text *text);

/* schedule_entry_new makes one (text is taken); saved NULL: a new schedule. */
struct schedule_entry *schedule_entry_new(struct shard *shard, const struct execution_id *id,
                                          struct schedule_text *text,
                                          const struct wire_schedule_state *saved);
void schedule_entry_free(struct schedule_entry *entry);

/* schedule_entry_answer keeps what became of a command; schedule_entry_find_answer gives it, NULL
 * when it was not heard of lately. */
void schedule_entry_answer(struct schedule_entry *entry, struct span id,
                           enum wire_schedule_verdict verdict, exo_time nominal_ns);
const struct schedule_answer *schedule_entry_find_answer(const struct schedule_entry *entry,
                                                         struct span id);

/* schedule_entry_pack appends its row. */
void schedule_entry_pack(const struct schedule_entry *entry, struct arena *scratch,
                         struct buffer *buffer);

/* schedule_start_send and schedule_cancel_send put what a nominal time wants into the outbox. */
void schedule_start_send(struct shard *shard, const struct schedule_entry *entry,
                         exo_time nominal_ns);
void schedule_cancel_send(struct shard *shard, const struct schedule_entry *entry,
                          exo_time nominal_ns);

#endif /* EXO_SCHEDULER_SCHEDULES_H */
