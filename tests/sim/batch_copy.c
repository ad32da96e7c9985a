/* batch_copy: what a client sends stays what it was when it was sent. */
#include "tests/sim/database.h"

static const char *text_copy(const char *text)
{
    return text == NULL ? NULL : sim_copy((struct span){text, strlen(text) + 1}).data;
}

static struct store_execution execution_copy(const struct store_execution *from)
{
    struct store_execution to = *from;

    to.project = text_copy(from->project);
    to.cluster = text_copy(from->cluster);
    to.state = text_copy(from->state);
    to.labels = sim_copy(from->labels);
    to.input = sim_copy(from->input);
    to.output = sim_copy(from->output);
    to.output_ref = sim_copy(from->output_ref);
    to.error = sim_copy(from->error);
    to.body = sim_copy(from->body);
    return to;
}

static const struct store_execution *executions_copy(const struct store_execution *from,
                                                     uint32_t count)
{
    struct store_execution *to = sim_alloc(count * sizeof(*to));

    for (uint32_t i = 0; i < count; i++) {
        to[i] = execution_copy(&from[i]);
    }
    return to;
}

static void letters_copy(const struct store_batch *from, struct store_batch *to)
{
    struct store_dead_letter *letters = sim_alloc(from->dead_letter_count * sizeof(*letters));

    for (uint32_t i = 0; i < from->dead_letter_count; i++) {
        letters[i] = from->dead_letters[i];
        letters[i].topic = text_copy(letters[i].topic);
        letters[i].reason = text_copy(letters[i].reason);
        letters[i].key = sim_copy(letters[i].key);
        letters[i].value = sim_copy(letters[i].value);
    }
    to->dead_letters = letters;
}

struct store_batch batch_copy(const struct store_batch *from)
{
    struct store_batch to = *from;
    struct store_definition *definitions = sim_alloc(from->definition_count * sizeof(*definitions));
    struct store_spanning *spanning = sim_alloc(from->spanning_count * sizeof(*spanning));
    struct store_run *runs = sim_alloc(from->run_count * sizeof(*runs));
    struct store_page *pages = sim_alloc(from->page_count * sizeof(*pages));
    struct store_segment *segments = sim_alloc(from->segment_count * sizeof(*segments));

    to.extra = sim_copy(from->extra);
    to.journal = sim_copy(from->journal);
    to.imprint = sim_copy(from->imprint);
    for (uint32_t i = 0; i < from->definition_count; i++) {
        definitions[i] = from->definitions[i];
        definitions[i].text = sim_copy(definitions[i].text);
    }
    for (uint32_t i = 0; i < from->spanning_count; i++) {
        spanning[i] = from->spanning[i];
        spanning[i].body = sim_copy(spanning[i].body);
    }
    for (uint32_t i = 0; i < from->run_count; i++) {
        runs[i] = from->runs[i];
        runs[i].body = sim_copy(runs[i].body);
    }
    for (uint32_t i = 0; i < from->page_count; i++) {
        pages[i] = from->pages[i];
        pages[i].body = sim_copy(pages[i].body);
    }
    for (uint32_t i = 0; i < from->segment_count; i++) {
        segments[i] = from->segments[i];
        segments[i].body = sim_copy(segments[i].body);
    }
    struct store_reference *references = sim_alloc(from->reference_count * sizeof(*references));

    for (uint32_t i = 0; i < from->reference_count; i++) {
        references[i] = from->references[i];
    }
    to.references = references;
    to.definitions = definitions;
    to.spanning = spanning;
    to.runs = runs;
    to.pages = pages;
    to.segments = segments;
    to.inserts = executions_copy(from->inserts, from->insert_count);
    to.updates = executions_copy(from->updates, from->update_count);
    letters_copy(from, &to);
    return to;
}
