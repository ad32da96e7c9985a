/* listen: what a listen address means, and its socket.
 *
 * Touches sockets of this machine only: no name is looked up. */
#ifndef EXO_INFRA_HTTP_LISTEN_H
#define EXO_INFRA_HTTP_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"

/* listen_open binds and listens.
 * listen_text  "127.0.0.1:8080", "[::1]:0" (0: a free port) or "localhost:8080"; borrowed
 * Gives the socket (the caller closes it), or -1 with *err set to what to do about a bad address,
 * or a port that is taken or forbidden. */
EXO_CHECKED int listen_open(const char *listen_text, struct exo_error *err);

/* listen_port returns the port a socket is bound to. */
uint16_t listen_port(int fd);

/* http_listen_is_loopback is true when only this machine can reach the address (borrowed); false
 * also for a text that is no address. */
bool http_listen_is_loopback(const char *listen);

#endif /* EXO_INFRA_HTTP_LISTEN_H */
