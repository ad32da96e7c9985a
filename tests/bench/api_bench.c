/* api_bench: submissions per second that one API takes, over real HTTP on loopback.
 *
 *   api_bench [connections [satellites [lines [seconds]]]]
 *
 * The API stands on SQLite in memory, with no scheduler: what is measured is HTTP, the checking of
 * bodies and the handing over to the log. lines above 1 posts NDJSON of so many submissions. A
 * second process asks over keep-alive connections, one request each at a time; prints the rate and
 * the cpu time of the API's process for one submission. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "producer/role.h"

enum { CONNECTIONS_MAX = 512, SATELLITES_MAX = 1000, LINES_MAX = 1000, ANSWER_BYTES = 1 << 20 };

static void die(const char *what)
{
    (void)fprintf(stderr, "api_bench: %s\n", what);
    exit(1);
}

struct load {
    int connections, satellites, lines, seconds;
    uint16_t port;
    char *request;
    size_t request_bytes;
};

/* ---- the asking side ---- */

static void request_make(struct load *load)
{
    size_t room = 1024 + (size_t)load->lines * (128 + (size_t)load->satellites * 80);
    char *body = malloc(room);
    size_t used = 0;

    load->request = malloc(room + 256);
    if (body == NULL || load->request == NULL) {
        die("no memory");
    }
    for (int line = 0; line < load->lines; line++) {
        used += (size_t)snprintf(body + used, room - used,
                                 "{\"cluster\":{\"name\":\"bench/api\",\"satellites\":[");
        for (int i = 0; i < load->satellites; i++) {
            used += (size_t)snprintf(body + used, room - used,
                                     "%s{\"name\":\"s%d\",\"image\":\"oci:busybox\",\"command\":"
                                     "[\"true\"]}",
                                     i == 0 ? "" : ",", i);
        }
        used += (size_t)snprintf(body + used, room - used, "]},\"input\":{\"n\":%d}}\n", line);
    }
    load->request_bytes = (size_t)snprintf(
        load->request, room + 256,
        "POST /v1/executions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/%s\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        load->lines > 1 ? "x-ndjson" : "json", used, body);
    free(body);
}

static int connect_to(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) {
        die("cannot connect");
    }
    return fd;
}

static void ask(const struct load *load, int fd)
{
    size_t sent = 0;

    while (sent < load->request_bytes) {
        ssize_t wrote = write(fd, load->request + sent, load->request_bytes - sent);

        if (wrote <= 0) {
            die("the API closed a connection");
        }
        sent += (size_t)wrote;
    }
}

/* Reads what has come; returns how many submissions were accepted when the answer is whole, else
 * 0. */
static uint64_t take(int fd, char *answer, size_t *have)
{
    ssize_t got = read(fd, answer + *have, ANSWER_BYTES - 1 - *have);

    if (got <= 0) {
        die("the API closed a connection");
    }
    *have += (size_t)got;
    answer[*have] = '\0';
    const char *end = strstr(answer, "\r\n\r\n");
    const char *length = strstr(answer, "Content-Length: ");

    if (end == NULL || length == NULL ||
        *have < (size_t)(end + 4 - answer) + strtoul(length + 16, NULL, 10)) {
        return 0;
    }
    uint64_t accepted = 0;

    if (strncmp(answer, "HTTP/1.1 202", 12) == 0) {
        accepted = 1;
    }
    for (const char *at = end; (at = strstr(at, "\"status\":202")) != NULL; at++) {
        accepted++;
    }
    if (accepted == 0) {
        (void)fprintf(stderr, "%.600s\n", answer);
        die("a submission was refused");
    }
    *have = 0;
    return accepted;
}

static uint64_t asking(const struct load *load)
{
    static struct pollfd fds[CONNECTIONS_MAX];
    static char *answers[CONNECTIONS_MAX];
    static size_t have[CONNECTIONS_MAX];
    exo_time end_ns = clock_monotonic_ns() + load->seconds * EXO_SECOND;
    uint64_t accepted = 0;

    for (int i = 0; i < load->connections; i++) {
        answers[i] = malloc(ANSWER_BYTES);
        fds[i] = (struct pollfd){.fd = connect_to(load->port), .events = POLLIN};
        if (answers[i] == NULL) {
            die("no memory");
        }
        ask(load, fds[i].fd);
    }
    while (clock_monotonic_ns() < end_ns) {
        if (poll(fds, (nfds_t)load->connections, 1000) <= 0) {
            die("no answer within a second");
        }
        for (int i = 0; i < load->connections; i++) {
            uint64_t n = fds[i].revents == 0 ? 0 : take(fds[i].fd, answers[i], &have[i]);

            if (n > 0) {
                accepted += n;
                ask(load, fds[i].fd);
            }
        }
    }
    return accepted;
}

/* ---- the API ---- */

struct answered {
    bool is_done;
};

static void on_done(void *argument, const struct exo_error *err)
{
    if (err != NULL) {
        die(err->text);
    }
    ((struct answered *)argument)->is_done = true;
}

struct child {
    bool is_done;
    pid_t pid;
};

static void on_child(void *argument)
{
    struct child *child = argument;

    child->is_done = true;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void measure(struct loop *loop, struct load *load)
{
    int ends[2];
    struct child child = {.is_done = false};
    struct loop_signal *ended = loop_signal_new(loop, SIGCHLD, on_child, &child);
    uint64_t accepted = 0;
    double cpu = cpu_seconds();

    if (pipe(ends) != 0) {
        die("no pipe");
    }
    child.pid = fork();
    if (child.pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* only for a parent that dies early */
        accepted = asking(load);
        _exit(write(ends[1], &accepted, sizeof(accepted)) == sizeof(accepted) ? 0 : 1);
    }
    if (!loop_run_until(loop, &child.is_done, (load->seconds + 30) * EXO_SECOND) ||
        waitpid(child.pid, NULL, 0) != child.pid ||
        read(ends[0], &accepted, sizeof(accepted)) != sizeof(accepted) || accepted == 0) {
        die("the asking side failed");
    }
    cpu = cpu_seconds() - cpu;
    (void)printf("{\"submissions_per_s\": %.0f, \"cpu_us\": %.2f, \"connections\": %d, "
                 "\"satellites\": %d, \"lines\": %d}\n",
                 (double)accepted / load->seconds, cpu * 1e6 / (double)accepted, load->connections,
                 load->satellites, load->lines);
    loop_signal_free(ended);
}

static int number(int argc, char **argv, int place, int usual, int most)
{
    int n = argc > place ? atoi(argv[place]) : usual;

    return n < 1 ? 1 : n > most ? most : n;
}

int main(int argc, char **argv)
{
    struct load load = {
        .connections = number(argc, argv, 1, 64, CONNECTIONS_MAX),
        .satellites = number(argc, argv, 2, 1, SATELLITES_MAX),
        .lines = number(argc, argv, 3, 1, LINES_MAX),
        .seconds = number(argc, argv, 4, 3, 3600),
    };
    static const uint8_t secret[32];
    const struct store_settings store_settings = {
        .backend = "sqlite", .path = ":memory:", .readers = 1};
    const struct log_settings log_settings = {.backend = "sqlite", .path = ":memory:"};
    const struct cache_settings cache_settings = {.backend = "memory",
                                                  .view_ttl_ns = 30 * EXO_SECOND};
    const struct api_settings settings = {.listen = "127.0.0.1:0", .secret = secret};
    struct exo_error err;
    struct answered migrated = {.is_done = false};
    struct loop *loop = loop_new(&err);
    struct store *store = store_open(loop, &store_settings, &err);
    struct log *log = log_open(loop, &log_settings, &err);
    struct cache *cache = cache_open(loop, &cache_settings, &err);

    if (store == NULL || log == NULL || cache == NULL) {
        die(err.text);
    }
    store_migrate(store, 64, on_done, &migrated);
    if (!loop_run_until(loop, &migrated.is_done, 10 * EXO_SECOND)) {
        die("no schema");
    }
    struct api *api = api_open(loop, log, store, cache, &settings, &err);

    if (api == NULL) {
        die(err.text);
    }
    for (int i = 0; i < 1000 && !api_is_ready(api); i++) {
        static const bool never = false;

        (void)loop_run_until(loop, &never, 5 * EXO_MILLISECOND);
    }
    load.port = api_port(api);
    request_make(&load);
    measure(loop, &load);
    free(load.request);
    api_close(api);
    store_close(store);
    log_close(log);
    cache_close(cache);
    loop_free(loop);
    return 0;
}
