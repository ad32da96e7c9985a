#include "infra/process/backends.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "infra/config/command.h"
#include "infra/directory/directory.h"
#include "infra/process/blob_place.h"
#include "infra/telemetry/log_line.h"
#include "schemas/wire/topics.h"

enum {
    PATH_BYTES = 4096,
    CLASSES_MAX = 64,
    READERS = 2,
    VIEW_TTL_S = 30,
    CHUNKS_BUFFER_BYTES = 32 << 20
};

static const exo_time retry_first_ns = 100 * EXO_MILLISECOND;
static const exo_time retry_most_ns = 5 * EXO_SECOND;

/* One of log, store, cache: what was last said of it. */
struct told {
    const char *name;
    bool is_up;
    bool is_away_said;
};

struct backends {
    struct loop *loop;
    const struct settings_set *set;
    struct log *log;
    struct log *chunks; /* NULL: none of their own */
    struct store *store;
    struct cache *cache;
    struct blobs *blobs;
    struct blob_place blob_place;
    struct store_schema schema;
    struct told told[3];
    char path[PATH_BYTES];
    char missing[600];

    struct loop_timer *retry;
    exo_time retry_ns;
    bool has_topics; /* to be prepared too */
    bool is_migrated;
    void (*done)(void *argument, const struct exo_error *err);
    void *argument;
    struct log_topic topics[TOPIC_FIXED_NR + CLASSES_MAX];
    char class_topics[CLASSES_MAX][TOPIC_NAME_BYTES];
};

/* ---- opening ---- */

static int name_file(struct backends *b, const struct backends_options *options,
                     struct exo_error *err)
{
    const struct settings *settings = &b->set->values;
    bool is_sqlite = strcmp(settings->log, "sqlite") == 0 || strcmp(settings->store, "sqlite") == 0;

    if (settings->ephemeral) {
        (void)snprintf(b->path, sizeof(b->path), ":memory:");
        return 0;
    }
    if (snprintf(b->path, sizeof(b->path), "%s/exosphere.db", settings->data) >=
        (int)sizeof(b->path)) {
        return exo_error_set(err, EXO_EINVALID, "data is longer than %d bytes", PATH_BYTES);
    }
    if (is_sqlite && options->is_existing && access(b->path, F_OK) != 0) {
        return exo_error_set(err, EXO_ENOTFOUND,
                             "there is no store %s: with --data name the directory that `exosphere "
                             "dev` keeps",
                             b->path);
    }
    return is_sqlite ? directory_make(settings->data, 0755, "name another with --data", err) : 0;
}

static void log_noticed(void *argument, int level, const char *text)
{
    (void)argument;
    if (level <= LOG_WARNING) {
        log_line(EVENT_LOG_NOTICE, LOG_FACTS(fact_text("text", text)));
    }
}

static void cache_noticed(void *argument, const char *text)
{
    (void)argument;
    log_line(EVENT_CACHE_NOTICE, LOG_FACTS(fact_text("text", text)));
}

/* SQLite's file is one queue whoever writes: a log of its own would gain nothing there. */
static int chunks_open(struct backends *b, const struct backends_options *options,
                       const struct log_settings *log_settings, struct exo_error *err)
{
    struct log_settings settings = *log_settings;

    if ((options->wanted & BACKEND_CHUNKS) == 0 || strcmp(settings.backend, "kafka") != 0) {
        return 0;
    }
    settings.is_append_only = true;
    settings.buffer_bytes_max = CHUNKS_BUFFER_BYTES;
    b->chunks = log_open(b->loop, &settings, err);
    return b->chunks == NULL ? -1 : 0;
}

static int open_all(struct backends *b, const struct backends_options *options,
                    struct exo_error *err)
{
    const struct settings *settings = &b->set->values;
    const struct log_settings log_settings = {
        .backend = settings->log,
        .brokers = settings->kafka_brokers,
        .properties = settings->kafka_properties,
        .path = b->path,
        .replication = (uint32_t)settings->kafka_replication,
        .client_id = options->client_id,
        .notice = log_noticed,
    };
    const struct store_settings store_settings = {
        .backend = settings->store,
        .url = settings->postgres_url,
        .path = b->path,
        .readers = READERS,
        .application = options->client_id,
    };
    const struct cache_settings cache_settings = {
        .backend = settings->cache,
        .url = settings->redis_url,
        .view_ttl_ns = VIEW_TTL_S * EXO_SECOND,
        .notice = cache_noticed,
    };

    b->log = (options->wanted & BACKEND_LOG) == 0 ? NULL : log_open(b->loop, &log_settings, err);
    if (b->log == NULL && (options->wanted & BACKEND_LOG) != 0) {
        return -1;
    }
    if (chunks_open(b, options, &log_settings, err) != 0) {
        return -1;
    }
    b->store =
        (options->wanted & BACKEND_STORE) == 0 ? NULL : store_open(b->loop, &store_settings, err);
    if (b->store == NULL && (options->wanted & BACKEND_STORE) != 0) {
        return -1;
    }
    if (b->store != NULL) {
        b->blobs = blob_place_open(&b->blob_place, b->loop, b->store, settings, err);
        if (b->blobs == NULL) {
            return -1;
        }
    }
    b->cache =
        (options->wanted & BACKEND_CACHE) == 0 ? NULL : cache_open(b->loop, &cache_settings, err);
    return b->cache == NULL && (options->wanted & BACKEND_CACHE) != 0 ? -1 : 0;
}

static void try_again(void *argument);

struct backends *backends_open(struct loop *loop, const struct backends_options *options,
                               struct exo_error *err)
{
    struct backends *b = calloc(1, sizeof(*b));

    if (b == NULL) {
        abort();
    }
    b->loop = loop;
    b->set = options->set;
    b->told[0] = (struct told){.name = b->set->values.log, .is_up = true};
    b->told[1] = (struct told){.name = b->set->values.store, .is_up = true};
    b->told[2] = (struct told){.name = b->set->values.cache, .is_up = true};
    b->schema.shard_count = (uint32_t)b->set->values.shards;
    b->retry = loop_timer_new(loop, try_again, b);
    if (name_file(b, options, err) != 0 || open_all(b, options, err) != 0) {
        backends_close(b);
        backends_free(b);
        return NULL;
    }
    return b;
}

void backends_close(struct backends *b)
{
    if (b == NULL) {
        return;
    }
    b->done = NULL;
    loop_timer_free(b->retry);
    b->retry = NULL;
    if (b->log != NULL) {
        log_close(b->log);
    }
    log_close(b->chunks);
    blobs_close(b->blobs);
    blob_place_close(&b->blob_place);
    b->blobs = NULL;
    if (b->store != NULL) {
        store_close(b->store);
    }
    if (b->cache != NULL) {
        cache_close(b->cache);
    }
    b->log = NULL;
    b->chunks = NULL;
    b->store = NULL;
    b->cache = NULL;
}

void backends_free(struct backends *b)
{
    if (b != NULL) {
        explicit_bzero(b->schema.secret, sizeof(b->schema.secret));
        free(b);
    }
}

/* ---- preparing ---- */

static void end_with(struct backends *b, const struct exo_error *err)
{
    void (*done)(void *argument, const struct exo_error *err) = b->done;

    b->done = NULL;
    if (done != NULL) {
        done(b->argument, err);
    }
}

/* A failure that waiting may mend is said and tried again. */
static void failed(struct backends *b, const char *what, const struct exo_error *err)
{
    if (b->done == NULL) {
        return;
    }
    if (err->code != EXO_EUNAVAILABLE && err->code != EXO_EUNKNOWN && !err->is_retryable) {
        end_with(b, err);
        return;
    }
    log_line(EVENT_DEPENDENCY_WAITING, LOG_FACTS(fact_text("for", what), fact_error(err)));
    b->retry_ns = b->retry_ns == 0                  ? retry_first_ns
                  : b->retry_ns < retry_most_ns / 2 ? 2 * b->retry_ns
                                                    : retry_most_ns;
    loop_timer_start(b->retry, b->retry_ns, 0);
}

static void topics_prepared(void *argument, const struct exo_error *err)
{
    struct backends *b = argument;

    if (err != NULL) {
        failed(b, b->set->values.log, err);
    } else {
        end_with(b, NULL);
    }
}

static void prepare_topics(struct backends *b)
{
    const char *rest = b->set->values.classes;
    size_t count = TOPIC_FIXED_NR;
    size_t classes = 0;
    struct span class;

    if (!b->has_topics) {
        end_with(b, NULL);
        return;
    }
    topics_fixed(b->schema.shard_count, b->topics);
    while ((class = settings_list_next(&rest)).data != NULL) {
        char *name = b->class_topics[classes];

        if (classes == CLASSES_MAX || !topic_name_of_class(class, name)) {
            struct exo_error err;

            (void)exo_error_set(&err, EXO_EINVALID,
                                "classes: \"%.*s\" is no name of a class, or one above %d",
                                SPAN_ARG(class), CLASSES_MAX);
            end_with(b, &err);
            return;
        }
        b->topics[count++] = topic_of_class(name, 0);
        classes++;
    }
    log_prepare(b->log, b->topics, count, topics_prepared, b);
}

static void schema_read(void *argument, const struct store_schema *schema,
                        const struct exo_error *err);

static void migrated(void *argument, const struct exo_error *err)
{
    struct backends *b = argument;

    if (err != NULL) {
        failed(b, b->set->values.store, err);
    } else if (b->done != NULL) {
        b->is_migrated = true;
        store_schema(b->store, schema_read, b);
    }
}

/* What is installed fixes the number of shards: only a number that somebody said may disagree. */
static void schema_read(void *argument, const struct store_schema *schema,
                        const struct exo_error *err)
{
    struct backends *b = argument;
    uint32_t said = (uint32_t)b->set->values.shards;

    if (err != NULL) {
        failed(b, b->set->values.store, err);
    } else if (b->done != NULL && !b->is_migrated) {
        bool is_new = schema->version == 0 || schema->shard_count == 0;

        store_migrate(b->store, is_new || settings_is_said(b->set, "shards") ? said : 0, migrated,
                      b);
    } else if (b->done != NULL) {
        b->schema = *schema;
        b->retry_ns = 0;
        prepare_topics(b);
    }
}

static void try_again(void *argument)
{
    struct backends *b = argument;

    if (b->schema.version != 0) {
        prepare_topics(b);
    } else {
        store_schema(b->store, schema_read, b);
    }
}

void backends_migrate(struct backends *b, void (*done)(void *argument, const struct exo_error *err),
                      void *argument)
{
    assert(b->done == NULL);
    b->done = done;
    b->argument = argument;
    if (b->store == NULL) {
        end_with(b, NULL);
    } else {
        store_schema(b->store, schema_read, b);
    }
}

int backends_open_tell(const struct exo_error *err)
{
    enum { STATUS_NOT_FOUND = 66, STATUS_CONFLICT = 73 };

    (void)fprintf(stderr, "exosphere: %s\n", err->text);
    return err->code == EXO_ENOTFOUND   ? (int)STATUS_NOT_FOUND
           : err->code == EXO_ECONFLICT ? (int)STATUS_CONFLICT
                                        : EXIT_STATUS_FAILED;
}

void backends_prepare(struct backends *b, void (*done)(void *argument, const struct exo_error *err),
                      void *argument)
{
    b->has_topics = true;
    backends_migrate(b, done, argument);
}

/* ---- what is there ---- */

static void tell(struct told *told, bool is_up, const char *error)
{
    if (!is_up && !told->is_away_said && !told->is_up) {
        log_line(EVENT_DEPENDENCY_WAITING,
                 LOG_FACTS(fact_text("for", told->name), fact_text("error", error)));
        told->is_away_said = true;
    }
    if (is_up && told->is_away_said) {
        log_line(EVENT_DEPENDENCY_BACK, LOG_FACTS(fact_text("service", told->name)));
        told->is_away_said = false;
    }
    told->is_up = is_up;
}

void backends_tell(struct backends *b)
{
    if (b->log != NULL) {
        tell(&b->told[0], log_is_up(b->log), "the broker does not answer");
    }
    if (b->store != NULL) {
        bool is_up = store_is_up(b->store);

        tell(&b->told[1], is_up, is_up ? "" : store_last_error(b->store));
    }
    if (b->cache != NULL) {
        tell(&b->told[2], cache_is_up(b->cache), "the cache does not answer");
    }
}

/* What a person at `dev` may have meant. */
static const char *store_advice(const struct backends *b)
{
    bool is_default = b->set->values.role == ROLE_ADMIN && !settings_is_said(b->set, "store") &&
                      !settings_is_said(b->set, "data") &&
                      !settings_is_said(b->set, "postgres_url");

    return is_default ? "; --data DIR means what `exosphere dev` keeps there" : "";
}

const char *backends_missing(struct backends *b)
{
    b->missing[0] = '\0';
    if (b->store != NULL && !store_is_up(b->store)) {
        (void)snprintf(b->missing, sizeof(b->missing), "the store (%s) does not answer: %.450s%s",
                       b->set->values.store, store_last_error(b->store), store_advice(b));
    } else if (b->log != NULL && !log_is_up(b->log)) {
        (void)snprintf(b->missing, sizeof(b->missing), "the log (%s) does not answer",
                       b->set->values.log);
    }
    return b->missing;
}

struct log *backends_log(const struct backends *b)
{
    return b->log;
}

struct log *backends_chunks(const struct backends *b)
{
    return b->chunks != NULL ? b->chunks : b->log;
}

struct store *backends_store(const struct backends *b)
{
    return b->store;
}

struct blobs *backends_blobs(const struct backends *b)
{
    return b->blobs;
}

struct cache *backends_cache(const struct backends *b)
{
    return b->cache;
}

const struct store_schema *backends_schema(const struct backends *b)
{
    return &b->schema;
}
