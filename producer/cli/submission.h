/* submission: a cluster file and its flags become one request; shared by submit and run.
 *
 * Reads the files that are named. */
#ifndef EXO_PRODUCER_CLI_SUBMISSION_H
#define EXO_PRODUCER_CLI_SUBMISSION_H

#include "producer/cli/rest.h"
#include "schemas/json/json_write.h"

/* The flags of a delayed start; rerun has them too. */
#define START_FLAGS                                                                                \
    {"start-at", 0, "TIME", "begin no earlier, such as 2026-11-28T18:00:00Z", false},              \
    {                                                                                              \
        "delay", 0, "DURATION", "begin so long from now, such as 10m", false                       \
    }

/* The flags that both commands have; append a command's own before them. */
#define SUBMISSION_FLAGS                                                                           \
    {"input", 'i', "K=V|@FILE", "an input: NAME=VALUE, or @FILE with a map", true},                \
        {"label", 'l', "K=V", "a label, to find the execution again", true}, START_FLAGS,          \
    {                                                                                              \
        "idempotency-key", 'k', "KEY", "submitting again with the same key starts nothing new",    \
            false                                                                                  \
    }

/* submission_put_start writes `start_at` as --start-at or --delay say it, where one is given.
 * writer  within the map of a request's body
 * Returns 0, or the exit status told on stderr: both are given, or what is given is no time. */
EXO_CHECKED int submission_put_start(struct cli *cli, struct json_writer *writer);

/* submission_send checks the file of the first positional argument here, then submits it.
 * ret_id  out: of the execution; in the arena of rest's cli
 * ret_accepted  out: what the API answered
 * Returns 0, or the exit status told on stderr. */
EXO_CHECKED int submission_send(struct rest *rest, const char **ret_id, struct value *ret_accepted);

#endif /* EXO_PRODUCER_CLI_SUBMISSION_H */
