#include "schemas/cluster/input_pattern.h"

#include "schemas/regex/regex.h"

enum { PATTERN_COST = 20 /* beside one an instruction, as for patterns of matches() */ };

static void fault_syntax(struct field_reader *r, const struct value *at,
                         const struct value_place *place, enum regex_err err, const char *why)
{
    if (err == REGEX_EMEMORY) {
        r->is_out_of_memory = true;
    } else if (err == REGEX_ELIMIT) {
        field_fault(r, at, place, "write a smaller one", "%s", why);
    } else {
        field_fault(r, at, place, "`pattern` takes the syntax of RE2", "no pattern of RE2: %s",
                    why);
    }
}

static bool check_cost(struct field_reader *r, const struct value *at,
                       const struct value_place *place, size_t instructions, uint64_t *cost_left)
{
    uint64_t cost = PATTERN_COST + instructions;

    if (instructions > INPUT_PATTERN_INSTRUCTIONS_MAX) {
        field_fault(r, at, place, "write a smaller one: {n,m} counts as many times",
                    "the pattern has %u instructions when compiled, more than the limit of %u",
                    (unsigned)instructions, (unsigned)INPUT_PATTERN_INSTRUCTIONS_MAX);
        return false;
    }
    if (cost > *cost_left) {
        field_fault(r, at, place, "use fewer or smaller ones",
                    "the patterns cost more together than the limit of what is checked");
        return false;
    }
    *cost_left -= cost;
    return true;
}

bool input_pattern_check(struct field_reader *r, const struct cluster_input *input,
                         const struct value *at, const struct value_place *place,
                         uint64_t *cost_left)
{
    struct regex *regex;
    char why[REGEX_TEXT_BYTES];

    if (input->type != INPUT_STRING) {
        field_fault(r, at, place, "write type: string, or remove it", "%q is for strings only",
                    place->key);
        return false;
    }
    enum regex_err err = regex_new(input->pattern, &regex, why);

    if (err != REGEX_OK) {
        fault_syntax(r, at, place, err, why);
        return false;
    }
    size_t instructions = regex_size(regex);

    regex_free(regex);
    return check_cost(r, at, place, instructions, cost_left);
}

bool input_pattern_fits(struct field_reader *r, struct span pattern, struct span text)
{
    struct regex *regex;
    char why[REGEX_TEXT_BYTES];

    if (regex_new(pattern, &regex, why) != REGEX_OK) {
        r->is_out_of_memory = true; /* its text has been checked */
        return false;
    }
    bool fits = regex_find(regex, text);

    regex_free(regex);
    return fits;
}
