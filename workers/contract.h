/* contract: what a satellite is given and what it gives back (interfaces.md 3), without the files.
 *
 *   wire_spec --contract_new--> contract ---contract_plan(task)---> arguments, environment, input
 *                                  |              ^      |
 *                                  |              |      +--> wants, holes: the caller fetches
 *                                  |              +---------- and asks again
 *                                  +------contract_judge(output.json)---> JSON to hand on, or why
 * not
 *
 * A contract is made once for a satellite of an execution and shared by its attempts. Errors begin
 * with a code, such as "EXPRESSION: ...", and tell the user what to do.
 *
 * Touches nothing but memory. */
#ifndef EXO_WORKERS_CONTRACT_H
#define EXO_WORKERS_CONTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/cluster/satellite.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/wire/task.h"
#include "workers/contract_scope.h"

enum {
    CONTRACT_ERROR_BYTES = 1024,
    CONTRACT_MEMORY_BYTES = 48 << 20, /* of one contract, and of one plan */
};

/* A satellite of one execution, compiled. Immutable but for its count of users. */
struct contract {
    struct arena arena;
    struct heap_budget budget;
    struct wire_spec spec;      /* a copy; all its spans live in the arena */
    struct satellite_work work; /* compiled */
    const char *const *args;    /* when the command uses no names: the same for every task */
    uint32_t users;             /* counted by whoever shares it */
};

enum contract_result {
    CONTRACT_OK = 0,
    CONTRACT_PENDING = 1,  /* plan->scope.wants has something to fetch: fetch it and plan again */
    CONTRACT_REFUSED = -1, /* no try can mend it */
    CONTRACT_FAULTY = -2,  /* another try may mend it */
};

/* contract_new compiles a spec.
 * spec       borrowed
 * ret_error  out: CONTRACT_ERROR_BYTES, filled on failure
 * Gives the contract with one user, or NULL: the definition cannot be understood. */
EXO_CHECKED struct contract *contract_new(const struct wire_spec *spec, char *ret_error);

/* contract_faults_describe writes "CODE: path: text; hint; ..." for the first errors of a list.
 * ret_error  CONTRACT_ERROR_BYTES */
void contract_faults_describe(const struct fault_list *faults, const char *code, char *ret_error);

/* contract_use counts one more user; contract_release one less, and frees it with the last.
 * NULL is allowed for release. */
void contract_use(struct contract *contract);
void contract_release(struct contract *contract);

/* Which task, which try. Spans are kept as long as the plan. */
struct contract_attempt {
    uint32_t index;
    uint32_t attempt;
    struct span item; /* JSON; empty where it is no map */
};

/* A stretch of input.json: text, then what a context by reference holds. */
struct contract_part {
    size_t text_begin, text_end;     /* in plan->json */
    const struct wire_context *hole; /* NULL: nothing follows the text */
    uint32_t hole_index;             /* an item of its list, or CONTRACT_WHOLE */
};

/* What one attempt is run with. All of it lives as long as the plan. */
struct contract_plan {
    struct heap_budget budget;
    struct arena arena;
    const struct contract *contract;
    struct contract_attempt attempt;
    struct contract_scope scope;
    const char *const *args; /* NULL-terminated; NULL: the image's own command */
    const char *const *env;  /* NULL-terminated "NAME=value" */
    const char *cwd;         /* NULL: the image's */
    struct buffer json;      /* input.json but for its holes */
    struct contract_part *parts;
    uint32_t part_count;
    bool has_holes;
    char error[CONTRACT_ERROR_BYTES]; /* after REFUSED and FAULTY */
};

/* contract_plan_init begins a plan; the contract must outlive it. Returns 0, or -1 with plan->error
 * when the task's item is no JSON. contract_plan_release frees all of it, also after -1. */
EXO_CHECKED int contract_plan_init(struct contract_plan *plan, const struct contract *contract,
                                   const struct contract_attempt *attempt);
void contract_plan_release(struct contract_plan *plan);

/* contract_plan_make evaluates what the attempt needs.
 * is_dry  makes the arguments only (the null sandbox reads nothing else)
 * Returns CONTRACT_OK with args, env, cwd and parts filled; CONTRACT_PENDING; or an error. */
EXO_CHECKED enum contract_result contract_plan_make(struct contract_plan *plan, bool is_dry);

/* contract_task_path writes the name people know the task by, such as count.17, and a NUL.
 * ret_path  at least 96 bytes; a longer name is cut */
void contract_task_path(const struct wire_spec *spec, uint32_t index, char *ret_path);

/* What an attempt left behind. */
struct contract_result_files {
    bool has_output;             /* there was an output file (or standard output) */
    struct span output;          /* its bytes, borrowed */
    const char *output_problem;  /* NULL, or why it was refused unread */
    bool has_control;            /* there was a control.json */
    struct span control;         /* its bytes, borrowed */
    const char *control_problem; /* NULL, or why it was refused unread */
};

/* contract_judge decides whether what a successful attempt left keeps the promise.
 *
 * files      borrowed
 * json       appended: the output in its shortest form; nothing for null
 * control    appended: control.json in its shortest form; nothing when there was none
 * ret_error  out: CONTRACT_ERROR_BYTES, filled on failure
 *
 * Cost O(output), 8 MiB at most: call it on another thread where the output is large.
 * Returns CONTRACT_OK, or CONTRACT_FAULTY for what another try may mend: an output that is no JSON,
 * too large, against the output_schema or missing though one is declared, or a control.json that
 * asks for what there is not. */
EXO_CHECKED enum contract_result contract_judge(const struct contract *contract,
                                                const struct contract_result_files *files,
                                                struct buffer *json, struct buffer *control,
                                                char *ret_error);

#endif /* EXO_WORKERS_CONTRACT_H */
