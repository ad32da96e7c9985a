#include "producer/core/task_path.h"

enum { NUMBER_BYTES = 10 };

size_t task_number_format(uint32_t number, char *ret_digits)
{
    char digits[NUMBER_BYTES];
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

    if (text.bytes == 0 || text.bytes > NUMBER_BYTES || (digits[0] == '0' && text.bytes > 1)) {
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
    size_t room = TASK_PATH_BYTES - 1 - (1 + NUMBER_BYTES);
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

bool task_path_parse(const struct cluster *cluster, struct span text,
                     const struct satellite **ret_satellite, uint32_t *ret_index)
{
    const char *dot = text.bytes == 0 ? NULL : memchr(text.data, '.', text.bytes);
    struct span name = text;
    uint32_t index = 0;

    if (dot != NULL) {
        name.bytes = (size_t)(dot - (const char *)text.data);
        if (!task_number_parse((struct span){dot + 1, text.bytes - name.bytes - 1}, &index)) {
            return false;
        }
    }
    const struct satellite *satellite = cluster_find(cluster, SATELLITE_NONE, name);

    if (satellite == NULL || (satellite->for_each != NULL) != (dot != NULL)) {
        return false;
    }
    *ret_satellite = satellite;
    *ret_index = index;
    return true;
}
