#include "producer/core/output_page.h"

bool output_page_add(struct output_page *page, struct span body, struct arena *arena)
{
    const struct wire_output *outputs;
    uint32_t count;

    if (wire_outputs_unpack(body, arena, &outputs, &count) != WIRE_OK) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (outputs[i].outcome == OUTCOME_SUCCEEDED) {
            page->outputs[outputs[i].index % WIRE_PAGE_TASKS] = outputs[i];
            page->has_output[outputs[i].index % WIRE_PAGE_TASKS] = true;
        }
    }
    return true;
}

struct span output_json(const struct wire_output *output)
{
    return output->json.bytes == 0 ? span_of("null") : output->json;
}
