/* problem: a refusal as RFC 9457 problem JSON.
 *
 *   {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "...",
 *    "errors": [{"path": "cluster.name", "line": 3, "column": 5, "detail": "...", "hint": "..."}]}
 */
#ifndef EXO_INFRA_HTTP_PROBLEM_H
#define EXO_INFRA_HTTP_PROBLEM_H

#include "infra/http/server.h"
#include "schemas/vocab/buffer.h"
#include "schemas/vocab/fault.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/* What went wrong with a request. All borrowed for the call. */
struct problem {
    int status;                      /* 400 .. 599 */
    const char *type;                /* a URI; NULL: about:blank */
    const char *title;               /* NULL: the words of the status */
    const char *detail;              /* a sentence; NULL: none */
    const char *instance;            /* a URI of this very case; NULL: none */
    const struct fault_list *faults; /* told one by one under "errors" (warnings under "warnings");
                                        NULL: none */
};

/* problem_status returns the status that fits a kind of error: EXO_EINVALID 400 ... */
int problem_status(enum exo_error_code code);

/* problem_write appends the JSON text; the caller checks buffer->is_failed. */
void problem_write(struct buffer *buffer, const struct problem *problem);

/* problem_respond answers a request with a problem; the request is gone with it.
 * headers  further ones such as Retry-After or WWW-Authenticate; header_count may be 0 */
void problem_respond(struct http_request *request, const struct problem *problem,
                     const struct http_header *headers, size_t header_count);

/* problem_respond_error answers with what an adapter's error says. */
void problem_respond_error(struct http_request *request, const struct exo_error *err);

#endif /* EXO_INFRA_HTTP_PROBLEM_H */
