#include "workers/artefact_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/json/json_read.h"
#include "schemas/vocab/limits.h"
#include "workers/artefact_state.h"

enum { LIST_BYTES_MAX = 1 << 20, LIST_MEMORY_BYTES = 8 << 20, CLOSE_SECONDS = 60 };

static const exo_time patience_ns = 10 * EXO_MINUTE;
static const uint64_t bytes_max_default = (uint64_t)10 << 30;

void artefact_store_busy(struct artefact_store *store)
{
    store->busy++;
    store->is_idle = false;
}

void artefact_store_back(struct artefact_store *store)
{
    assert(store->busy > 0);
    store->is_idle = --store->busy == 0;
}

/* ---- deleting, on another thread ---- */

struct deletion {
    struct artefact_store *store;
    char path[ARTEFACT_PATH_BYTES];
    bool is_sweep;
};

static void delete_work(void *argument)
{
    struct deletion *deletion = argument;

    if (deletion->is_sweep) {
        artefact_delete_gone(deletion->path);
    } else {
        artefact_delete(deletion->path);
    }
}

static void delete_done(void *argument)
{
    struct deletion *deletion = argument;

    artefact_store_back(deletion->store);
    free(deletion);
}

static void delete_later(struct artefact_store *store, const char *path, bool is_sweep)
{
    struct deletion *deletion = calloc(1, sizeof(*deletion));

    if (deletion == NULL) {
        abort();
    }
    deletion->store = store;
    deletion->is_sweep = is_sweep;
    (void)snprintf(deletion->path, sizeof(deletion->path), "%s", path);
    artefact_store_busy(store);
    loop_work(store->loop, delete_work, delete_done, deletion);
}

/* ---- the store ---- */

struct artefact_store *artefact_store_open(struct loop *loop, const char *directory,
                                           const char *work_dir, struct attempt_api *api,
                                           struct exo_error *err)
{
    struct artefact_store *store = calloc(1, sizeof(*store));

    if (store == NULL) {
        abort();
    }
    if (strlen(directory) >= sizeof(store->directory) ||
        strlen(work_dir) >= sizeof(store->work_dir)) {
        (void)exo_error_set(err, EXO_EINVALID, "--runtime-dir is too long");
        free(store);
        return NULL;
    }
    *store = (struct artefact_store){
        .loop = loop, .api = api, .bytes_max = bytes_max_default, .is_idle = true};
    (void)snprintf(store->directory, sizeof(store->directory), "%s", directory);
    (void)snprintf(store->work_dir, sizeof(store->work_dir), "%s", work_dir);
    if (artefact_sweep(directory, err) != 0) {
        free(store);
        return NULL;
    }
    delete_later(store, directory, true);
    return store;
}

void artefact_store_bound(struct artefact_store *store, uint64_t bytes)
{
    store->bytes_max = bytes;
}

static void dir_free(struct artefact_dir *dir)
{
    struct artefact_store *store = dir->store;

    *(dir->previous != NULL ? &dir->previous->next : &store->dirs) = dir->next;
    if (dir->next != NULL) {
        dir->next->previous = dir->previous;
    }
    artefact_fetch_stop(dir);
    explicit_bzero(dir->token, sizeof(dir->token));
    free(dir->parts);
    free(dir);
}

static void request_unlink(struct artefact_request *request)
{
    struct artefact_request **first =
        request->dir != NULL ? &request->dir->waiting : &request->store->lists;

    *(request->previous != NULL ? &request->previous->next : first) = request->next;
    if (request->next != NULL) {
        request->next->previous = request->previous;
    }
    request->next = NULL;
    request->previous = NULL;
}

static void request_link(struct artefact_request *request)
{
    struct artefact_request **first =
        request->dir != NULL ? &request->dir->waiting : &request->store->lists;

    request->next = *first;
    if (*first != NULL) {
        (*first)->previous = request;
    }
    *first = request;
}

static void request_free(struct artefact_request *request)
{
    attempt_call_cancel(request->call);
    buffer_release(&request->list);
    explicit_bzero(request->token, sizeof(request->token));
    free(request);
}

/* All of a list. */
static void requests_free(struct artefact_request *first)
{
    while (first != NULL) {
        struct artefact_request *next = first->next;

        request_free(first);
        first = next;
    }
}

void artefact_store_close(struct artefact_store *store)
{
    if (store == NULL) {
        return;
    }
    store->is_closing = true;
    requests_free(store->lists);
    store->lists = NULL;
    for (struct artefact_dir *dir = store->dirs; dir != NULL; dir = dir->next) {
        attempt_call_cancel(dir->call);
        dir->call = NULL;
    }
    /* Bounded: one package is unpacked, a tree deleted. */
    bool is_done = loop_run_until(store->loop, &store->is_idle, CLOSE_SECONDS * EXO_SECOND);

    if (!is_done) {
        return; /* a disk that hangs: the process ends, and its threads with it */
    }
    for (struct artefact_dir *dir = store->dirs; dir != NULL;) {
        struct artefact_dir *next = dir->next;

        requests_free(dir->waiting);
        dir->waiting = NULL;
        dir_free(dir);
        dir = next;
    }
    free(store);
}

/* ---- the cache ---- */

static struct artefact_dir *longest_unused(struct artefact_store *store)
{
    struct artefact_dir *found = NULL;

    for (struct artefact_dir *dir = store->dirs; dir != NULL; dir = dir->next) {
        if (dir->is_ready && dir->users == 0 && dir->waiting == NULL &&
            (found == NULL || dir->used_ns < found->used_ns)) {
            found = dir;
        }
    }
    return found;
}

static void make_room(struct artefact_store *store)
{
    struct artefact_dir *dir;

    while (store->bytes > store->bytes_max && (dir = longest_unused(store)) != NULL) {
        char gone[ARTEFACT_PATH_BYTES];

        (void)snprintf(gone, sizeof(gone), "%s/gone-%llu-%lld", store->directory,
                       (unsigned long long)++store->numbers, (long long)clock_wall_ns());
        store->bytes -= dir->bytes;
        /* Under another name, so that it may come again meanwhile. */
        delete_later(store, rename(dir->path, gone) == 0 ? gone : dir->path, false);
        dir_free(dir);
    }
}

static void answer(struct artefact_request *request, const struct exo_error *err)
{
    artefact_ready *on_ready = request->on_ready;
    void *argument = request->argument;
    struct artefact_dir *dir = err == NULL ? request->dir : NULL;

    if (dir != NULL) {
        dir->users++;
        dir->used_ns = loop_now_ns(request->store->loop);
    }
    request_free(request);
    on_ready(argument, dir, err);
}

void artefact_dir_done(struct artefact_dir *dir)
{
    struct artefact_store *store = dir->store;
    struct exo_error err = dir->err;
    bool is_good = err.code == EXO_OK;
    struct artefact_request *waiting = dir->waiting;

    if (store->is_closing) {
        return;
    }
    dir->waiting = NULL;
    dir->is_ready = is_good;
    dir->used_ns = loop_now_ns(store->loop);
    store->bytes += is_good ? dir->bytes : 0;
    if (!is_good) {
        delete_later(store, dir->made, false);
    }
    dir->users++; /* not taken away under our hands */
    while (waiting != NULL) {
        struct artefact_request *next = waiting->next;

        waiting->next = NULL;
        waiting->previous = NULL;
        answer(waiting, is_good ? NULL : &err);
        waiting = next;
    }
    dir->users--;
    if (!is_good) {
        dir_free(dir);
    }
    make_room(store);
}

static struct artefact_dir *dir_find(struct artefact_store *store, const char *name)
{
    for (struct artefact_dir *dir = store->dirs; dir != NULL; dir = dir->next) {
        if (strcmp(dir->name, name) == 0) {
            return dir;
        }
    }
    return NULL;
}

/* parts  taken */
static struct artefact_dir *dir_new(struct artefact_store *store, const char *name,
                                    const char *token, struct artefact_part *parts, uint32_t count)
{
    struct artefact_dir *dir = calloc(1, sizeof(*dir));

    if (dir == NULL) {
        abort();
    }
    dir->store = store;
    dir->fd = -1;
    dir->parts = parts;
    dir->part_count = count;
    (void)snprintf(dir->name, sizeof(dir->name), "%s", name);
    (void)snprintf(dir->path, sizeof(dir->path), "%s/%s", store->directory, name);
    (void)snprintf(dir->made, sizeof(dir->made), "%s/made-%llu-%.64s", store->directory,
                   (unsigned long long)++store->numbers, name);
    (void)snprintf(dir->token, sizeof(dir->token), "%s", token);
    dir->next = store->dirs;
    if (store->dirs != NULL) {
        store->dirs->previous = dir;
    }
    store->dirs = dir;
    return dir;
}

static void on_deferred(void *argument)
{
    struct artefact_request *request = argument;
    struct artefact_store *store = request->store;

    request->is_deferred = false;
    if (request->is_cancelled || store->is_closing) {
        if (request->dir != NULL) {
            request->dir->users--;
        }
        request_free(request);
    } else {
        if (request->dir != NULL) {
            request->dir->users--; /* answer counts its own */
        }
        answer(request, request->dir == NULL ? &request->err : NULL);
    }
    artefact_store_back(store);
}

static void answer_later(struct artefact_request *request)
{
    request->is_deferred = true;
    if (request->dir != NULL) {
        request->dir->users++;
    }
    artefact_store_busy(request->store);
    loop_defer(request->store->loop, on_deferred, request);
}

/* Joins the directory of that name, or makes it. parts: taken. */
static void request_join(struct artefact_request *request, const char *name,
                         struct artefact_part *parts, uint32_t count)
{
    struct artefact_dir *dir = dir_find(request->store, name);

    if (dir != NULL) {
        free(parts);
        request->dir = dir;
        if (dir->is_ready) {
            answer_later(request);
        } else {
            request_link(request);
        }
        return;
    }
    dir = dir_new(request->store, name, request->token, parts, count);
    request->dir = dir;
    request_link(request);
    artefact_fetch_begin(dir);
}

/* ---- lists ---- */

static void on_list_begin(void *argument)
{
    struct artefact_request *request = argument;

    buffer_reset(&request->list);
}

static void on_list_data(void *argument, struct span bytes)
{
    struct artefact_request *request = argument;

    buffer_append(&request->list, bytes);
}

static bool part_read(const struct value *item, uint32_t index, struct artefact_part *ret_part,
                      uint32_t *count)
{
    if (item->kind == VALUE_NULL) {
        return true;
    }
    *ret_part = (struct artefact_part){.index = index};
    (*count)++;
    return item->kind == VALUE_STRING &&
           digest_parse((struct span){item->text, item->count}, &ret_part->digest);
}

/* Gives the parts (malloc), or NULL: the API spoke another language. */
static struct artefact_part *list_read(struct span text, uint32_t *ret_count)
{
    struct heap_budget budget = {0};
    struct arena arena;
    const struct json_limits limits = {.text_bytes_max = LIST_BYTES_MAX};
    struct json_error error;
    struct value list;
    struct artefact_part *parts = NULL;
    bool is_good;

    arena_init(&arena, allocator_heap(&budget), LIST_MEMORY_BYTES);
    is_good = json_read(text, &limits, &arena, &list, &error) == JSON_OK &&
              list.kind == VALUE_LIST && list.count <= LIMIT_ARTEFACT_MAP_TASKS;
    *ret_count = 0;
    if (is_good) {
        parts = calloc(list.count + 1, sizeof(*parts));
        if (parts == NULL) {
            abort();
        }
    }
    for (uint32_t i = 0; is_good && i < list.count; i++) {
        is_good = part_read(&list.items[i], i, &parts[*ret_count], ret_count);
    }
    arena_release(&arena);
    if (!is_good) {
        free(parts);
        return NULL;
    }
    return parts;
}

static void on_list_done(void *argument, const struct exo_error *err)
{
    struct artefact_request *request = argument;
    struct span text = buffer_span(&request->list);
    char name[SHA256_TEXT_BYTES + 1];
    struct exo_error own;
    uint32_t count = 0;
    struct artefact_part *parts = err == NULL ? list_read(text, &count) : NULL;

    request->call = NULL;
    request_unlink(request);
    if (parts == NULL) {
        if (err == NULL) {
            (void)exo_error_set(&own, EXO_EUNAVAILABLE, "the API's list of artefacts is none");
            err = &own;
        }
        answer(request, err);
        return;
    }
    struct digest digest = sha256_of(text);

    digest_format(&digest, name);
    request_join(request, name, parts, count);
}

struct artefact_request *artefact_get(struct artefact_store *store,
                                      const struct execution_id *execution,
                                      const struct wire_context *context, struct span token,
                                      artefact_ready *on_ready, void *argument)
{
    struct artefact_request *request = calloc(1, sizeof(*request));
    char name[SHA256_TEXT_BYTES + 1];

    if (request == NULL) {
        abort();
    }
    request->store = store;
    request->on_ready = on_ready;
    request->argument = argument;
    buffer_init(&request->list, allocator_heap(&request->budget), LIST_BYTES_MAX);
    (void)snprintf(request->token, sizeof(request->token), "%.*s", SPAN_ARG(token));
    if (context->kind == CONTEXT_LIST) {
        const struct attempt_call_events events = {.on_begin = on_list_begin,
                                                   .on_data = on_list_data,
                                                   .on_done = on_list_done,
                                                   .argument = request};

        request_link(request);
        request->call = attempt_api_get_artefacts(store->api, execution, context->instance,
                                                  LIST_BYTES_MAX, token, patience_ns, &events);
        return request;
    }
    struct artefact_part *part = calloc(1, sizeof(*part));

    if (part == NULL) {
        abort();
    }
    *part = (struct artefact_part){.index = UINT32_MAX, .digest = context->digest};
    digest_format(&context->digest, name);
    request_join(request, name, part, 1);
    return request;
}

void artefact_cancel(struct artefact_request *request)
{
    if (request == NULL) {
        return;
    }
    if (request->is_deferred) {
        request->is_cancelled = true;
        return;
    }
    request_unlink(request);
    request_free(request);
}

const char *artefact_path(const struct artefact_dir *dir)
{
    return dir->path;
}

void artefact_release(struct artefact_store *store, struct artefact_dir *dir)
{
    assert(dir->users > 0);
    dir->users--;
    dir->used_ns = loop_now_ns(store->loop);
    make_room(store);
}
