#include "schemas/cluster/closed.h"

#include "schemas/cluster/cluster_input.h"
#include "schemas/cluster/uses_input.h"
#include "schemas/cluster/version_reference.h"

/* Of the cluster that is used: nothing a person writes beside its name. */
static void refuse_inner(struct cluster_draft *draft, const struct satellite_notes *notes,
                         const struct value *given, const char *field)
{
    const struct value_place place = {.up = &notes->place, .key = span_of(field)};

    if (given != NULL) {
        field_fault(&draft->reader, given, &place, "remove it", "%q is that of the cluster it uses",
                    place.key);
    }
}

static void check_written_out(struct cluster_draft *draft, const struct satellite *satellite,
                              const struct satellite_notes *notes)
{
    const struct value_place uses = {.up = &notes->place, .key = span_of("uses")};
    const struct value_place inner = {.up = &notes->place, .key = span_of("satellites")};
    struct version_reference reference;

    if (satellite->uses.bytes == 0 || version_uses_parse(satellite->uses, &reference) != NULL) {
        return; /* told */
    }
    if (notes->inner == NULL) {
        refuse_inner(draft, notes, notes->inputs, "inputs");
        refuse_inner(draft, notes, satellite->output_source, "output");
        if (!draft->allows_uses) {
            field_fault(&draft->reader, value_get(notes->source, uses.key), &uses,
                        "send the cluster through the API", "%q was not looked up in the store",
                        satellite->uses);
        }
    } else if (reference.number == 0) {
        field_fault(&draft->reader, notes->inner, &inner,
                    "remove it; or name the version, where it has been written out already",
                    "%q stands beside `uses`", inner.key);
    }
}

void closed_finish(struct cluster_draft *draft, struct satellite *satellite,
                   const struct satellite_notes *notes)
{
    const struct value_place inputs = {.up = &notes->place, .key = span_of("inputs")};
    const struct value_place input = {.up = &notes->place, .key = span_of("input")};
    const struct value *given = value_get(notes->source, span_of("input"));
    struct input_declaration declared = {.is_declared = false};
    struct value ignored; /* a run fills in what is missing */

    check_written_out(draft, satellite, notes);
    cluster_input_read(draft, notes->inputs, &inputs, &declared);
    satellite->has_inputs = declared.is_declared;
    satellite->input_count = declared.count;
    satellite->inputs = declared.inputs;
    if (given != NULL && given->kind == VALUE_STRING) {
        return; /* one expression that gives the map, or a fault where templates are read */
    }
    if (given != NULL && !field_is_kind(&draft->reader, given, &input, VALUE_MAP)) {
        return;
    }
    const struct uses_target target = {declared, "cluster that is used"};

    bool is_good =
        uses_arguments(&draft->reader, &target, given, notes->source, &notes->place, &ignored);

    (void)is_good; /* its faults are all that is wanted */
}
