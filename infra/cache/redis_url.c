#include "infra/cache/redis_url.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "schemas/vocab/span.h"

enum { PORT_DEFAULT = 6379 };

static int refuse(struct exo_error *err, const char *what)
{
    return exo_error_set(err, EXO_EINVALID,
                         "the URL of Redis %s; it looks like redis://[user:password@]host:6379/0",
                         what);
}

static bool read_number(struct span text, uint32_t max, uint16_t *ret_number)
{
    const char *bytes = text.data;
    uint32_t number = 0;

    if (text.bytes == 0 || text.bytes > 5) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (bytes[i] < '0' || bytes[i] > '9') {
            return false;
        }
        number = number * 10 + (uint32_t)(bytes[i] - '0');
    }
    if (number > max) {
        return false;
    }
    *ret_number = (uint16_t)number;
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copies with %XX undone; false for a bad escape, a NUL, or a text that is too long. */
static bool unescape(struct span text, char *ret_text, size_t cap)
{
    const char *bytes = text.data;
    size_t length = 0;

    for (size_t i = 0; i < text.bytes; i++) {
        char c = bytes[i];

        if (c == '%') {
            if (i + 2 >= text.bytes || hex_value(bytes[i + 1]) < 0 || hex_value(bytes[i + 2]) < 0) {
                return false;
            }
            c = (char)(hex_value(bytes[i + 1]) * 16 + hex_value(bytes[i + 2]));
            i += 2;
        }
        if (c == '\0' || length + 1 >= cap) {
            return false;
        }
        ret_text[length++] = c;
    }
    ret_text[length] = '\0';
    return true;
}

/* The text before a separator; *rest moves behind it. Without one: false, nothing changes. */
static bool cut(struct span *rest, const char *at, struct span *ret_before)
{
    if (at == NULL) {
        return false;
    }
    const char *start = rest->data;
    size_t before = (size_t)(at - start);

    *ret_before = (struct span){start, before};
    *rest = (struct span){at + 1, rest->bytes - before - 1};
    return true;
}

static const char *find(struct span text, char c)
{
    return text.bytes == 0 ? NULL : memchr(text.data, c, text.bytes);
}

static const char *find_last(struct span text, char c)
{
    return text.bytes == 0 ? NULL : memrchr(text.data, c, text.bytes);
}

static int read_login(struct span login, struct redis_url *url, struct exo_error *err)
{
    struct span user = {NULL, 0};

    if (!cut(&login, find(login, ':'), &user)) {
        user = login;
        login = (struct span){NULL, 0};
    }
    if (!unescape(user, url->user, sizeof(url->user)) ||
        !unescape(login, url->password, sizeof(url->password))) {
        return refuse(err, "has a user or password that is too long or has a bad %XX in it");
    }
    return 0;
}

static int read_place(struct span place, struct redis_url *url, struct exo_error *err)
{
    struct span host = place;
    struct span port = {NULL, 0};
    const char *bytes = place.data;

    if (place.bytes > 0 && bytes[0] == '[') {
        const char *end = find(place, ']');

        if (end == NULL) {
            return refuse(err, "has a '[' without a ']'");
        }
        host = (struct span){bytes + 1, (size_t)(end - bytes) - 1};
        size_t rest = place.bytes - (size_t)(end - bytes) - 1;

        if (rest > 0 && end[1] != ':') {
            return refuse(err, "has something between the address and the port");
        }
        if (rest > 0) {
            port = (struct span){end + 2, rest - 1};
        }
    } else if (cut(&place, find(place, ':'), &host)) {
        port = place;
    }
    if (host.bytes == 0 || host.bytes >= sizeof(url->host)) {
        return refuse(err, "names no host");
    }
    memcpy(url->host, host.data, host.bytes);
    url->host[host.bytes] = '\0';
    url->port = PORT_DEFAULT;
    if (port.data != NULL && (!read_number(port, UINT16_MAX, &url->port) || url->port == 0)) {
        return refuse(err, "has a bad port");
    }
    return 0;
}

int redis_url_parse(const char *text, struct redis_url *ret_url, struct exo_error *err)
{
    static const char scheme[] = "redis://";
    struct redis_url url = {.db = 0};
    struct span login = {NULL, 0};
    struct span place = {NULL, 0};

    if (text != NULL && strncmp(text, "rediss://", 9) == 0) {
        return exo_error_set(err, EXO_EINVALID,
                             "rediss:// asks for TLS, which this build's hiredis does not have; "
                             "use redis:// on a private network or through a TLS tunnel");
    }
    if (text == NULL || strncmp(text, scheme, sizeof(scheme) - 1) != 0) {
        return refuse(err, "does not begin with redis://");
    }
    struct span rest = span_of(text + sizeof(scheme) - 1);

    /* The last @: a password may hold one that was not escaped. */
    if (cut(&rest, find_last(rest, '@'), &login) && read_login(login, &url, err) != 0) {
        return -1;
    }
    bool has_db = cut(&rest, find(rest, '/'), &place);

    if (!has_db) {
        place = rest;
    } else if (rest.bytes > 0 && !read_number(rest, UINT16_MAX, &url.db)) {
        return refuse(err, "has a bad database number");
    }
    if (read_place(place, &url, err) != 0) {
        return -1;
    }
    *ret_url = url;
    return 0;
}
