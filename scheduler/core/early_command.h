/* early_command: commands that came before their executions.
 *
 *   command for an unknown id --put--> kept --find--> its Job arrives: it is done then
 *                                        |
 *                                        +--> to_go: an hour later, or the oldest where it is full
 *
 * A command overtakes its Job when both are sent at once (they are on two topics), or while
 * exo.jobs has a backlog. One whose Job never comes (a wrong id, an execution long ended) must not
 * keep its place for ever. Pure. */
#ifndef EXO_SCHEDULER_EARLY_COMMAND_H
#define EXO_SCHEDULER_EARLY_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"
#include "schemas/vocab/time.h"

/* Most of them, and most bytes of their texts together. */
enum { EARLY_COMMANDS_MAX = 256, EARLY_COMMANDS_BYTES_MAX = 256 << 10 };

/* How long one is kept, in shard time. */
#define EARLY_COMMAND_KEPT_NS EXO_HOUR

struct early_command {
    struct execution_id id;
    exo_time at_ns;   /* shard time at which it came */
    int64_t offset;   /* of its record in exo.status */
    bool is_cancel;   /* of the whole execution; a second one changes nothing */
    struct span text; /* of such a cancel the reason, else a StatusRecord with the one command */
};

/* Oldest first; their texts are owned. Read-only to others. */
struct early_commands {
    struct allocator allocator;
    uint32_t count;
    size_t bytes;
    struct early_command list[EARLY_COMMANDS_MAX];
};

/* early_commands_init makes an empty list; early_commands_clear frees what it holds, it may be used
 * again. */
void early_commands_init(struct early_commands *commands, struct allocator allocator);
void early_commands_clear(struct early_commands *commands);

/* early_command_to_go gives the oldest command where it is too old, or where one more with a text
 * of so many bytes has no room; else NULL. Tell of it, forget it, ask again.
 * now_ns  shard time */
const struct early_command *early_command_to_go(const struct early_commands *commands, size_t bytes,
                                                exo_time now_ns);

/* early_command_is_old says why it has to go: it has waited too long (else: no room). */
bool early_command_is_old(const struct early_command *command, exo_time now_ns);

/* early_command_forget takes the oldest out; there is one (asserted). */
void early_command_forget(struct early_commands *commands);

/* early_command_put keeps a copy, by the time at which it came. Asserts that there is room. Of the
 * cancels of an execution only the first is kept.
 * Returns false without memory: nothing is kept. */
EXO_CHECKED bool early_command_put(struct early_commands *commands,
                                   const struct early_command *command);

/* early_command_find gives the oldest command for an execution, NULL: none. early_command_remove
 * takes it out; its text goes with it. */
const struct early_command *early_command_find(const struct early_commands *commands,
                                               const struct execution_id *id);
void early_command_remove(struct early_commands *commands, const struct early_command *command);

/* early_command_deadline says when the next will be too old; EXO_TIME_NEVER: none is kept. */
exo_time early_command_deadline(const struct early_commands *commands);

#endif /* EXO_SCHEDULER_EARLY_COMMAND_H */
