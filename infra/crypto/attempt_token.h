/* attempt_token: the right of one attempt to read and write blobs through the API.
 *
 *   scheduler: attempt_token_make --Task--> worker --Authorization--> API: attempt_token_check
 *
 * The token names its attempt and is signed with a secret that schedulers and API read from the
 * store; a worker holds no other credential. */
#ifndef EXO_INFRA_ATTEMPT_TOKEN_H
#define EXO_INFRA_ATTEMPT_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/ids.h"
#include "schemas/vocab/span.h"

enum { ATTEMPT_TOKEN_TEXT_BYTES = 81, ATTEMPT_SECRET_BYTES = 32 };

/* attempt_token_make writes the token of an attempt, 80 characters of base64url and a NUL.
 * secret  ATTEMPT_SECRET_BYTES bytes, borrowed */
void attempt_token_make(const uint8_t secret[ATTEMPT_SECRET_BYTES], const struct task_id *task,
                        uint32_t attempt, char ret_text[ATTEMPT_TOKEN_TEXT_BYTES]);

/* attempt_token_check reads a token and says whose it is.
 * Returns false, leaving the outputs as they were, for one that we did not sign. */
EXO_CHECKED bool attempt_token_check(const uint8_t secret[ATTEMPT_SECRET_BYTES], struct span text,
                                     struct task_id *ret_task, uint32_t *ret_attempt);

#endif /* EXO_INFRA_ATTEMPT_TOKEN_H */
