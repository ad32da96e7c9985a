/* free_port: a port of 127.0.0.1 for a server that a test starts. */
#ifndef EXO_TESTS_FREE_PORT_H
#define EXO_TESTS_FREE_PORT_H

/* free_port gives one that nobody listens on, below those that the system takes for outgoing
 * connections: else the connection of another test could hold it by the time the server, or its
 * next life, asks for it. */
int free_port(void);

#endif /* EXO_TESTS_FREE_PORT_H */
