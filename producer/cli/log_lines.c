#include "producer/cli/log_lines.h"

#include <assert.h>
#include <string.h>

void log_lines_begin(struct log_lines *lines, const struct cli *cli, const char *task,
                     const char *satellite, int64_t attempt)
{
    *lines =
        (struct log_lines){.cli = cli, .task = task, .satellite = satellite, .attempt = attempt};
    buffer_init(&lines->begun, cli->allocator, 0);
}

static void show(struct log_lines *lines)
{
    const struct value_member members[] = {
        {value_string(span_of("task")), value_string(span_of(lines->task))},
        {value_string(span_of("satellite")), value_string(span_of(lines->satellite))},
        {value_string(span_of("attempt")), value_int(lines->attempt)},
        {value_string(span_of("line")), value_int(++lines->shown)},
        {value_string(span_of("text")), value_string(buffer_span(&lines->begun))},
    };
    const struct value line = {
        .kind = VALUE_MAP, .count = sizeof(members) / sizeof(members[0]), .members = members};

    cli_show_next(lines->cli, &line);
    buffer_reset(&lines->begun);
}

void log_lines_add(struct log_lines *lines, struct span bytes)
{
    const unsigned char *at = bytes.data;
    size_t left = bytes.bytes;

    while (left > 0) {
        const unsigned char *end = memchr(at, '\n', left);
        size_t taken = end == NULL ? left : (size_t)(end - at);

        buffer_append(&lines->begun, (struct span){at, taken});
        assert(!lines->begun.is_failed); /* no bound but memory */
        if (end == NULL) {
            return;
        }
        show(lines);
        at += taken + 1;
        left -= taken + 1;
    }
}

void log_lines_end(struct log_lines *lines)
{
    if (lines->begun.bytes > 0) {
        show(lines);
    }
    buffer_release(&lines->begun);
}
