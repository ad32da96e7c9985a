/* regex_fuzz: any bytes as a pattern, a NUL, and a text. A pattern that compiles is within its
 * limits and says the same of a text twice; one that does not says why. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schemas/regex/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_found(const struct regex *regex, struct span text)
{
    bool is_found = regex_find(regex, text);

    assert(regex_find(regex, text) == is_found);
    assert(regex_size(regex) > 0 && regex_size(regex) < REGEX_BYTES_MAX / 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size == 0 ? NULL : memchr(data, 0, size);
    size_t bytes = end == NULL ? size : (size_t)(end - data);
    struct span text = {end == NULL ? NULL : end + 1, end == NULL ? 0 : size - bytes - 1};
    char reason[REGEX_TEXT_BYTES] = "";
    struct regex *regex = NULL;

    if (regex_new((struct span){data, bytes}, &regex, reason) != REGEX_OK) {
        assert(regex == NULL && reason[0] != '\0');
        return 0;
    }
    check_found(regex, text);
    regex_free(regex);
    return 0;
}
