#include "producer/core/task_path.h"

size_t task_number_format(uint32_t number, char *ret_digits)
{
    char digits[TASK_NUMBER_BYTES];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++) {
        ret_digits[i] = digits[count - 1 - i];
    }
    return count;
}

bool task_number_parse(struct span text, uint32_t *ret)
{
    const char *digits = text.data;
    uint64_t number = 0;

    if (text.bytes == 0 || text.bytes > TASK_NUMBER_BYTES || (digits[0] == '0' && text.bytes > 1)) {
        return false;
    }
    for (size_t i = 0; i < text.bytes; i++) {
        if (digits[i] < '0' || digits[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(digits[i] - '0');
    }
    if (number > UINT32_MAX) {
        return false;
    }
    *ret = (uint32_t)number;
    return true;
}

void task_path_format(struct span satellite, bool has_index, uint32_t index,
                      char ret_text[TASK_PATH_BYTES])
{
    size_t room = TASK_PATH_BYTES - 1 - (1 + TASK_NUMBER_BYTES);
    size_t bytes = satellite.bytes < room ? satellite.bytes : room;

    if (bytes > 0) {
        memcpy(ret_text, satellite.data, bytes);
    }
    if (has_index) {
        ret_text[bytes++] = '.';
        bytes += task_number_format(index, ret_text + bytes);
    }
    ret_text[bytes] = '\0';
}

/* Cuts the part before the next dot off. False where it is empty. */
static bool next_part(struct span *rest, struct span *ret_part)
{
    const char *text = rest->data;
    const char *dot = rest->bytes == 0 ? NULL : memchr(text, '.', rest->bytes);
    size_t bytes = dot == NULL ? rest->bytes : (size_t)(dot - text);

    *ret_part = (struct span){text, bytes};
    *rest = dot == NULL ? (struct span){NULL, 0} : (struct span){dot + 1, rest->bytes - bytes - 1};
    return bytes > 0;
}

/* The next satellite in the scope of the last run, and its index where it is a map and has one. */
static bool next_satellite(const struct cluster *cluster, struct span *rest, struct task_path *path)
{
    uint32_t scope =
        path->run_count == 0 ? SATELLITE_NONE : path->runs[path->run_count - 1].group->index;
    struct span part;

    if (!next_part(rest, &part)) {
        return false;
    }
    path->of_satellite.bytes =
        (size_t)((const char *)part.data + part.bytes - (const char *)path->of_satellite.data);
    path->satellite = cluster_find(cluster, scope, part);
    path->has_index = false;
    path->index = 0;
    if (path->satellite == NULL) {
        return false;
    }
    if (rest->data != NULL && path->satellite->for_each != NULL) {
        path->has_index = next_part(rest, &part) && task_number_parse(part, &path->index);
        return path->has_index;
    }
    return true;
}

bool task_path_parse(const struct cluster *cluster, struct span text, struct task_path *ret_path)
{
    struct task_path path = {.of_satellite = {text.data, 0}};
    struct span rest = text;

    for (;;) {
        if (!next_satellite(cluster, &rest, &path)) {
            return false;
        }
        if (rest.data == NULL) {
            *ret_path = path;
            return true;
        }
        if (path.satellite->kind != SATELLITE_GROUP || path.run_count == LIMIT_GROUP_DEPTH) {
            return false;
        }
        path.runs[path.run_count++] = (struct task_path_run){path.satellite, path.index};
    }
}

bool task_path_is_task(const struct task_path *path)
{
    return path->has_index == (path->satellite->for_each != NULL);
}
