/* routes: the one table of the API's doors, and who may pass them. */
#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "infra/crypto/crypto.h"
#include "producer/http/blob_upload.h"
#include "producer/http/handlers.h"
#include "schemas/cluster/fault_text.h"
#include "schemas/vocab/limits.h"

/* clang-format off */
static const struct route routes[] = {
    {"POST", "/v1/executions",                      executions_post,    GUARD_CLIENT, "start an execution, or up to 1,000 as NDJSON"},
    {"POST", "/v1/clusters",                        executions_post,    GUARD_CLIENT, "the same under the architecture's name"},
    {"GET",  "/v1/clusters",                                 definitions_list,   GUARD_CLIENT, "list the stored clusters"},
    {"PUT",  "/v1/clusters/{project}/{name}",                definition_put,     GUARD_CLIENT, "store a version of a cluster"},
    {"GET",  "/v1/clusters/{project}/{name}",                definition_get,     GUARD_CLIENT, "show the newest version of a cluster"},
    {"DELETE","/v1/clusters/{project}/{name}",                definition_delete,  GUARD_CLIENT, "hide a cluster from new starts"},
    {"GET",  "/v1/clusters/{project}/{name}/versions",       versions_list,      GUARD_CLIENT, "list the versions of a cluster"},
    {"GET",  "/v1/clusters/{project}/{name}/versions/{version}", version_get,        GUARD_CLIENT, "show a version of a cluster"},
    {"GET",  "/v1/satellites",                               definitions_list,   GUARD_CLIENT, "list the stored satellites"},
    {"PUT",  "/v1/satellites/{project}/{name}",              definition_put,     GUARD_CLIENT, "store a version of a satellite"},
    {"GET",  "/v1/satellites/{project}/{name}",              definition_get,     GUARD_CLIENT, "show the newest version of a satellite"},
    {"DELETE","/v1/satellites/{project}/{name}",              definition_delete,  GUARD_CLIENT, "hide a satellite from new starts"},
    {"GET",  "/v1/satellites/{project}/{name}/versions",     versions_list,      GUARD_CLIENT, "list the versions of a satellite"},
    {"GET",  "/v1/satellites/{project}/{name}/versions/{version}", version_get,        GUARD_CLIENT, "show a version of a satellite"},
    {"GET",  "/v1/projects",                                 projects_list,      GUARD_CLIENT, "list the projects of which something was said"},
    {"PUT",  "/v1/projects/{project}",                       project_put,        GUARD_CLIENT, "say how long a project is kept and how much of it may run"},
    {"GET",  "/v1/projects/{project}",                       project_get,        GUARD_CLIENT, "show what was said of a project"},
    {"DELETE","/v1/projects/{project}",                       project_delete,     GUARD_CLIENT, "take back what was said of a project"},
    {"GET",  "/v1/schedules",                                schedules_list,     GUARD_CLIENT, "list the schedules"},
    {"PUT",  "/v1/schedules/{project}/{name}",               schedule_put,       GUARD_CLIENT, "make or change a schedule"},
    {"GET",  "/v1/schedules/{project}/{name}",               schedule_get,       GUARD_CLIENT, "show a schedule, its next and its last times"},
    {"DELETE","/v1/schedules/{project}/{name}",               schedule_delete,    GUARD_CLIENT, "delete a schedule; what runs goes on"},
    {"POST", "/v1/schedules/{project}/{name}/pause",         schedule_pause,     GUARD_CLIENT, "let a schedule start nothing"},
    {"POST", "/v1/schedules/{project}/{name}/resume",        schedule_resume,    GUARD_CLIENT, "let a schedule go on from now"},
    {"POST", "/v1/schedules/{project}/{name}/trigger",       schedule_trigger,   GUARD_CLIENT, "start one execution of a schedule now"},
    {"POST", "/v1/schedules/{project}/{name}/backfill",      schedule_backfill,  GUARD_CLIENT, "run the times of a range in the past"},
    {"DELETE","/v1/schedules/{project}/{name}/backfill",      schedule_backfill_stop, GUARD_CLIENT, "start no more of a backfill"},
    {"POST", "/v1/validate",                        validate_post,      GUARD_CLIENT, "check a cluster and show its graph"},
    {"GET",  "/v1/executions",                      executions_list,    GUARD_CLIENT, "list executions, newest first"},
    {"GET",  "/v1/executions/{id}",                 execution_get,      GUARD_CLIENT, "show an execution"},
    {"GET",  "/v1/executions/{id}/tasks",           tasks_list,         GUARD_CLIENT, "list tasks"},
    {"GET",  "/v1/executions/{id}/tasks/{task}",    task_get,           GUARD_CLIENT, "show a task and its attempts"},
    {"GET",  "/v1/executions/{id}/tasks/{task}/attempts/{n}/logs", logs_get, GUARD_CLIENT, "read or follow the log of an attempt"},
    {"GET",  "/v1/executions/{id}/tasks/{task}/artefacts", artefacts_get, GUARD_CLIENT, "list the files that a task left, or download them"},
    {"GET",  "/v1/executions/{id}/events",          events_get,         GUARD_CLIENT, "follow an execution as server-sent events"},
    {"POST", "/v1/executions/{id}/cancel",          execution_cancel,   GUARD_CLIENT, "cancel an execution"},
    {"POST", "/v1/executions/{id}/rerun",           execution_rerun,    GUARD_CLIENT, "run what failed of an execution again"},
    {"POST", "/v1/executions/{id}/pause",           execution_pause,    GUARD_CLIENT, "let nothing new begin"},
    {"POST", "/v1/executions/{id}/resume",          execution_resume,   GUARD_CLIENT, "let a paused execution go on"},
    {"POST", "/v1/executions/{id}/signals/{name}",  execution_signal,   GUARD_CLIENT, "send a signal that satellites wait for"},
    {"PATCH", "/v1/executions/{id}",                execution_patch,    GUARD_CLIENT, "change the priority of an execution"},
    {"POST", "/v1/executions/{id}/tasks/{task}/cancel",  task_cancel,   GUARD_CLIENT, "cancel a satellite or a task"},
    {"POST", "/v1/executions/{id}/tasks/{task}/approve", task_approve,  GUARD_CLIENT, "approve what waits for a person"},
    {"POST", "/v1/executions/{id}/tasks/{task}/reject",  task_reject,   GUARD_CLIENT, "refuse what waits for a person"},
    {"POST", "/v1/executions/{id}/tasks/{task}/retry",   task_retry,    GUARD_CLIENT, "try a task in BACKOFF now"},
    {"POST", "/v1/executions/{id}/tasks/{task}/skip",    task_skip,     GUARD_CLIENT, "end a task with a given result"},
    {"GET",  "/v1/executions/{id}/history",         execution_history,  GUARD_CLIENT, "list what an execution went through, or show it as it was"},
    {"GET",  "/v1/executions/{id}/explain",         execution_explain,  GUARD_CLIENT, "say what each unfinished satellite waits for"},
    {"GET",  "/v1/executions/{id}/satellites/{name}/output", output_get, GUARD_CLIENT, "stream what a satellite gave back"},
    {"GET",  "/v1/workers",                         workers_list,       GUARD_CLIENT, "list workers"},
    {"POST", "/v1/workers/{name}/drain",            worker_drain,       GUARD_CLIENT, "let a worker finish and take no more"},
    {"GET",  "/v1/dead-letters",                    dead_letters_list,  GUARD_CLIENT, "list dead letters, oldest first"},
    {"GET",  "/v1/dead-letters/{id}",               dead_letter_get,    GUARD_CLIENT, "show a dead letter"},
    {"POST", "/v1/dead-letters/{id}/replay",        dead_letter_replay, GUARD_CLIENT, "send a dead letter again"},
    {"GET",  "/healthz",                            health_get,         GUARD_NONE,   "is the process alive"},
    {"GET",  "/readyz",                             ready_get,          GUARD_NONE,   "can requests be served"},
    {"GET",  "/metrics",                            metrics_get,        GUARD_NONE,   "numbers for Prometheus"},
    {"GET",  "/openapi.json",                       openapi_get,        GUARD_NONE,   "this contract"},
    {"GET",  "/internal/blobs/{sha256}",            blob_get,           GUARD_ATTEMPT, "read a blob"},
    {"HEAD", "/internal/blobs/{sha256}",            blob_head,          GUARD_ATTEMPT, "is a blob there"},
    {"PUT",  "/internal/blobs/{sha256}",            blob_put,           GUARD_ATTEMPT, "keep a blob"},
    {"GET",  "/internal/results/{key}",             result_get,         GUARD_ATTEMPT, "read a result that may be given again"},
    {"PUT",  "/internal/results/{key}",             result_put,         GUARD_ATTEMPT, "keep a result for others to give again"},
    {"GET",  "/internal/lists/{execution}/{instance}", list_get,        GUARD_ATTEMPT, "stream the outputs of a map"},
    {"GET",  "/internal/lists/{execution}/{instance}/artefacts", list_artefacts_get, GUARD_ATTEMPT, "list the artefacts of a map's tasks"},
};
/* clang-format on */

/* What may stand in the query of a door; lists look themselves, and the others have none. */
static const struct door_query {
    route_handler *handle;
    const char *names[4]; /* NULL behind the last */
} queries[] = {
    {executions_post, {"wait"}},     {logs_get, {"follow"}},
    {artefacts_get, {"download"}},   {execution_history, {"at", "run", "cursor"}},
    {execution_explain, {"task"}},   {dead_letters_list, {"cursor", "limit"}},
    {dead_letter_replay, {"again"}},
};
enum {
    ROUTES = sizeof(routes) / sizeof(routes[0]),
    QUERIES = sizeof(queries) / sizeof(queries[0]),
    ALLOW_BYTES = 64,
};

void routes_each(void (*call)(void *argument, const struct route *route), void *argument)
{
    for (size_t i = 0; i < ROUTES; i++) {
        call(argument, &routes[i]);
    }
}

/* The row, or NULL with the methods that the path does have ("" when there is no such path). */
static const struct route *route_find(const struct http_request *request,
                                      struct path_parameters *ret_parameters,
                                      char ret_allow[ALLOW_BYTES])
{
    const char *method = http_method(request);
    const char *path = http_path(request);
    const struct route *of_get = NULL;

    ret_allow[0] = '\0';
    for (size_t i = 0; i < ROUTES; i++) {
        const struct route *route = &routes[i];

        if (!path_match(route->pattern, path, ret_parameters)) {
            continue;
        }
        if (strcmp(route->method, method) == 0) {
            return route;
        }
        of_get = strcmp(route->method, "GET") == 0 ? route : of_get;
        size_t used = strlen(ret_allow);

        (void)snprintf(ret_allow + used, ALLOW_BYTES - used, "%s%s", used == 0 ? "" : ", ",
                       route->method);
    }
    /* A HEAD is a GET whose body is not sent. */
    if (of_get != NULL && strcmp(method, "HEAD") == 0) {
        struct path_parameters found;

        return path_match(of_get->pattern, path, &found) ? of_get : NULL;
    }
    return NULL;
}

static void refuse(struct http_request *request, int status, const char *detail, const char *header,
                   const char *value)
{
    struct problem problem = {.status = status, .detail = detail};
    struct http_header headers[] = {{header, value}};

    problem_respond(request, &problem, headers, header == NULL ? 0 : 1);
}

/* The token after "Bearer "; empty when there is none. */
static struct span bearer(const struct http_request *request)
{
    const char *header = http_request_header(request, "Authorization");

    if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0) {
        return (struct span){NULL, 0};
    }
    return span_of(header + 7);
}

static bool is_allowed(const struct api *api, const struct route *route,
                       const struct http_request *request)
{
    struct task_id task;
    uint32_t attempt;

    switch (route->guard) {
    case GUARD_NONE:
        return true;
    case GUARD_CLIENT:
        return api->token[0] == '\0' ||
               bytes_equal_constant_time(bearer(request), span_of(api->token));
    case GUARD_ATTEMPT:
        return attempt_token_check(api->secret, bearer(request), &task, &attempt);
    }
    return false;
}

bool exchange_attempt(const struct exchange *x, struct task_id *ret_task)
{
    uint32_t attempt;

    return attempt_token_check(x->api->secret, bearer(x->request), ret_task, &attempt);
}

/* A name that no stranger can point at this machine: localhost, or an address. text: HOST[:PORT] */
static bool is_local_name(const char *text)
{
    size_t bytes = strcspn(text, ":");

    if (text[0] == '[') {
        return true;
    }
    return (bytes == 9 && strncasecmp(text, "localhost", 9) == 0) ||
           (bytes > 0 && strspn(text, "0123456789.") == bytes);
}

/* Without a token the address alone protects; a browser on this machine must not lend it to pages
 * of others: neither by asking for them (Origin), nor under a name of theirs (Host). */
static bool is_of_stranger(const struct api *api, const struct http_request *request)
{
    const char *origin = http_request_header(request, "Origin");
    const char *host = http_request_header(request, "Host");

    if (api->token[0] != '\0') {
        return false;
    }
    if (origin != NULL) {
        const char *name = strstr(origin, "://");

        if (name == NULL || !is_local_name(name + 3)) {
            return true;
        }
    }
    return host != NULL && !is_local_name(host);
}

/* ---- the query ---- */

struct query_look {
    const struct door_query *door;
    struct fault_list faults;
};

static bool on_query_field(void *argument, const char *name, struct span value)
{
    struct query_look *look = argument;
    struct fault_text hint = {.used = 0};

    (void)value;
    for (size_t i = 0; look->door->names[i] != NULL; i++) {
        if (strcmp(look->door->names[i], name) == 0) {
            return true;
        }
        fault_text_add(&hint, "%s%s", i == 0 ? "known here: " : ", ", look->door->names[i]);
    }
    const struct fault fault = {
        .path = name, .text = "no such field of this query", .hint = hint.bytes};

    fault_add(&look->faults, &fault);
    return true;
}

/* A misspelt field is refused, as in a body: it would silently not count. Says so. */
static bool query_is_known(struct exchange *x)
{
    for (size_t i = 0; i < QUERIES; i++) {
        struct query_look look = {.door = &queries[i]};

        if (queries[i].handle != x->route->handle) {
            continue;
        }
        fault_list_init(&look.faults, &x->arena, 0);
        http_query_each(x->request, on_query_field, &look);
        if (look.faults.error_count > 0) {
            exchange_faults(x, 400, "the query has faults", &look.faults);
            return false;
        }
    }
    return true;
}

void routes_admit(void *argument, struct http_request *request)
{
    struct api *api = argument;
    struct path_parameters parameters;
    char allow[ALLOW_BYTES];
    const struct route *route = route_find(request, &parameters, allow);

    if (route == NULL && allow[0] == '\0') {
        refuse(request, 404, "there is no such path; /openapi.json lists those there are", NULL,
               NULL);
    } else if (route == NULL) {
        refuse(request, 405, "the path has other methods; the Allow header lists them", "Allow",
               allow);
    } else if (route->guard != GUARD_ATTEMPT && is_of_stranger(api, request)) {
        refuse(
            request, 403,
            "without an api_token only programs of this machine are served: ask for localhost or "
            "an address, and from no page of another site",
            NULL, NULL);
    } else if (route->guard == GUARD_ATTEMPT && !api->has_secret) {
        refuse(request, 503, "the tokens of attempts cannot be checked yet: the store is away",
               "Retry-After", "1");
    } else if (!is_allowed(api, route, request)) {
        refuse(request, 401,
               route->guard == GUARD_ATTEMPT
                   ? "this door is for attempts, with the token of their Task"
                   : "send the API's token as Authorization: Bearer TOKEN",
               "WWW-Authenticate", "Bearer realm=\"exosphere\"");
    } else if (route->guard == GUARD_ATTEMPT) {
        http_body_bytes_max_set(request, LIMIT_OUTPUT_BYTES);
        if (route->handle == blob_put && blob_upload_is_due(request)) {
            blob_upload_admit(api, request, parameters.values[0]);
        }
    }
}

void routes_handle(void *argument, struct http_request *request)
{
    if (http_request_context(request) != NULL) {
        blob_upload_handle(http_request_context(request));
        return;
    }
    struct exchange *x = exchange_begin(argument, request);
    char allow[ALLOW_BYTES];

    x->route = route_find(request, &x->parameters, allow);
    assert(x->route != NULL); /* routes_admit has looked */
    if (query_is_known(x)) {
        x->route->handle(x);
    }
    exchange_end_handler(x);
}
