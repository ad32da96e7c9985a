/* socket_proxy: a Unix socket between a client and a server that can lose what the server answers.
 *
 *   client --> DIR/.s.PGSQL.5432 --> [thread, byte pump] --> server's socket
 *
 * For contract tests only. */
#ifndef EXO_TESTS_SOCKET_PROXY_H
#define EXO_TESTS_SOCKET_PROXY_H

struct socket_proxy;

/* socket_proxy_open listens at path and forwards each connection to server. Both borrowed for the
 * call. Ends the program where it cannot: a test without it means nothing. */
struct socket_proxy *socket_proxy_open(const char *path, const char *server);

/* socket_proxy_mute drops, from now on, what the server answers; requests still go through. */
void socket_proxy_mute(struct socket_proxy *proxy);

/* socket_proxy_cut closes all connections and lets answers through again for new ones. */
void socket_proxy_cut(struct socket_proxy *proxy);

/* socket_proxy_close ends it and its connections and removes the socket. */
void socket_proxy_close(struct socket_proxy *proxy);

#endif /* EXO_TESTS_SOCKET_PROXY_H */
