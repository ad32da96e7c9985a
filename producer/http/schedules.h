/* schedules: what the routes of schedules share. For producer/http only. */
#ifndef EXO_PRODUCER_SCHEDULES_H
#define EXO_PRODUCER_SCHEDULES_H

#include "producer/http/api_state.h"
#include "schemas/wire/schedule_command.h"
#include "schemas/wire/schedule_row.h"

/* Whose schedule a request is about. */
struct schedule_name {
    struct span project, name;
    struct execution_id id;
};

/* schedule_name_read reads project and name off the path, into the exchange's arena. False when the
 * exchange is answered: they are no names. */
EXO_CHECKED bool schedule_name_read(struct exchange *x, struct schedule_name *ret);

/* schedule_read_row reads one's row; called gets it, in the exchange's arena, NULL when there is
 * none. With an error the exchange is answered. */
void schedule_read_row(struct exchange *x, const struct schedule_name *name,
                       void (*called)(struct exchange *x, const struct wire_schedule_row *row));

/* schedule_put_row puts a row as JSON. is_whole: with definition and fires. */
void schedule_put_row(struct exchange *x, struct json_writer *w,
                      const struct wire_schedule_row *row, bool is_whole);

/* schedule_send answers with one schedule, its version as ETag. */
void schedule_send(struct exchange *x, int status, const struct wire_schedule_row *row);

/* schedule_command_send sends a command (its spans live in the exchange's arena; its id, project
 * and name are set here), waits until the shard has applied it and answers. */
void schedule_command_send(struct exchange *x, const struct schedule_name *name,
                           struct wire_schedule_command command);

#endif /* EXO_PRODUCER_SCHEDULES_H */
