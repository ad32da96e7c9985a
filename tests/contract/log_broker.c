#include "tests/contract/log_broker.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool broker_do(const struct broker *broker, const char *verb, const char *options)
{
    char command[256];

    (void)snprintf(command, sizeof(command), "./infra/services %s kafka --dir %s %s >%s/out 2>&1",
                   verb, broker->directory, options, broker->directory);
    return system(command) == 0;
}

/* EXOSPHERE_KAFKA_BROKERS as infra/services prints it. */
static bool read_address(struct broker *broker)
{
    char command[160];
    char line[256];
    bool is_found = false;

    (void)snprintf(command, sizeof(command), "./infra/services env --dir %s", broker->directory);
    FILE *pipe = popen(command, "r");

    while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
        char *value = strstr(line, "KAFKA_BROKERS=");

        if (value != NULL) {
            value += strlen("KAFKA_BROKERS=");
            value += strspn(value, "'\"");
            value[strcspn(value, "'\"\n")] = '\0';
            (void)snprintf(broker->address, sizeof(broker->address), "%s", value);
            is_found = true;
        }
    }
    return pipe != NULL && pclose(pipe) == 0 && is_found;
}

/* A process of its own that wipes the broker when this one is no more, though it be killed: the
 * other end of a pipe tells it. */
static void guard(const struct broker *broker)
{
    int ends[2];
    char byte = 0;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (nothing < 0 || pipe2(ends, O_CLOEXEC) != 0) {
        abort();
    }
    pid_t child = fork();

    if (child == 0) {
        (void)close(ends[1]);
        (void)setsid();
        if (fork() != 0) {
            _exit(0); /* so that nobody finds it among the test's children */
        }
        (void)dup2(nothing, STDOUT_FILENO); /* a reader of ours need not wait for it */
        (void)dup2(nothing, STDERR_FILENO);
        while (read(ends[0], &byte, 1) > 0) {
        }
        broker_wipe(broker);
        _exit(0);
    }
    (void)waitpid(child, NULL, 0);
    (void)close(ends[0]);
    (void)close(nothing);
    /* ends[1] stays open for as long as this process lives. */
}

static bool is_ci(void)
{
    const char *ci = getenv("CI");

    return ci != NULL && strcmp(ci, "true") == 0;
}

enum broker_result broker_start(struct broker *broker)
{
    (void)snprintf(broker->directory, sizeof(broker->directory), "/tmp/exo-kafka-XXXXXX");
    if (mkdtemp(broker->directory) == NULL) {
        perror(broker->directory);
        return BROKER_FAILED;
    }
    guard(broker);
    if (!broker_do(broker, "start", "")) {
        char command[96];

        (void)fprintf(stderr, "skipped: infra/services could not start Kafka:\n");
        (void)snprintf(command, sizeof(command), "cat %s/out >&2", broker->directory);
        (void)!system(command); /* only shown */
        broker_wipe(broker);
        return is_ci() ? BROKER_FAILED : BROKER_CANNOT;
    }
    return read_address(broker) ? BROKER_STARTED : BROKER_FAILED;
}

void broker_wipe(const struct broker *broker)
{
    char command[256];

    (void)snprintf(command, sizeof(command),
                   "./infra/services stop --wipe --dir %s >/dev/null 2>&1; rm -rf %s",
                   broker->directory, broker->directory);
    (void)!system(command); /* nothing is left to be done about it */
}
