#include "scheduler/core/early_command.h"

#include <assert.h>
#include <string.h>

static void *resize(struct early_commands *commands, struct span from, size_t bytes)
{
    /* At least one byte, so that NULL means: no memory. */
    return commands->allocator.resize(commands->allocator.context, (void *)(uintptr_t)from.data,
                                      from.data == NULL ? 0 : from.bytes + 1, bytes);
}

static void remove_at(struct early_commands *commands, uint32_t place)
{
    struct early_command *command = &commands->list[place];

    commands->bytes -= command->text.bytes;
    (void)resize(commands, command->text, 0);
    memmove(command, command + 1, (commands->count - place - 1) * sizeof(*command));
    commands->count--;
}

void early_commands_init(struct early_commands *commands, struct allocator allocator)
{
    commands->allocator = allocator;
    commands->count = 0;
    commands->bytes = 0;
}

void early_commands_clear(struct early_commands *commands)
{
    while (commands->count > 0) {
        remove_at(commands, commands->count - 1);
    }
}

bool early_command_is_old(const struct early_command *command, exo_time now_ns)
{
    return now_ns - command->at_ns >= EARLY_COMMAND_KEPT_NS;
}

static bool has_room(const struct early_commands *commands, size_t bytes)
{
    return commands->count < EARLY_COMMANDS_MAX &&
           commands->bytes + bytes <= EARLY_COMMANDS_BYTES_MAX;
}

const struct early_command *early_command_to_go(const struct early_commands *commands, size_t bytes,
                                                exo_time now_ns)
{
    const struct early_command *oldest = &commands->list[0];

    if (commands->count == 0 ||
        (!early_command_is_old(oldest, now_ns) && (bytes == 0 || has_room(commands, bytes)))) {
        return NULL;
    }
    return oldest;
}

void early_command_forget(struct early_commands *commands)
{
    assert(commands->count > 0);
    remove_at(commands, 0);
}

static bool is_kept(const struct early_commands *commands, const struct early_command *cancel)
{
    for (uint32_t i = 0; i < commands->count; i++) {
        if (commands->list[i].is_cancel && execution_id_equal(&commands->list[i].id, &cancel->id)) {
            return true;
        }
    }
    return false;
}

bool early_command_put(struct early_commands *commands, const struct early_command *command)
{
    uint32_t place = commands->count;

    if (command->is_cancel && is_kept(commands, command)) {
        return true;
    }
    assert(has_room(commands, command->text.bytes));
    char *copy = resize(commands, (struct span){NULL, 0}, command->text.bytes + 1);

    if (copy == NULL) {
        return false;
    }
    if (command->text.bytes > 0) {
        memcpy(copy, command->text.data, command->text.bytes);
    }
    while (place > 0 && commands->list[place - 1].at_ns > command->at_ns) {
        commands->list[place] = commands->list[place - 1];
        place--;
    }
    commands->list[place] = *command;
    commands->list[place].text = (struct span){copy, command->text.bytes};
    commands->bytes += command->text.bytes;
    commands->count++;
    return true;
}

const struct early_command *early_command_find(const struct early_commands *commands,
                                               const struct execution_id *id)
{
    for (uint32_t i = 0; i < commands->count; i++) {
        if (execution_id_equal(&commands->list[i].id, id)) {
            return &commands->list[i];
        }
    }
    return NULL;
}

void early_command_remove(struct early_commands *commands, const struct early_command *command)
{
    remove_at(commands, (uint32_t)(command - commands->list));
}

exo_time early_command_deadline(const struct early_commands *commands)
{
    return commands->count == 0 ? EXO_TIME_NEVER : commands->list[0].at_ns + EARLY_COMMAND_KEPT_NS;
}
