/* worker_world: one worker core under a virtual clock, with a trace of all it was given and wanted
 * done, for the tests of this folder. */
#ifndef EXO_TESTS_WORKER_WORLD_H
#define EXO_TESTS_WORKER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "workers/core/worker.h"

enum { INCARNATION = 77, TRACE_BYTES = 16384 };

struct world {
    struct heap_budget budget;
    struct worker *worker;
    struct worker_actions actions;
    exo_time now_ns;
    struct slot_handle slot;        /* of the last PREPARE */
    struct worker_report_id report; /* last one */
    char trace[TRACE_BYTES];
    size_t trace_bytes;
};

/* world_step gives one event, writes the trace and checks the invariants. */
enum worker_err world_step(struct world *w, const struct worker_event *event);

/* world_simple gives an event without content. */
enum worker_err world_simple(struct world *w, enum worker_event_kind kind);

/* world_opened gives OPENED. */
enum worker_err world_opened(struct world *w, uint32_t class_index, int64_t position);

/* world_tick gives TICK. */
enum worker_err world_tick(struct world *w, const char *process, uint64_t number, uint64_t demand);

/* world_serve takes a worker through JOINING, all tickets lent to "s1". */
void world_serve(struct world *w);

/* world_task_of names task INDEX of the only execution. */
struct task_id world_task_of(uint32_t index);

/* world_task_event is a TASK of "s1": 60 s timeout, 7 s grace, 100 bytes. */
struct worker_event world_task_event(uint32_t index, uint32_t attempt, uint32_t ticket,
                                     uint64_t lend);

/* world_task gives it. */
enum worker_err world_task(struct world *w, uint32_t index, uint32_t attempt, uint32_t ticket,
                           uint64_t lend);

/* world_record gives a RECORD of shard 1 that is ours. */
enum worker_err world_record(struct world *w, int64_t offset, uint64_t epoch, uint64_t sequence);

/* world_kill gives KILL. */
enum worker_err world_kill(struct world *w, uint32_t index, uint32_t attempt);

/* world_on_slot gives an event about a slot. */
enum worker_err world_on_slot(struct world *w, enum worker_event_kind kind, struct slot_handle slot,
                              enum attempt_end end, int exit_status);

/* world_progress gives PROGRESS. */
enum worker_err world_progress(struct world *w, struct slot_handle slot, bool has_news);

/* world_answer gives what became of a report. */
enum worker_err world_answer(struct world *w, enum worker_event_kind kind,
                             struct worker_report_id id);

/* world_drain gives DRAIN. */
enum worker_err world_drain(struct world *w, exo_time in_ns);

/* world_beat gives TIMER a second later. */
enum worker_err world_beat(struct world *w);

/* world_bring_to opens a world and brings task 0, attempt 5, on ticket 0, to a state. */
void world_bring_to(struct world *w, enum slot_state to);

/* world_trace_reset forgets the trace. */
void world_trace_reset(struct world *w);

/* world_settings are of a small worker: 2 slots, 1 ticket of prefetch, 1 class, 4 shards. */
struct worker_settings world_settings(void);

/* world_trace_is compares the trace and forgets it. */
void world_trace_is(struct world *w, const char *expected);

/* world_open makes a worker at 100 s. */
void world_open(struct world *w, const struct worker_settings *settings);

/* world_close frees it and checks that all memory came back. */
void world_close(struct world *w);

#endif /* EXO_TESTS_WORKER_WORLD_H */
