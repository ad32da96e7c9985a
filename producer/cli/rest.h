/* rest: the REST API as client commands use it: one request, one answer, errors told.
 *
 *   rest_ask --HTTP--> API --JSON--> struct value, or what the problem says on stderr
 *
 * Touches the network and stderr. */
#ifndef EXO_PRODUCER_CLI_REST_H
#define EXO_PRODUCER_CLI_REST_H

#include "infra/http/client.h"
#include "producer/cli/cli.h"

enum { REST_PATH_BYTES = 2048 };

struct rest {
    struct cli *cli; /* kept */
    struct loop *loop;
    struct http_client *client;
    char base[REST_PATH_BYTES]; /* of the setting `server`, without a slash at its end */
};

struct rest_request {
    const char *method;          /* NULL: GET */
    const char *path;            /* "/v1/executions?limit=5" */
    struct span body;            /* JSON; empty: none */
    const char *idempotency_key; /* NULL: none */
    exo_time timeout_ns;
};

/* rest_open makes a client of the API that the settings name; connects later.
 * Returns 0, or the exit status told on stderr; then nothing is to be closed. */
EXO_CHECKED int rest_open(struct rest *rest, struct cli *cli);

/* rest_close frees it. */
void rest_close(struct rest *rest);

/* rest_run runs a command that speaks to the API: makes and frees what it works with.
 * command  gives the exit status */
int rest_run(const struct command_call *call, int (*command)(struct rest *rest));

/* rest_ask sends a request and waits.
 * ret_value  out; the answer's JSON in cli's arena; null when it has no body
 * Returns 0 for an answer below 400, or the exit status, told on stderr. */
EXO_CHECKED int rest_ask(struct rest *rest, const struct rest_request *request,
                         struct value *ret_value);

/* rest_start sends a request without waiting; as http_call_start, with the server's address and
 * token. options->url is the path. */
EXO_CHECKED struct http_call *rest_start(struct rest *rest, const struct http_call_options *options,
                                         struct exo_error *err);

/* rest_tell prints why an answer is no success: no connection, or the problem it holds.
 * Returns the exit status; 0, printing nothing, for a status below 400. */
int rest_tell(struct rest *rest, const struct http_result *result);

/* A path in the making; is_cut when it did not fit. */
struct rest_path {
    char text[REST_PATH_BYTES];
    size_t bytes;
    bool is_cut;
};

/* rest_path_begin starts with a text as it is. */
void rest_path_begin(struct rest_path *path, const char *text);

/* rest_path_add appends a text as it is. */
void rest_path_add(struct rest_path *path, const char *text);

/* rest_path_word appends a part of a path or a query's value, with what URLs want encoded. */
void rest_path_word(struct rest_path *path, const char *word);

/* rest_path_query appends ?NAME=WORD, or &NAME=WORD where there is a query already; nothing when
 * word is NULL or "". */
void rest_path_query(struct rest_path *path, const char *name, const char *word);

/* A value's member as text: "" when it is missing, null or no string. NUL-terminated, as the values
 * of rest_ask are. */
const char *rest_text(const struct value *map, const char *key);

/* rest_number is a member as a number, 0 when it is none. */
int64_t rest_number(const struct value *map, const char *key);

#endif /* EXO_PRODUCER_CLI_REST_H */
