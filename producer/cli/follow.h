/* follow: an execution watched until it has ended.
 *
 *   events (server-sent) --something changed--> read it again --> progress
 *   once a second anyway -----------------------^
 *
 * The API may go away meanwhile: it is asked again for up to two minutes. */
#ifndef EXO_PRODUCER_CLI_FOLLOW_H
#define EXO_PRODUCER_CLI_FOLLOW_H

#include "producer/cli/rest.h"

enum { FOLLOW_INTERRUPTED = 130 };

/* follow_execution shows how an execution goes until it has ended or Ctrl-C.
 * id             borrowed; checked by the API
 * is_quiet       shows nothing meanwhile
 * ret_execution  out: as it ended, in the arena of rest's cli
 * Returns 0 when it has ended, however; FOLLOW_INTERRUPTED; or another exit status told on
 * stderr. */
EXO_CHECKED int follow_execution(struct rest *rest, const char *id, bool is_quiet,
                                 struct value *ret_execution);

/* outcome_show prints how an execution ended, on stderr, and its output, on stdout.
 * Returns the exit status: 0, 1, CLI_EXIT_CANCELLED or CLI_EXIT_TIMED_OUT; 0 too when it has not
 * ended yet. */
int outcome_show(struct rest *rest, const struct value *execution);

#endif /* EXO_PRODUCER_CLI_FOLLOW_H */
