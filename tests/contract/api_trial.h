/* api_trial: a real API over SQLite in memory, with the real scheduler and a puppet worker, asked
 * over HTTP on loopback.
 *
 * Every answer's status must stand in schemas/openapi.yaml for its path and method. */
#ifndef EXO_TESTS_API_TRIAL_H
#define EXO_TESTS_API_TRIAL_H

#include "infra/http/client.h"
#include "producer/role.h"
#include "schemas/vocab/value.h"
#include "tests/conformance/stage.h"
#include "tests/support/test.h"

enum { API_TRIAL_BODY_BYTES = 16 << 20 };

/* A request that was sent, and what has come back so far. */
struct api_ask {
    struct http_call *call;
    bool is_done;
    int status;
    struct buffer body;
    char content_type[64];
    char retry_after[16];
    char location[80];
    char authenticate[64];
    const char *method;
    char path[256];
    struct exo_error err;
    bool is_stream;
};

struct api_trial {
    struct stage stage;
    struct api *api;
    struct http_client *client;
    struct puppet_worker *worker;
    struct heap_budget budget;
    struct arena arena;
    struct value contract; /* openapi.yaml */
    uint8_t secret[32];
    /* What the puppet does: NULL: succeeds with the item, or {"n":1}. */
    puppet_act *act;
    void *act_context;
    char reply[64 << 10]; /* for acts that answer longer texts */
    struct digest digest;
    char place[64]; /* of the store's file; "": in memory */
};

/* api_trial_open starts it; with_worker also the puppet. settings NULL: the defaults. Fails the
 * test where it cannot. */
struct api_trial *api_trial_open(const struct api_settings *settings, bool with_worker);
void api_trial_close(struct api_trial *t);

/* api_trial_open_in_file is api_trial_open with a worker and the defaults over a file of its own,
 * in which a test may change what the program does not; api_trial_close deletes it. */
struct api_trial *api_trial_open_in_file(void);

/* api_trial_script runs SQL over that file. */
void api_trial_script(const struct api_trial *t, const char *sql);

/* api_trial_settings are the defaults, for changing some. */
struct api_settings api_trial_settings(void);

/* api_send begins a request; options' url is made of path. Streams: options.on_data is set by the
 * trial when is_stream. */
struct api_ask *api_send(struct api_trial *t, const char *method, const char *path,
                         const struct http_call_options *options, bool is_stream);

/* api_end waits for the end of the answer and checks its status against the contract. */
void api_end(struct api_trial *t, struct api_ask *ask);

/* api_free forgets it. */
void api_free(struct api_trial *t, struct api_ask *ask);

/* api_until waits until the body so far holds a text; fails the test after 20 s. */
void api_until(struct api_trial *t, struct api_ask *ask, const char *text);

/* api_get and api_post ask and wait; the answer's body as a C string lives until api_free. */
struct api_ask *api_get(struct api_trial *t, const char *path);
struct api_ask *api_post(struct api_trial *t, const char *path, const char *body);

/* api_body is the body so far as a C string. */
const char *api_body(struct api_ask *ask);

/* api_value reads the body as JSON; lives until the trial ends. */
struct value api_value(struct api_trial *t, struct api_ask *ask);

/* api_text gives the string member of a map, "" when it is none; lives as the value. */
const char *api_text(struct api_trial *t, const struct value *map, const char *key);

/* api_expect asks and checks the status; detail (may be NULL) must stand in the body. */
void api_expect(struct api_trial *t, const char *method, const char *path, const char *body,
                int status, const char *detail);

/* api_until_says gets a path until the body holds a text; fails the test after 20 s. */
void api_until_says(struct api_trial *t, const char *path, const char *text);

/* api_submit submits a body and gives the id's text (lives until the trial ends). */
const char *api_submit(struct api_trial *t, const char *body);

/* api_ended waits until the execution has ended. */
void api_ended(struct api_trial *t, const char *id);

/* api_path makes "/v1/executions/ID" + rest. */
const char *api_path(struct api_trial *t, const char *id, const char *rest);

#endif /* EXO_TESTS_API_TRIAL_H */
