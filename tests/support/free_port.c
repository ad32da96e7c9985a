#include "tests/support/free_port.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT_FIRST = 20000, PORTS = 12000, TRIES = 1000 };

static bool is_free(uint16_t port)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(port),
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        perror("socket");
        abort();
    }
    bool is_bound = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;

    (void)close(fd);
    return is_bound;
}

int free_port(void)
{
    for (int i = 0; i < TRIES; i++) {
        uint32_t random;

        if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
            abort();
        }
        uint16_t port = (uint16_t)(PORT_FIRST + random % PORTS);

        if (is_free(port)) {
            return port;
        }
    }
    (void)fprintf(stderr, "no free port\n");
    abort();
}
