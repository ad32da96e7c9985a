/* s3_answer: the little that is read of the XML an S3-compatible store answers. Pure. */
#ifndef EXO_INFRA_BLOB_S3_ANSWER_H
#define EXO_INFRA_BLOB_S3_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/span.h"

/* s3_answer_element copies the text of the first element of that name, its five XML entities
 * resolved, and a NUL.
 * body      any bytes, borrowed
 * name      without angle brackets
 * ret_text  capacity bytes; untouched on false
 * Returns false when there is none, it is empty, does not fit, holds elements or unknown entities.
 */
EXO_CHECKED bool s3_answer_element(struct span body, const char *name, char *ret_text,
                                   size_t capacity);

#endif /* EXO_INFRA_BLOB_S3_ANSWER_H */
