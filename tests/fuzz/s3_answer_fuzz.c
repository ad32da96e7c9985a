/* Any bytes as the answer of an S3-compatible store: no crash, and what is found is a C string. */
#include "infra/blob/s3_answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char *const names[] = {"UploadId", "Code", "Message"};
    char text[64];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (s3_answer_element((struct span){data, bytes}, names[i], text, sizeof(text)) &&
            (text[0] == '\0' || strnlen(text, sizeof(text)) == sizeof(text))) {
            abort();
        }
    }
    return 0;
}
