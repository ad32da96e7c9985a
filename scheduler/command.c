/* command: what people ask for, out of exo.status: checked, told in the log with who asked,
 * stepped.
 *
 * The API has checked its own; any other program may write Commands too. */
#include <stdio.h>
#include <stdlib.h>

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

static void step(struct shard *shard, const struct wire_command *command)
{
    const struct sched_event event = {.kind = SCHED_COMMAND,
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
    enum sched_err result = shard_step(shard, &event);

    if (result != SCHED_EMEMORY) {
        tell(shard, command, result == SCHED_OK ? "done" : "changed nothing");
    }
}

/* ---- before their executions ---- */

/* One that is kept no longer. A cancel of what never comes has done what it was for. */
static void let_go(struct shard *shard, const struct early_command *command)
{
    bool is_old = early_command_is_old(command, shard_time(shard));
    char id[EXECUTION_ID_TEXT_BYTES + 1];

    if (command->is_cancel && !is_old) {
        shard->scheduler->counts.cancels_dropped++;
        scheduler_say(shard->scheduler, "cancel.dropped",
                      "shard %u: more than %d commands wait for executions that have not come; the "
                      "oldest, a cancel, is forgotten: send it again if its execution does come",
                      shard->number, (int)EARLY_COMMANDS_MAX);
    }
    if (command->is_cancel) {
        return;
    }
    execution_id_format(&command->id, id);
    const struct log_record record = {
        .offset = command->offset, .key = span_of(id), .value = command->text};

    letter_add(shard, TOPIC_STATUS, &record,
               is_old ? "its execution has not come within an hour, or had ended long before"
                      : "too many commands wait for executions that have not come; this was the "
                        "oldest");
}

/* Room for one more with a text of so many bytes; 0: only what is too old goes. */
static void make_room(struct shard *shard, size_t bytes)
{
    const struct early_command *command;

    while ((command = early_command_to_go(&shard->early, bytes, shard_time(shard))) != NULL) {
        let_go(shard, command);
        early_command_forget(&shard->early);
        shard->is_extra_dirty = true;
    }
}

void command_load(struct shard *shard, const struct early_command *command)
{
    make_room(shard, command->text.bytes + 1);
    if (!early_command_put(&shard->early, command)) {
        abort();
    }
}

static void keep(struct shard *shard, const struct wire_command *command,
                 const struct log_record *record)
{
    bool is_cancel = command->kind == COMMAND_CANCEL && command->task.bytes == 0;
    struct buffer text;
    struct arena scratch;

    buffer_init(&text, shard->scheduler->allocator, 0);
    arena_init(&scratch, shard->scheduler->allocator, 0);
    if (is_cancel) {
        buffer_append(&text, command->reason);
    } else {
        wire_status_pack(&(struct wire_status){.commands = command, .command_count = 1}, &scratch,
                         &text);
    }
    if (text.is_failed) {
        abort();
    }
    command_load(shard, &(struct early_command){.id = command->execution,
                                                .at_ns = shard_time(shard),
                                                .offset = record->offset,
                                                .is_cancel = is_cancel,
                                                .text = buffer_span(&text)});
    arena_release(&scratch);
    buffer_release(&text);
    shard->is_extra_dirty = true;
    tell(shard, command, "kept for an execution that is not known yet");
}

/* From its text, which lives in the open batch from now on. */
static void step_early(struct shard *shard, const struct execution_id *id, bool is_cancel,
                       struct span text)
{
    const struct wire_command cancel = {.kind = COMMAND_CANCEL, .execution = *id, .reason = text};
    struct wire_status status;

    if (is_cancel) {
        step(shard, &cancel);
    } else if (wire_status_unpack(text, &shard->open_arena, &status) == WIRE_OK &&
               status.command_count == 1) {
        step(shard, &status.commands[0]);
    }
}

void command_apply_early(struct shard *shard, const struct execution_id *id)
{
    const struct early_command *command;
    uint32_t generation = shard->generation;

    make_room(shard, 0);
    while (shard->generation == generation &&
           (command = early_command_find(&shard->early, id)) != NULL) {
        bool is_cancel = command->is_cancel;
        struct span text = arena_copy(&shard->open_arena, command->text);

        if (text.data == NULL) {
            abort();
        }
        early_command_remove(&shard->early, command);
        shard->is_extra_dirty = true;
        step_early(shard, id, is_cancel, text);
    }
}

exo_time command_turn(struct shard *shard)
{
    if (shard->state != SHARD_RUNNING) {
        return EXO_TIME_NEVER;
    }
    make_room(shard, 0);
    return early_command_deadline(&shard->early);
}

void command_take(struct shard *shard, const struct wire_command *command,
                  const struct log_record *record)
{
    const char *fault = fault_of(shard, command);

    if (fault != NULL) {
        letter_add(shard, TOPIC_STATUS, record, fault);
        tell(shard, command, "refused");
    } else if (!sched_is_known(shard->sched, &command->execution)) {
        keep(shard, command, record);
    } else {
        step(shard, command);
    }
}
