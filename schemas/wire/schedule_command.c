#include "schemas/wire/schedule_command.h"

#include "schemas/vocab/limits.h"
#include "schemas/wire/message.h"
#include "schemas/wire/schedule_message.h"

enum { ID_BYTES_MAX = 64 };

void schedule_command_fill(const struct wire_schedule_command *command, struct arena *scratch,
                           Exo__V1__ScheduleCommand *message)
{
    message->kind = (Exo__V1__ScheduleCommandKind)command->kind;
    message->id = message_string(scratch, command->id);
    message->project = message_string(scratch, command->project);
    message->name = message_string(scratch, command->name);
    message->definition = message_string(scratch, command->definition);
    message->expected = command->expected;
    message->from_ns = command->from_ns;
    message->until_ns = command->until_ns;
    message->parallel = command->parallel;
}

static bool is_name(struct span text)
{
    return text.bytes >= 1 && text.bytes <= LIMIT_NAME_BYTES;
}

bool schedule_command_read(const Exo__V1__ScheduleCommand *message,
                           struct wire_schedule_command *ret_command)
{
    *ret_command = (struct wire_schedule_command){
        .kind = (enum wire_schedule_command_kind)message->kind,
        .id = span_of(message->id),
        .project = span_of(message->project),
        .name = span_of(message->name),
        .definition = span_of(message->definition),
        .expected = message->expected,
        .from_ns = message->from_ns,
        .until_ns = message->until_ns,
        .parallel = message->parallel,
    };
    return (int)message->kind >= SCHEDULE_COMMAND_PUT && (int)message->kind < SCHEDULE_COMMAND_NR &&
           ret_command->id.bytes >= 1 && ret_command->id.bytes <= ID_BYTES_MAX &&
           is_name(ret_command->project) && is_name(ret_command->name);
}

void schedule_ended_fill(const struct wire_schedule_ended *ended, Exo__V1__ScheduleEnded *message)
{
    message->schedule = message_bytes((struct span){ended->schedule.bytes, EXECUTION_ID_BYTES});
    message->nominal_ns = ended->nominal_ns;
    message->state = ended->state;
}

bool schedule_ended_read(const Exo__V1__ScheduleEnded *message,
                         struct wire_schedule_ended *ret_ended)
{
    ret_ended->nominal_ns = message->nominal_ns;
    ret_ended->state = message->state;
    return message_id(message->schedule, &ret_ended->schedule);
}
