#include "tests/contract/socket_proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PAIRS_MAX = 32 };

struct pair {
    int client, server; /* -1: free */
};

struct socket_proxy {
    char path[108], server[108];
    int listener;
    int wake[2]; /* a byte makes the thread look at the orders */
    pthread_t thread;
    atomic_bool is_mute, is_cut, is_ending;
    struct pair pairs[PAIRS_MAX];
};

static void must(bool is_well, const char *what)
{
    if (!is_well) {
        perror(what);
        abort();
    }
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    must(strlen(path) < sizeof(address.sun_path), path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static void pair_close(struct pair *pair)
{
    close(pair->client);
    close(pair->server);
    *pair = (struct pair){-1, -1};
}

static void pair_open(struct socket_proxy *proxy)
{
    struct sockaddr_un address = address_of(proxy->server);
    int client = accept(proxy->listener, NULL, NULL);
    int server = socket(AF_UNIX, SOCK_STREAM, 0);

    must(client >= 0 && server >= 0, "proxy accept");
    if (connect(server, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(client);
        close(server);
        return;
    }
    for (int i = 0; i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].client < 0) {
            proxy->pairs[i] = (struct pair){client, server};
            return;
        }
    }
    must(false, "proxy pairs");
}

/* Moves what is there; false when either side has closed. */
static bool forward(int from, int to, bool is_dropped)
{
    char bytes[65536];
    ssize_t got = read(from, bytes, sizeof(bytes));

    if (got <= 0) {
        return false;
    }
    for (ssize_t sent = 0; sent < got && !is_dropped;) {
        ssize_t some = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL);

        if (some < 0) {
            return false;
        }
        sent += some;
    }
    return true;
}

static void obey(struct socket_proxy *proxy)
{
    char byte;

    must(read(proxy->wake[0], &byte, 1) == 1, "proxy wake");
    if (atomic_exchange(&proxy->is_cut, false)) {
        for (int i = 0; i < PAIRS_MAX; i++) {
            if (proxy->pairs[i].client >= 0) {
                pair_close(&proxy->pairs[i]);
            }
        }
        proxy->is_mute = false;
    }
}

static void *proxy_main(void *argument)
{
    struct socket_proxy *proxy = argument;

    while (!proxy->is_ending) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = {{proxy->wake[0], POLLIN, 0},
                                                {proxy->listener, POLLIN, 0}};

        for (int i = 0; i < PAIRS_MAX; i++) {
            fds[2 + 2 * i] = (struct pollfd){proxy->pairs[i].client, POLLIN, 0};
            fds[3 + 2 * i] = (struct pollfd){proxy->pairs[i].server, POLLIN, 0};
        }
        must(poll(fds, 2 + 2 * PAIRS_MAX, -1) > 0, "proxy poll");
        for (int i = 0; i < PAIRS_MAX; i++) {
            struct pair *pair = &proxy->pairs[i];

            if ((fds[2 + 2 * i].revents != 0 && !forward(pair->client, pair->server, false)) ||
                (fds[3 + 2 * i].revents != 0 &&
                 !forward(pair->server, pair->client, proxy->is_mute))) {
                pair_close(pair);
            }
        }
        if (fds[1].revents != 0) {
            pair_open(proxy);
        }
        if (fds[0].revents != 0) {
            obey(proxy);
        }
    }
    return NULL;
}

struct socket_proxy *socket_proxy_open(const char *path, const char *server)
{
    struct socket_proxy *proxy = calloc(1, sizeof(*proxy));
    struct sockaddr_un address = address_of(path);

    must(proxy != NULL, "proxy");
    memcpy(proxy->path, path, strlen(path) + 1);
    memcpy(proxy->server, server, strlen(server) + 1);
    for (int i = 0; i < PAIRS_MAX; i++) {
        proxy->pairs[i] = (struct pair){-1, -1};
    }
    must(pipe(proxy->wake) == 0, "proxy pipe");
    proxy->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    must(proxy->listener >= 0, "proxy socket");
    must(bind(proxy->listener, (struct sockaddr *)&address, sizeof(address)) == 0, "proxy bind");
    must(listen(proxy->listener, 16) == 0, "proxy listen");
    must(pthread_create(&proxy->thread, NULL, proxy_main, proxy) == 0, "proxy thread");
    return proxy;
}

static void order(struct socket_proxy *proxy)
{
    must(write(proxy->wake[1], "x", 1) == 1, "proxy order");
}

void socket_proxy_mute(struct socket_proxy *proxy)
{
    proxy->is_mute = true;
}

void socket_proxy_cut(struct socket_proxy *proxy)
{
    proxy->is_cut = true;
    order(proxy);
}

void socket_proxy_close(struct socket_proxy *proxy)
{
    proxy->is_ending = true;
    proxy->is_cut = true;
    order(proxy);
    (void)pthread_join(proxy->thread, NULL);
    for (int i = 0; i < PAIRS_MAX; i++) {
        if (proxy->pairs[i].client >= 0) {
            pair_close(&proxy->pairs[i]);
        }
    }
    close(proxy->listener);
    close(proxy->wake[0]);
    close(proxy->wake[1]);
    must(unlink(proxy->path) == 0, "proxy unlink");
    free(proxy);
}
