/* command: what people ask for, out of exo.status: checked, told in the log with who asked,
 * stepped.
 *
 * The API has checked its own; any other program may write Commands too. */
#include <stdio.h>

#include "scheduler/shard.h"
#include "schemas/json/json_read.h"
#include "schemas/json/utf8.h"
#include "schemas/vocab/limits.h"

enum { TEXT_BYTES_MAX = 1024, TOLD_BYTES_MAX = 100 };

static const char *kind_name(enum wire_command_kind kind)
{
    static const char *const names[COMMAND_KIND_NR] = {
        [COMMAND_CANCEL] = "cancel", [COMMAND_PAUSE] = "pause",     [COMMAND_RESUME] = "resume",
        [COMMAND_SIGNAL] = "signal", [COMMAND_APPROVE] = "approve", [COMMAND_REJECT] = "reject",
        [COMMAND_RETRY] = "retry",   [COMMAND_SKIP] = "skip",       [COMMAND_PRIORITY] = "priority",
    };

    return names[kind];
}

static void cancel_keep(struct shard *shard, const struct wire_command *command)
{
    if (early_cancel_put(&shard->early_cancels, &command->execution, command->reason,
                         shard_time(shard))) {
        shard->scheduler->counts.cancels_dropped++;
        scheduler_say(shard->scheduler, "cancel.dropped",
                      "shard %u: more than %d cancels wait for executions that have not come; the "
                      "oldest is forgotten: send it again if its execution does come",
                      shard->number, (int)EARLY_CANCELS_MAX);
    }
    shard->is_extra_dirty = true;
}

/* What would end in rows and outputs as it is. NULL: nothing is wrong. */
static const char *fault_of(struct shard *shard, const struct wire_command *command)
{
    const struct span texts[] = {command->id, command->reason, command->actor, command->task,
                                 command->name};
    struct json_error error;
    struct value value;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].bytes > TEXT_BYTES_MAX || !utf8_is_valid(texts[i])) {
            return "a text of the command is longer than 1,024 bytes or no UTF-8";
        }
    }
    if (execution_shard(&command->execution, shard->scheduler->shard_count) != shard->number) {
        return "the command is on the partition of another shard: let murmur2 of the execution's "
               "id "
               "choose it";
    }
    if (command->value.bytes > LIMIT_INLINE_BYTES) {
        return "the command's value is larger than 64 KiB";
    }
    if (command->value.bytes > 0 &&
        json_read(command->value, NULL, &shard->open_arena, &value, &error) != JSON_OK) {
        return "the command's value is no JSON";
    }
    return NULL;
}

/* Who asked for what, whether it was done or not; never the value. */
static void tell(struct shard *shard, const struct wire_command *command, const char *what_became)
{
    char id[EXECUTION_ID_TEXT_BYTES + 1];
    char text[6 * TOLD_BYTES_MAX] = "";
    const struct {
        const char *before;
        struct span told;
    } parts[] = {{" of ", command->task},
                 {" ", command->name},
                 {" by ", command->actor},
                 {", id ", command->id},
                 {": ", command->reason}};
    size_t used = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t bytes =
            parts[i].told.bytes < TOLD_BYTES_MAX ? parts[i].told.bytes : (size_t)TOLD_BYTES_MAX;

        if (bytes > 0) {
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.*s", parts[i].before,
                                     (int)bytes, (const char *)parts[i].told.data);
        }
    }
    execution_id_format(&command->execution, id);
    scheduler_say(shard->scheduler, "command.taken", "%s: execution %s: %s%s", what_became, id,
                  kind_name(command->kind), text);
}

void command_take(struct shard *shard, const struct wire_command *command,
                  const struct log_record *record)
{
    const char *fault = fault_of(shard, command);
    struct sched_event event = {.kind = SCHED_COMMAND,
                                .command = {
                                    .kind = command->kind,
                                    .id = command->execution,
                                    .task = command->task,
                                    .name = command->name,
                                    .value = command->value,
                                    .priority = command->priority,
                                    .reason = command->reason,
                                    .actor = command->actor,
                                    .key = command->id,
                                }};

    if (fault != NULL) {
        letter_add(shard, TOPIC_STATUS, record, fault);
        tell(shard, command, "refused");
        return;
    }
    if (command->kind == COMMAND_CANCEL && command->task.bytes == 0 &&
        !sched_is_known(shard->sched, &command->execution)) {
        cancel_keep(shard, command);
        tell(shard, command, "kept for an execution that is not known yet");
        return;
    }
    enum sched_err result = shard_step(shard, &event);

    if (result != SCHED_EMEMORY) {
        tell(shard, command, result == SCHED_OK ? "done" : "changed nothing");
    }
}
