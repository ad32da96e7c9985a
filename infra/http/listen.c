#include "infra/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 511 };

/* Splits "host:port" or "[host]:port"; false when it has another form. */
static bool listen_split(const char *listen, char host[64], char port[8])
{
    const char *colon = strrchr(listen, ':');
    size_t host_bytes = colon == NULL ? 0 : (size_t)(colon - listen);
    const char *start = listen;

    if (colon == NULL || strlen(colon + 1) == 0 || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        return false;
    }
    if (host_bytes >= 2 && start[0] == '[' && start[host_bytes - 1] == ']') {
        start++;
        host_bytes -= 2;
    } else if (memchr(start, ':', host_bytes) != NULL) {
        return false;
    }
    if (host_bytes == 0 || host_bytes >= 64) {
        return false;
    }
    memcpy(host, start, host_bytes);
    host[host_bytes] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1); /* at most 5 digits */
    if (strcmp(host, "localhost") == 0) {
        memcpy(host, "127.0.0.1", sizeof("127.0.0.1"));
    }
    return true;
}

/* Numbers only: a name could mean another machine tomorrow. Gives *ret_info on success. */
static int listen_resolve(const char *listen, struct addrinfo **ret_info, struct exo_error *err)
{
    char host[64];
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};

    *ret_info = NULL;
    if (listen_split(listen, host, port) && strtol(port, NULL, 10) <= UINT16_MAX &&
        getaddrinfo(host, port, &hints, ret_info) != 0) {
        *ret_info = NULL;
    }
    if (*ret_info == NULL) {
        (void)exo_error_set(err, EXO_EINVALID,
                            "cannot listen on \"%s\": write an address and a port, such as "
                            "127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080",
                            listen);
        return -1;
    }
    return 0;
}

bool http_listen_is_loopback(const char *listen)
{
    struct addrinfo *info = NULL;
    bool is_loopback = false;

    if (listen_resolve(listen, &info, NULL) != 0) {
        return false;
    }
    if (info->ai_family == AF_INET) {
        struct sockaddr_in v4;

        memcpy(&v4, info->ai_addr, sizeof(v4));
        is_loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    } else if (info->ai_family == AF_INET6) {
        struct sockaddr_in6 v6;

        memcpy(&v6, info->ai_addr, sizeof(v6));
        is_loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    freeaddrinfo(info);
    return is_loopback;
}

static int listen_error(const char *listen, struct exo_error *err)
{
    int reason = errno;

    (void)exo_error_set(err, reason == EADDRINUSE ? EXO_ECONFLICT : EXO_EIO,
                        "cannot listen on %s: %s%s", listen, strerrordesc_np(reason),
                        reason == EADDRINUSE
                            ? "; another program holds this port: stop it, or choose another with "
                              "--listen (port 0 takes a free one)"
                        : reason == EACCES ? "; ports below 1024 need root: choose a higher one"
                                           : "");
    if (err != NULL) {
        err->library_code = reason;
    }
    return -1;
}

uint16_t listen_port(int fd)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t bytes = sizeof(address);
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (getsockname(fd, (struct sockaddr *)&address, &bytes) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET) {
        memcpy(&v4, &address, sizeof(v4));
        return ntohs(v4.sin_port);
    }
    memcpy(&v6, &address, sizeof(v6));
    return ntohs(v6.sin6_port);
}

int listen_open(const char *listen_text, struct exo_error *err)
{
    struct addrinfo *info = NULL;
    int on = 1;

    if (listen_resolve(listen_text, &info, err) != 0) {
        return -1;
    }
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0) {
        /* A restart must not wait for old connections to be forgotten. */
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    if (fd < 0 || bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        (void)listen_error(listen_text, err);
        if (fd >= 0) {
            (void)close(fd);
        }
        fd = -1;
    }
    freeaddrinfo(info);
    return fd;
}
