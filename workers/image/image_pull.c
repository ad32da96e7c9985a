#include "workers/image/image_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/image/image_arguments.h"
#include "workers/image/image_layout.h"

/*   QUEUED --digest known, unpacked----------------------------------------------> DONE
 *     |--registry, digest unknown--> INSPECT --unpacked------------------------------^
 *     `--> COPY <---------------------- |                                            |
 *            `--> UNPACK --> SETTLE ---------------------------------------------- --'
 * Any of them may fail, which is DONE with an error. */
enum pull_state { PULL_QUEUED, PULL_INSPECT, PULL_COPY, PULL_UNPACK, PULL_SETTLE, PULL_DONE };

struct image_request {
    struct image_pull *pull;
    struct image_request *next;
    void (*on_ready)(void *argument, const struct image *image, const struct exo_error *err);
    void *argument;
};

struct image_pull {
    struct image_store *store;
    struct image_pull *next;
    enum pull_state state;
    struct image_request *requests; /* in the order they came */
    char text[IMAGE_REFERENCE_BYTES_MAX + 1];
    char wanted[IMAGE_DIGEST_TEXT_BYTES + 1]; /* pinned by the caller; "" for none */
    char target[IMAGE_DIGEST_TEXT_BYTES + 1]; /* the digest it must have, by whom ever */
    struct image_reference reference;
    bool is_fetching; /* counted in fetch_count */

    char digest[IMAGE_DIGEST_TEXT_BYTES + 1]; /* "" until it is known */
    char source[IMAGE_PATH_BYTES];            /* of a local image */
    struct stat facts;                        /* of an archive */
    struct layout_entry entry;                /* of an OCI layout */
    char temporary[IMAGE_PATH_BYTES];         /* "" until it is made */
    char manifest[IMAGE_DIGEST_TEXT_BYTES + 1];
    struct image_command command;
    struct loop_timer *timer;
    bool is_late;
    struct exo_error error; /* of the name, then of SETTLE */
    int settled;            /* 0, or -1 with error set */
    uint64_t turn;          /* the last in which it was looked at */
};

static void pull_copy(struct image_pull *pull);

static void pull_unlink(struct image_pull *pull)
{
    struct image_pull **at = &pull->store->pulls;

    while (*at != pull) {
        at = &(*at)->next;
    }
    *at = pull->next;
}

static void pull_free(struct image_pull *pull)
{
    loop_timer_free(pull->timer);
    free(pull);
}

/* Tells everybody who waits; the pull is gone afterwards. err: NULL on success. */
static void pull_done(struct image_pull *pull, struct image_entry *entry,
                      const struct exo_error *err)
{
    struct image_store *store = pull->store;
    struct image_request *request = pull->requests;

    pull_unlink(pull);
    if (pull->is_fetching) {
        store->fetch_count--;
        loop_timer_start(store->queue_timer, 0, 0);
    }
    if (pull->temporary[0] != '\0') {
        image_store_remove_tree(store, pull->temporary);
    }
    /* All are users before the first is told, so that none of them lets the image be evicted. */
    for (struct image_request *at = request; entry != NULL && at != NULL; at = at->next) {
        entry->user_count++;
    }
    while (request != NULL) {
        struct image_request *next = request->next;

        request->on_ready(request->argument, entry != NULL ? &entry->image : NULL, err);
        free(request);
        request = next;
    }
    pull_free(pull);
    image_store_evict(store);
}

static void pull_fail(struct image_pull *pull, const struct exo_error *err)
{
    struct exo_error told = *err;

    if (pull->is_late) {
        (void)exo_error_set(&told, EXO_EUNAVAILABLE, "image %s took longer than %lld s to fetch",
                            pull->text, (long long)(pull->store->fetch_limit_ns / EXO_SECOND));
    }
    pull_done(pull, NULL, &told);
}

/* Ends the pull when the image of its digest is there already. */
static bool pull_is_there(struct image_pull *pull)
{
    struct image_entry *entry = image_store_find(pull->store, pull->digest);

    if (entry == NULL) {
        return false;
    }
    pull_done(pull, entry, NULL);
    return true;
}

/* Takes the digest the source has now. Returns -1 with *err set when another one is wanted. */
static int pull_take_digest(struct image_pull *pull, const char *digest, struct exo_error *err)
{
    if (pull->target[0] != '\0' && strcmp(pull->target, digest) != 0) {
        return exo_error_set(err, EXO_ECONFLICT,
                             "image %s is now %s, but %s is wanted, which it was when the "
                             "execution began: put that one back, or start a new execution",
                             pull->text, digest, pull->target);
    }
    memcpy(pull->digest, digest, IMAGE_DIGEST_TEXT_BYTES + 1);
    return 0;
}

static void on_settled(void *argument)
{
    struct image_pull *pull = argument;
    struct image_store *store = pull->store;
    struct exo_error err = pull->error;
    struct image_entry *entry = NULL;

    store->work_count--;
    if (pull->state == PULL_DONE) {
        return; /* the store is being closed */
    }
    if (pull->settled == 0) {
        if (pull->reference.transport == IMAGE_OCI_ARCHIVE ||
            pull->reference.transport == IMAGE_DOCKER_ARCHIVE) {
            image_disk_note_archive(&store->disk, &pull->facts, pull->digest);
        }
        entry = image_store_find(store, pull->digest);
        if (entry == NULL) {
            entry = image_store_add(store, pull->digest, &err);
        }
    }
    if (entry != NULL) {
        entry->used_ns = clock_wall_ns();
        pull_done(pull, entry, NULL);
    } else {
        (void)exo_error_prefix(&err, "image %s", pull->text);
        pull_fail(pull, &err);
    }
}

static void settle(void *argument)
{
    struct image_pull *pull = argument;

    pull->settled = image_disk_settle(&pull->store->disk, pull->temporary, pull->manifest,
                                      pull->digest, &pull->error);
}

/* Gives what the failed child said, in the user's words. */
static void pull_fail_command(struct image_pull *pull)
{
    char said[COMMAND_TEXT_BYTES];
    struct exo_error err;

    image_command_read(pull->temporary, "stderr", said);
    (void)image_command_explain(said, pull->text, &err);
    pull_fail(pull, &err);
}

static void on_command(void *argument, int status);

/* Starts the child of a state. */
static void pull_run(struct image_pull *pull, enum pull_state state, const char *const *arguments)
{
    struct exo_error err;

    pull->state = state;
    if (image_command_start(&pull->command, pull->store->loop, arguments, pull->temporary,
                            on_command, pull, &err) != 0) {
        pull_fail(pull, &err);
        return;
    }
    pull->store->work_count++;
}

static void pull_unpack(struct image_pull *pull)
{
    struct image_arguments arguments;

    image_arguments_unpack(&arguments, pull->temporary, geteuid() == 0);
    pull_run(pull, PULL_UNPACK, arguments.list);
}

/* Reads index.json of a layout. */
static int read_index(const char *layout, const char *tag, struct heap_budget *heap,
                      struct layout_entry *ret_entry, struct exo_error *err)
{
    char path[IMAGE_PATH_BYTES + 32];
    unsigned char *bytes = NULL;
    size_t count = 0;
    struct arena arena;

    (void)snprintf(path, sizeof(path), "%s/index.json", layout);
    if (image_disk_read_file(path, &bytes, &count, err) != 0) {
        return -1;
    }
    arena_init(&arena, allocator_heap(heap), 0);
    int failed = layout_find((struct span){bytes, count}, tag, &arena, ret_entry, err);

    arena_release(&arena);
    free(bytes);
    return failed;
}

/* What was copied tells its manifest; for an archive that is its digest. */
static void pull_copied(struct image_pull *pull)
{
    char layout[IMAGE_PATH_BYTES + 16];
    struct layout_entry entry;
    struct exo_error err;

    (void)snprintf(layout, sizeof(layout), "%s/layout", pull->temporary);
    if (read_index(layout, "image", &pull->store->heap, &entry, &err) != 0) {
        (void)exo_error_prefix(&err, "image %s", pull->text);
        pull_fail(pull, &err);
        return;
    }
    memcpy(pull->manifest, entry.digest, sizeof(pull->manifest));
    if (pull->digest[0] == '\0' && pull_take_digest(pull, entry.digest, &err) != 0) {
        pull_fail(pull, &err);
        return;
    }
    /* skopeo was told to keep the manifest, so another one means that the layout was changed. */
    if (pull->reference.transport == IMAGE_OCI && !pull->entry.is_index &&
        strcmp(entry.digest, pull->digest) != 0) {
        (void)exo_error_set(&err, EXO_EUNAVAILABLE, "image %s changed while it was read",
                            pull->text);
        pull_fail(pull, &err);
        return;
    }
    if (!pull_is_there(pull)) {
        pull_unpack(pull);
    }
}

static void pull_inspected(struct image_pull *pull)
{
    struct image_store *store = pull->store;
    struct image_tag *tag = &store->tags[store->tag_next];
    char digest[COMMAND_TEXT_BYTES];
    struct exo_error err;

    image_command_read(pull->temporary, "stdout", digest);
    if (!image_digest_is_valid(digest)) {
        (void)exo_error_set(&err, EXO_EUNAVAILABLE, "image %s: the registry gives no digest",
                            pull->text);
        pull_fail(pull, &err);
        return;
    }
    (void)snprintf(tag->name, sizeof(tag->name), "%s:%s", pull->reference.name,
                   pull->reference.tag);
    memcpy(tag->digest, digest, sizeof(tag->digest));
    tag->known_until_ns = loop_now_ns(store->loop) + store->tag_life_ns;
    store->tag_next = (store->tag_next + 1) % IMAGE_TAGS_MAX;
    if (pull_take_digest(pull, digest, &err) != 0) {
        pull_fail(pull, &err);
    } else if (!pull_is_there(pull)) {
        pull_copy(pull);
    }
}

static void on_command(void *argument, int status)
{
    struct image_pull *pull = argument;
    struct image_store *store = pull->store;

    store->work_count--;
    if (pull->state == PULL_DONE) {
        return; /* the store is being closed */
    }
    if (status != 0) {
        pull_fail_command(pull);
    } else if (pull->state == PULL_INSPECT) {
        pull_inspected(pull);
    } else if (pull->state == PULL_COPY) {
        pull_copied(pull);
    } else {
        pull->state = PULL_SETTLE;
        store->work_count++;
        loop_work(store->loop, settle, on_settled, pull);
    }
}

static void on_late(void *argument)
{
    struct image_pull *pull = argument;

    pull->is_late = true;
    image_command_kill(&pull->command);
}

static bool is_plain_registry(const struct image_pull *pull)
{
    char host[IMAGE_REFERENCE_BYTES_MAX + 1];

    image_reference_host(&pull->reference, host);
    for (char **at = pull->store->plain_registries; *at != NULL; at++) {
        if (strcmp(*at, host) == 0) {
            return true;
        }
    }
    return false;
}

static struct image_access access_of(const struct image_pull *pull)
{
    return (struct image_access){
        .auth_file = pull->store->auth_file,
        .is_plain = is_plain_registry(pull),
        .has_policy = access("/etc/containers/policy.json", R_OK) == 0,
    };
}

static void pull_inspect(struct image_pull *pull)
{
    struct image_access access = access_of(pull);
    struct image_arguments arguments;

    image_arguments_inspect(&arguments, &pull->reference, &access);
    pull_run(pull, PULL_INSPECT, arguments.list);
}

static void pull_copy(struct image_pull *pull)
{
    struct image_access access = access_of(pull);
    struct image_arguments arguments;

    image_arguments_copy(&arguments, &pull->reference, &access, pull->digest, pull->source,
                         pull->reference.transport == IMAGE_OCI ? pull->entry.tag : "",
                         pull->temporary);
    pull_run(pull, PULL_COPY, arguments.list);
}

static bool recall_tag(struct image_pull *pull)
{
    char name[sizeof(pull->store->tags[0].name)];

    (void)snprintf(name, sizeof(name), "%s:%s", pull->reference.name, pull->reference.tag);
    for (size_t i = 0; i < IMAGE_TAGS_MAX; i++) {
        const struct image_tag *tag = &pull->store->tags[i];

        if (strcmp(tag->name, name) == 0 && tag->known_until_ns > loop_now_ns(pull->store->loop)) {
            memcpy(pull->digest, tag->digest, sizeof(pull->digest));
            return true;
        }
    }
    return false;
}

/* Finds out the digest where that takes no child. Returns -1 with *err set. */
static int pull_look(struct image_pull *pull, struct exo_error *err)
{
    const struct image_disk *disk = &pull->store->disk;
    char digest[IMAGE_DIGEST_TEXT_BYTES + 1];

    if (pull->reference.transport == IMAGE_DOCKER) {
        if (pull->target[0] != '\0') {
            memcpy(pull->digest, pull->target, sizeof(pull->digest));
        } else {
            (void)recall_tag(pull);
        }
        return 0;
    }
    /* Even where the source is gone, the image that is wanted may be here. */
    if (pull->target[0] != '\0' && image_store_find(pull->store, pull->target) != NULL) {
        memcpy(pull->digest, pull->target, sizeof(pull->digest));
        return 0;
    }
    if (image_disk_find(disk, &pull->reference, pull->source, &pull->facts, err) != 0) {
        return -1;
    }
    if (pull->reference.transport == IMAGE_OCI) {
        if (read_index(pull->source, pull->reference.tag, &pull->store->heap, &pull->entry, err) !=
            0) {
            return exo_error_prefix(err, "image %s", pull->text);
        }
        return pull_take_digest(pull, pull->entry.digest, err);
    }
    return image_disk_recall_archive(disk, &pull->facts, digest)
               ? pull_take_digest(pull, digest, err)
               : 0;
}

/* The same image under another name, or with and without its digest. */
static bool is_fetched_by_another(const struct image_pull *pull)
{
    for (const struct image_pull *at = pull->store->pulls; at != NULL; at = at->next) {
        if (at->is_fetching && pull->digest[0] != '\0' && strcmp(at->digest, pull->digest) == 0) {
            return true;
        }
    }
    return false;
}

static void pull_begin(struct image_pull *pull)
{
    struct image_store *store = pull->store;
    struct exo_error err;

    if (pull->settled != 0) {
        err = pull->error;
        pull_fail(pull, &err);
        return;
    }
    if (pull_look(pull, &err) != 0) {
        pull_fail(pull, &err);
        return;
    }
    if (pull->digest[0] != '\0' && pull_is_there(pull)) {
        return;
    }
    if (store->fetch_count >= store->fetches_max || is_fetched_by_another(pull)) {
        /* Looked at anew when one that is fetched is done. */
        pull->digest[0] = '\0';
        return;
    }
    store->fetch_count++;
    pull->is_fetching = true;
    pull->state = PULL_INSPECT;
    if (image_disk_make_temporary(&store->disk, pull->temporary, &err) != 0) {
        pull_fail(pull, &err);
        return;
    }
    pull->timer = loop_timer_new(store->loop, on_late, pull);
    loop_timer_start(pull->timer, store->fetch_limit_ns, 0);
    if (pull->digest[0] == '\0' && pull->reference.transport == IMAGE_DOCKER) {
        pull_inspect(pull);
    } else {
        pull_copy(pull);
    }
}

void image_pull_turn(struct image_store *store)
{
    struct image_pull *pull = store->pulls;

    /* Any callback may change the list: after each begin anew at its head, each pull once a turn.
     */
    for (store->turn++; pull != NULL;) {
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the list lets go of what is freed */
        if (pull->state != PULL_QUEUED || pull->turn == store->turn) {
            pull = pull->next;
            continue;
        }
        pull->turn = store->turn;
        pull_begin(pull);
        pull = store->pulls;
    }
}

/* Gives the pull that fetches what is asked for, or a new one at the end of the queue. */
static struct image_pull *pull_for(struct image_store *store, const char *text, const char *wanted)
{
    struct image_pull **at = &store->pulls;

    for (; *at != NULL; at = &(*at)->next) {
        if (strcmp((*at)->text, text) == 0 && strcmp((*at)->wanted, wanted) == 0) {
            return *at;
        }
    }
    struct image_pull *pull = image_must_allocate(sizeof(*pull));

    pull->store = store;
    (void)snprintf(pull->text, sizeof(pull->text), "%s", text);
    (void)snprintf(pull->wanted, sizeof(pull->wanted), "%s", wanted);
    pull->settled = image_reference_parse(text, &pull->reference, &pull->error);
    if (pull->settled == 0 && wanted[0] != '\0' && !image_digest_is_valid(wanted)) {
        pull->settled =
            exo_error_set(&pull->error, EXO_EINVALID,
                          "\"%s\" is no digest: write sha256: and 64 hexadecimal digits", wanted);
    }
    if (pull->settled == 0 && wanted[0] != '\0' && pull->reference.digest[0] != '\0' &&
        strcmp(pull->reference.digest, wanted) != 0) {
        pull->settled = exo_error_set(&pull->error, EXO_ECONFLICT,
                                      "image %s does not have digest %s", text, wanted);
    }
    memcpy(pull->target, wanted[0] != '\0' ? pull->wanted : pull->reference.digest,
           sizeof(pull->target));
    *at = pull;
    return pull;
}

struct image_request *
image_get(struct image_store *store, const char *reference, const char *pinned,
          void (*on_ready)(void *argument, const struct image *image, const struct exo_error *err),
          void *argument)
{
    struct image_request *request = image_must_allocate(sizeof(*request));

    request->pull = pull_for(store, reference, pinned != NULL ? pinned : "");
    request->on_ready = on_ready;
    request->argument = argument;
    struct image_request **at = &request->pull->requests;

    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = request;
    loop_timer_start(store->queue_timer, 0, 0);
    return request;
}

void image_cancel(struct image_request *request)
{
    struct image_request **at = &request->pull->requests;

    while (*at != request) {
        at = &(*at)->next;
    }
    *at = request->next;
    free(request);
}

void image_pull_end_all(struct image_store *store)
{
    for (struct image_pull *pull = store->pulls; pull != NULL; pull = pull->next) {
        for (struct image_request *request = pull->requests; request != NULL;) {
            struct image_request *next = request->next;

            image_cancel(request);
            request = next;
        }
        pull->state = PULL_DONE;
        image_command_kill(&pull->command);
    }
}

void image_pull_free_all(struct image_store *store)
{
    while (store->pulls != NULL) {
        struct image_pull *next = store->pulls->next;

        pull_free(store->pulls);
        store->pulls = next;
    }
}
