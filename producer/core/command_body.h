/* command_body: what a request says about a command: a reason, a comment, a result, a priority.
 *
 *   {"comment": "looks right", "actor": "ada"} --command_body_read--> struct command_body
 *
 * Pure. */
#ifndef EXO_PRODUCER_COMMAND_BODY_H
#define EXO_PRODUCER_COMMAND_BODY_H

#include "schemas/vocab/buffer.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/fault.h"
#include "schemas/wire/status.h"

enum {
    COMMAND_TEXT_BYTES_MAX = 500, /* of a reason or comment */
    COMMAND_ACTOR_BYTES_MAX = 100,
    COMMAND_ID_BYTES_MAX = 200,
};

enum command_body_result {
    COMMAND_BODY_OK = 0,
    COMMAND_BODY_EMALFORMED = -1, /* no JSON that we take */
    COMMAND_BODY_EINVALID = -2,   /* JSON that does not fit the command */
};

struct command_body {
    struct span reason; /* of an approval the comment; bytes 0: none */
    struct span actor;  /* who is said to ask; bytes 0: nobody */
    struct span value;  /* of a SIGNAL the whole body, of a SKIP the output; compact JSON */
    uint32_t priority;
};

/* What is to be read. */
struct command_source {
    enum wire_command_kind kind;
    struct span body; /* empty: nothing is said, which a PRIORITY does not allow; borrowed */
};

/* command_body_read reads the body of a request.
 * arena     borrowed; what is read lives there
 * value     borrowed; command_body.value stands in it
 * ret_body  out; untouched on failure
 * faults    borrowed; gets every fault on failure */
EXO_CHECKED enum command_body_result command_body_read(const struct command_source *source,
                                                       struct arena *arena, struct buffer *value,
                                                       struct command_body *ret_body,
                                                       struct fault_list *faults);

/* command_kind_name returns the word of the route and the command line: "cancel", "approve" ... */
const char *command_kind_name(enum wire_command_kind kind);

#endif /* EXO_PRODUCER_COMMAND_BODY_H */
