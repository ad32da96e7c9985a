/* health: /healthz, /readyz and /metrics, the same on every role.
 *
 *   GET /healthz  200 while the process turns its loop
 *   GET /readyz   200 when all it needs is there (and a remark, where there is one), else 503
 * problem JSON that says what it waits for GET /metrics  Prometheus text */
#ifndef EXO_INFRA_HTTP_HEALTH_H
#define EXO_INFRA_HTTP_HEALTH_H

#include "infra/http/server.h"

enum { HEALTH_REASON_BYTES = 512 };

/* Embedded by the role, on its loop's thread. Begin with health_init. */
struct health {
    bool is_ready;
    char reason[HEALTH_REASON_BYTES]; /* why not ready; when ready a remark, or "" */
};

/* health_init makes it "starting", not ready. */
void health_init(struct health *health);

/* health_ready says that all is there. */
void health_ready(struct health *health);

/* health_remark adds to ready what people should know, shown by /readyz: a sentence without
 * secrets, cut to fit. */
void health_remark(struct health *health, const char *format, ...) EXO_PRINTF(2, 3);

/* health_waiting says what is missing: a sentence without secrets, cut to fit. */
void health_waiting(struct health *health, const char *format, ...) EXO_PRINTF(2, 3);

/* health_answer answers a request for one of the three paths.
 * Returns false, leaving the request alone, for any other path. */
EXO_CHECKED bool health_answer(const struct health *health, struct http_request *request);

/* health_server_open serves the three paths, and nothing else, on an address of their own.
 * health  kept until http_server_close
 * Gives the server, or NULL with *err set. */
EXO_CHECKED struct http_server *health_server_open(struct loop *loop, const char *listen,
                                                   struct health *health, struct exo_error *err);

#endif /* EXO_INFRA_HTTP_HEALTH_H */
