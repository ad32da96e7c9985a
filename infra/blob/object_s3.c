/* object_s3: objects of an S3-compatible store, over HTTP signed by Signature Version 4.
 *
 *   begin   POST   KEY?uploads=                   the upload's id
 *   write   PUT    KEY?partNumber=N&uploadId=ID   8 MiB each, with its SHA-256 in the signature
 *   finish  POST   KEY?uploadId=ID                the list of parts
 *   drop    DELETE KEY?uploadId=ID                of an upload that is not whole
 *   read    GET    KEY, Range                     4 MiB each
 *   remove  DELETE KEY
 *
 * Each step is tried again while the store is away or busy, a minute at most. */
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "infra/blob/object.h"
#include "infra/blob/s3_answer.h"
#include "infra/crypto/crypto.h"
#include "infra/http/client.h"
#include "schemas/vocab/arena.h"
#include "schemas/vocab/buffer.h"

enum {
    WRITE_BYTES = 8 << 20, /* 5 MiB is the least that S3 takes */
    READ_BYTES = 4 << 20,
    PARTS_MAX = 1000,
    TEXT_BYTES = 256,
    URL_BYTES = 2560,
    ID_BYTES = 768,
    TAG_BYTES = 128,
    CONNECTIONS_MAX = 32,
};

static const exo_time patience_ns = EXO_MINUTE;
static const exo_time wait_first_ns = 100 * EXO_MILLISECOND;
static const exo_time wait_most_ns = 5 * EXO_SECOND;
static const exo_time call_limit_ns = 5 * EXO_MINUTE;

static const struct object_driver s3_driver;

struct s3_store {
    struct object_store store;
    struct loop *loop;
    struct http_client *client;
    char base[3 * TEXT_BYTES]; /* ENDPOINT/BUCKET/PREFIX */
    char region[TEXT_BYTES], access_key[TEXT_BYTES], secret_key[TEXT_BYTES];
    struct s3_object *objects; /* open; ended by close */
};

enum s3_step { STEP_BEGIN, STEP_WRITE, STEP_FINISH, STEP_LOOK, STEP_READ, STEP_REMOVE };

struct s3_object {
    struct object object;
    struct s3_store *s;
    struct s3_object *next, *previous;
    struct http_call *call; /* NULL: none under way */
    struct loop_timer *timer;
    char url[URL_BYTES / 2];
    char id[ID_BYTES]; /* of the upload, percent-encoded; "": none */
    char (*tags)[TAG_BYTES];
    uint32_t tag_count;
    enum s3_step step;
    uint32_t tries;
    exo_time give_up_ns, wait_ns;
    uint64_t at; /* of a read */
    size_t count;
    struct heap_budget budget;
    struct buffer body;
};

static bool is_plain(const char *text, const char *others)
{
    for (; *text != '\0'; text++) {
        if (!isalnum((unsigned char)*text) && strchr(others, *text) == NULL) {
            return false;
        }
    }
    return true;
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static int settings_check(const struct blob_settings *settings, struct exo_error *err)
{
    const char *endpoint = or_empty(settings->s3_endpoint);

    if (strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0) {
        return exo_error_set(err, EXO_EINVALID,
                             "s3_endpoint: write it as https://s3.eu-central-1.amazonaws.com");
    }
    if (strpbrk(endpoint, "?#@ ") != NULL || strlen(endpoint) >= TEXT_BYTES) {
        return exo_error_set(err, EXO_EINVALID,
                             "s3_endpoint: scheme, host and port only, below %d characters; "
                             "credentials have settings of their own",
                             TEXT_BYTES);
    }
    if (or_empty(settings->s3_bucket)[0] == '\0' || strlen(settings->s3_bucket) > 63 ||
        !is_plain(settings->s3_bucket, "-.")) {
        return exo_error_set(err, EXO_EINVALID,
                             "s3_bucket: name the bucket that s3_endpoint has: letters, digits, "
                             "\"-\" and \".\"");
    }
    if (strlen(or_empty(settings->s3_prefix)) >= TEXT_BYTES ||
        !is_plain(or_empty(settings->s3_prefix), "-_./")) {
        return exo_error_set(err, EXO_EINVALID,
                             "s3_prefix: letters, digits, \"_\", \"-\", \".\" and \"/\"");
    }
    if (or_empty(settings->s3_access_key)[0] == '\0' ||
        or_empty(settings->s3_secret_key)[0] == '\0' ||
        strlen(settings->s3_access_key) >= TEXT_BYTES ||
        strlen(settings->s3_secret_key) >= TEXT_BYTES) {
        return exo_error_set(err, EXO_EINVALID,
                             "s3_endpoint needs s3_access_key and s3_secret_key: set "
                             "EXOSPHERE_S3_ACCESS_KEY and EXOSPHERE_S3_SECRET_KEY, or name files "
                             "by --s3-access-key-file and --s3-secret-key-file");
    }
    if (strlen(or_empty(settings->s3_region)) >= 64 ||
        !is_plain(or_empty(settings->s3_region), "-_")) {
        return exo_error_set(err, EXO_EINVALID, "s3_region: such as eu-central-1");
    }
    return 0;
}

struct object_store *object_s3_open(struct loop *loop, const struct blob_settings *settings,
                                    struct exo_error *err)
{
    if (settings_check(settings, err) != 0) {
        return NULL;
    }
    struct s3_store *s = calloc(1, sizeof(*s));
    const char *prefix = or_empty(settings->s3_prefix);
    const char *region = or_empty(settings->s3_region);
    size_t endpoint_bytes = strlen(settings->s3_endpoint);

    if (s == NULL) {
        abort();
    }
    while (endpoint_bytes > 0 && settings->s3_endpoint[endpoint_bytes - 1] == '/') {
        endpoint_bytes--;
    }
    prefix += strspn(prefix, "/");

    size_t prefix_bytes = strlen(prefix);

    s->store.driver = &s3_driver;
    s->loop = loop;
    (void)snprintf(s->base, sizeof(s->base), "%.*s/%s/%s%s", (int)endpoint_bytes,
                   settings->s3_endpoint, settings->s3_bucket, prefix,
                   prefix_bytes == 0 || prefix[prefix_bytes - 1] == '/' ? "" : "/");
    (void)snprintf(s->region, sizeof(s->region), "%s", region[0] == '\0' ? "us-east-1" : region);
    (void)snprintf(s->access_key, sizeof(s->access_key), "%s", settings->s3_access_key);
    (void)snprintf(s->secret_key, sizeof(s->secret_key), "%s", settings->s3_secret_key);
    s->client = http_client_open(loop, CONNECTIONS_MAX, err);
    if (s->client == NULL) {
        explicit_bzero(s, sizeof(*s));
        free(s);
        return NULL;
    }
    return &s->store;
}

/* ---- one request ---- */

static void request_try(void *argument);

static void ask(struct s3_object *o, enum s3_step step)
{
    assert(o->call == NULL);
    o->step = step;
    o->tries = 0;
    o->wait_ns = wait_first_ns;
    o->give_up_ns = loop_now_ns(o->s->loop) + patience_ns;
    loop_timer_start(o->timer, 0, 0);
}

static void answer(struct s3_object *o, struct span bytes, const struct exo_error *err)
{
    o->object.done(o->object.argument, bytes, err);
}

static const char *method_of(enum s3_step step)
{
    switch (step) {
    case STEP_BEGIN:
    case STEP_FINISH:
        return "POST";
    case STEP_WRITE:
        return "PUT";
    case STEP_LOOK:
        return "HEAD";
    case STEP_READ:
        return "GET";
    case STEP_REMOVE:
        return "DELETE";
    }
    return "GET";
}

static void url_make(const struct s3_object *o, char ret_url[URL_BYTES])
{
    switch (o->step) {
    case STEP_BEGIN:
        (void)snprintf(ret_url, URL_BYTES, "%s?uploads=", o->url);
        return;
    case STEP_WRITE: /* the signature wants the query in order */
        (void)snprintf(ret_url, URL_BYTES, "%s?partNumber=%u&uploadId=%s", o->url, o->tag_count + 1,
                       o->id);
        return;
    case STEP_FINISH:
        (void)snprintf(ret_url, URL_BYTES, "%s?uploadId=%s", o->url, o->id);
        return;
    case STEP_LOOK:
    case STEP_READ:
    case STEP_REMOVE:
        (void)snprintf(ret_url, URL_BYTES, "%s", o->url);
        return;
    }
}

static void percent_encode(const char *text, char ret_text[ID_BYTES])
{
    size_t at = 0;

    for (; *text != '\0' && at + 4 < ID_BYTES; text++) {
        if (isalnum((unsigned char)*text) || strchr("-_.~", *text) != NULL) {
            ret_text[at++] = *text;
        } else {
            at += (size_t)snprintf(ret_text + at, ID_BYTES - at, "%%%02X", (unsigned char)*text);
        }
    }
    ret_text[at] = '\0';
}

static int answer_error(const struct http_result *result, struct exo_error *err)
{
    char code[64] = "";
    char text[200] = "";

    /* Left empty where the answer does not say. */
    (void)!s3_answer_element(result->body, "Code", code, sizeof(code));
    (void)!s3_answer_element(result->body, "Message", text, sizeof(text));
    return exo_error_set(err,
                         result->status == 404                            ? EXO_ENOTFOUND
                         : result->status == 403 || result->status == 401 ? EXO_EDENIED
                                                                          : EXO_EIO,
                         "s3_endpoint answered %d %s%s%s%s", result->status, code,
                         text[0] == '\0' ? "" : ": ", text,
                         result->status == 403 || result->status == 401
                             ? "; look at s3_access_key, s3_secret_key and s3_region"
                             : "");
}

/* What a good answer gives; -1 with *err when it is not what was asked for. */
static int take(struct s3_object *o, const struct http_result *result, struct exo_error *err)
{
    char text[ID_BYTES / 3];
    const char *tag;

    switch (o->step) {
    case STEP_BEGIN:
        if (!s3_answer_element(result->body, "UploadId", text, sizeof(text))) {
            return exo_error_set(err, EXO_EIO, "s3_endpoint began an upload without an UploadId");
        }
        percent_encode(text, o->id);
        return 0;
    case STEP_WRITE:
        tag = http_result_header(result, "ETag");
        if (tag == NULL || strlen(tag) >= TAG_BYTES || strpbrk(tag, "<>&") != NULL) {
            return exo_error_set(err, EXO_EIO, "s3_endpoint took a part without an ETag");
        }
        (void)snprintf(o->tags[o->tag_count++], TAG_BYTES, "%s", tag);
        return 0;
    case STEP_FINISH:
        /* 200 is sent before the work is done; it may still fail. */
        if (memmem(result->body.data, result->body.bytes, "<Error>", 7) != NULL) {
            return answer_error(result, err);
        }
        o->id[0] = '\0';
        return 0;
    case STEP_READ:
        if (result->body.bytes != o->count) {
            return exo_error_set(err, EXO_EIO, "s3_endpoint gave %zu bytes of a range of %zu",
                                 result->body.bytes, o->count);
        }
        return 0;
    case STEP_LOOK:
        o->id[0] = '\0';
        return 0;
    case STEP_REMOVE:
        return 0;
    }
    return 0;
}

/* 0: good, 1: try again, -1: given up with *err. */
static int judge(struct s3_object *o, const struct http_result *result, struct exo_error *err)
{
    if (result->status == 0 || result->err.code != EXO_OK) {
        *err = result->err;
        (void)exo_error_prefix(err, "s3_endpoint");
        return err->code == EXO_EINVALID || err->code == EXO_EDENIED ? -1 : 1;
    }
    if (result->status >= 500 || result->status == 429 || result->status == 408) {
        (void)answer_error(result, err);
        err->code = EXO_EUNAVAILABLE;
        err->is_retryable = true;
        return 1;
    }
    if (o->step == STEP_REMOVE && result->status == 404) {
        return 0;
    }
    if (result->status >= 300) {
        return answer_error(result, err);
    }
    return take(o, result, err);
}

static void on_call(void *argument, const struct http_result *result)
{
    struct s3_object *o = argument;
    struct exo_error err = {.code = EXO_OK};
    int verdict = judge(o, result, &err);

    o->call = NULL;
    if (verdict > 0 && loop_now_ns(o->s->loop) + o->wait_ns < o->give_up_ns) {
        o->tries++;
        loop_timer_start(o->timer, o->wait_ns, 0);
        o->wait_ns = o->wait_ns > wait_most_ns / 2 ? wait_most_ns : 2 * o->wait_ns;
        return;
    }
    /* The answer to an earlier try was lost: was it the one that made the object? */
    if (o->step == STEP_FINISH && o->tries > 0 && err.code == EXO_ENOTFOUND) {
        ask(o, STEP_LOOK);
        return;
    }
    if (o->step == STEP_READ && verdict == 0) {
        answer(o, result->body, NULL);
        return;
    }
    answer(o, (struct span){NULL, 0}, verdict == 0 ? NULL : &err);
}

static void request_try(void *argument)
{
    struct s3_object *o = argument;
    struct http_signer signer = {.region = o->s->region,
                                 .service = "s3",
                                 .access_key = o->s->access_key,
                                 .secret_key = o->s->secret_key};
    struct span body = o->step == STEP_WRITE || o->step == STEP_FINISH ? buffer_span(&o->body)
                                                                       : (struct span){NULL, 0};
    struct digest digest = sha256_of(body);
    struct exo_error err = {.code = EXO_OK};
    char url[URL_BYTES], hash[SHA256_TEXT_BYTES + 1], range[64];
    struct http_header headers[2] = {{"x-amz-content-sha256", hash}, {"Range", range}};

    url_make(o, url);
    digest_format(&digest, hash);
    (void)snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)o->at,
                   (unsigned long long)(o->at + o->count - 1));
    struct http_call_options options = {
        .method = method_of(o->step),
        .url = url,
        .headers = headers,
        .header_count = o->step == STEP_READ ? 2 : 1,
        .body = body,
        .signer = &signer,
        .response_bytes_max = READ_BYTES + (1 << 16),
        .timeout_ns = call_limit_ns,
        .on_done = on_call,
        .argument = o,
    };

    o->call = http_call_start(o->s->client, &options, &err);
    if (o->call == NULL) {
        answer(o, (struct span){NULL, 0}, &err); /* from the timer: not inside the user's call */
    }
}

/* ---- the driver ---- */

static struct object *s3_open(struct object_store *store, const char *key, object_done *done,
                              void *argument)
{
    struct s3_store *s = (struct s3_store *)store;
    struct s3_object *o = calloc(1, sizeof(*o));

    if (o == NULL) {
        abort();
    }
    o->object = (struct object){&s3_driver, done, argument};
    o->s = s;
    o->timer = loop_timer_new(s->loop, request_try, o);
    buffer_init(&o->body, allocator_heap(&o->budget), 0);
    (void)snprintf(o->url, sizeof(o->url), "%s%s", s->base, key);
    o->next = s->objects;
    if (s->objects != NULL) {
        s->objects->previous = o;
    }
    s->objects = o;
    return &o->object;
}

static void s3_begin(struct object *object)
{
    struct s3_object *o = (struct s3_object *)object;

    o->tags = calloc(PARTS_MAX, sizeof(*o->tags));
    if (o->tags == NULL) {
        abort();
    }
    ask(o, STEP_BEGIN);
}

static void s3_write(struct object *object, struct span bytes)
{
    struct s3_object *o = (struct s3_object *)object;

    assert(o->tag_count < PARTS_MAX); /* 8 GB, above the limit of a blob */
    buffer_reset(&o->body);
    buffer_append(&o->body, bytes);
    if (o->body.is_failed) {
        abort();
    }
    ask(o, STEP_WRITE);
}

static void s3_finish(struct object *object)
{
    struct s3_object *o = (struct s3_object *)object;
    char part[TAG_BYTES + 128];

    buffer_reset(&o->body);
    buffer_text(&o->body, "<CompleteMultipartUpload>");
    for (uint32_t i = 0; i < o->tag_count; i++) {
        (void)snprintf(part, sizeof(part),
                       "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>", i + 1,
                       o->tags[i]);
        buffer_text(&o->body, part);
    }
    buffer_text(&o->body, "</CompleteMultipartUpload>");
    ask(o, STEP_FINISH);
}

static void s3_read(struct object *object, uint64_t offset, size_t bytes)
{
    struct s3_object *o = (struct s3_object *)object;

    o->at = offset;
    o->count = bytes;
    ask(o, STEP_READ);
}

static void s3_remove(struct object *object)
{
    ask((struct s3_object *)object, STEP_REMOVE);
}

static void on_undone(void *argument, const struct http_result *result)
{
    (void)argument; /* what was not undone stays as parts of no object: the bucket's lifecycle */
    (void)result;
}

/* Asks for the parts to be thrown away; nobody waits for the answer. */
static void undo(const struct s3_object *o)
{
    struct http_signer signer = {.region = o->s->region,
                                 .service = "s3",
                                 .access_key = o->s->access_key,
                                 .secret_key = o->s->secret_key};
    struct digest digest = sha256_of((struct span){NULL, 0});
    char url[URL_BYTES], hash[SHA256_TEXT_BYTES + 1];
    struct http_header header = {"x-amz-content-sha256", hash};
    struct exo_error err;

    digest_format(&digest, hash);
    (void)snprintf(url, sizeof(url), "%s?uploadId=%s", o->url, o->id);
    struct http_call_options options = {
        .method = "DELETE",
        .url = url,
        .headers = &header,
        .header_count = 1,
        .signer = &signer,
        .on_done = on_undone,
    };

    if (http_call_start(o->s->client, &options, &err) == NULL) {
        return; /* as on_undone */
    }
}

static void s3_drop(struct object *object)
{
    struct s3_object *o = (struct s3_object *)object;

    http_call_cancel(o->call);
    if (o->id[0] != '\0') {
        undo(o);
    }
    *(o->previous != NULL ? &o->previous->next : &o->s->objects) = o->next;
    if (o->next != NULL) {
        o->next->previous = o->previous;
    }
    loop_timer_free(o->timer);
    buffer_release(&o->body);
    free(o->tags);
    free(o);
}

static void s3_close(struct object_store *store)
{
    struct s3_store *s = (struct s3_store *)store;

    assert(s->objects == NULL); /* blobs_close has dropped all */
    http_client_close(s->client);
    explicit_bzero(s, sizeof(*s));
    free(s);
}

static const struct object_driver s3_driver = {
    .write_bytes = WRITE_BYTES,
    .read_bytes = READ_BYTES,
    .close = s3_close,
    .open = s3_open,
    .begin = s3_begin,
    .write = s3_write,
    .finish = s3_finish,
    .read = s3_read,
    .remove = s3_remove,
    .drop = s3_drop,
};
