#include "infra/store/postgres_lookup.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct postgres_lookup {
    void (*done)(void *argument, const char *hosts, const char *addresses, const char *why);
    void *argument;
    bool is_forgotten; /* the loop's thread only */
    int failure;       /* of getaddrinfo */
    char host[256];
    char hosts[LOOKUP_LIST_BYTES], addresses[LOOKUP_LIST_BYTES];
};

bool lookup_is_needed(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return host != NULL && host[0] != '\0' && host[0] != '/' && host[0] != '@' &&
           strchr(host, ',') == NULL && strlen(host) < 256 &&
           inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1;
}

static void append(char *list, const char *item)
{
    size_t used = strlen(list);

    (void)snprintf(list + used, LOOKUP_LIST_BYTES - used, "%s%s", used == 0 ? "" : ",", item);
}

static void look_up(void *argument)
{
    struct postgres_lookup *lookup = argument;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char address[INET6_ADDRSTRLEN];
    int count = 0;

    lookup->failure = getaddrinfo(lookup->host, NULL, &hints, &found);
    for (struct addrinfo *at = found; at != NULL && count < LOOKUP_ADDRESSES_MAX;
         at = at->ai_next) {
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof(address), NULL, 0,
                        NI_NUMERICHOST) == 0) {
            append(lookup->hosts, lookup->host);
            append(lookup->addresses, address);
            count++;
        }
    }
    if (found != NULL) {
        freeaddrinfo(found);
    }
}

static void looked_up(void *argument)
{
    struct postgres_lookup *lookup = argument;
    char why[512];

    if (!lookup->is_forgotten) {
        bool is_found = lookup->addresses[0] != '\0';

        (void)snprintf(why, sizeof(why), "the host name \"%s\" has no address: %s", lookup->host,
                       lookup->failure == 0 ? "none found" : gai_strerror(lookup->failure));
        lookup->done(lookup->argument, is_found ? lookup->hosts : NULL,
                     is_found ? lookup->addresses : NULL, why);
    }
    free(lookup);
}

struct postgres_lookup *postgres_lookup_begin(struct loop *loop, const char *host,
                                              void (*done)(void *argument, const char *hosts,
                                                           const char *addresses, const char *why),
                                              void *argument)
{
    struct postgres_lookup *lookup = calloc(1, sizeof(*lookup));

    if (lookup == NULL) {
        abort(); /* some kilobytes, once a connection */
    }
    lookup->done = done;
    lookup->argument = argument;
    (void)snprintf(lookup->host, sizeof(lookup->host), "%s", host);
    loop_work(loop, look_up, looked_up, lookup);
    return lookup;
}

void postgres_lookup_forget(struct postgres_lookup *lookup)
{
    if (lookup != NULL) {
        lookup->is_forgotten = true;
    }
}
