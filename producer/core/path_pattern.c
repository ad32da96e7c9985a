#include "producer/core/path_pattern.h"

#include <assert.h>

bool path_match(const char *pattern, const char *path, struct path_parameters *ret)
{
    struct path_parameters found = {.count = 0};

    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++) {
                return false;
            }
            continue;
        }
        size_t bytes = strcspn(path, "/");

        if (bytes == 0) {
            return false;
        }
        assert(found.count < PATH_PARAMETERS_MAX);
        found.values[found.count++] = (struct span){path, bytes};
        path += bytes;
        pattern = strchr(pattern, '}') + 1;
    }
    if (*path != '\0') {
        return false;
    }
    *ret = found;
    return true;
}
