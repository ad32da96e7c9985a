/* closed: what a run of a closed group (a cluster used as a satellite) is given: `input` of the
 * group, evaluated where the group stands, checked against what the used cluster declares. Kept
 * with the run: what it was computed from may be gone when the run is read again. Pure. */
#include "scheduler/core/sched_state.h"
#include "schemas/json/json_write.h"

enum { FAULTS_TOLD = 1 };

static enum run_input refuse(struct buffer *text, const char *path, const char *why)
{
    buffer_reset(text);
    buffer_text(text, path);
    buffer_text(text, ": ");
    buffer_text(text, why);
    return RUN_INPUT_REFUSED;
}

static enum run_input check(struct sched *s, const struct satellite *group,
                            const struct value *value, struct buffer *text)
{
    const struct input_declaration declared = satellite_inputs(group);
    struct fault_list faults;
    struct value checked;

    fault_list_init(&faults, &s->scratch, FAULTS_TOLD);
    if (input_check(&declared, value, &s->scratch, &checked, &faults) != 0) {
        const struct fault *first = faults.first;

        return refuse(text, first == NULL ? "input" : first->path,
                      first == NULL ? "it needs too much memory" : first->text);
    }
    json_write(text, &checked);
    return text->bytes > LIMIT_INLINE_BYTES
               ? refuse(text, "input", "it is above 64 KiB; hand larger data over by where it lies")
               : RUN_INPUT_READY;
}

enum run_input closed_input(struct sched *s, struct instance *group, uint32_t index,
                            struct buffer *text)
{
    struct scope scope = {
        .sched = s, .frame = group->frame, .user = group, .is_of_run = true, .run = index};
    enum run_input result = RUN_INPUT_WAITS;
    struct expression_error error;
    struct value value;

    switch (scope_eval_template(&scope, group->satellite->work.input_template, &value, &error)) {
    case EXPRESSION_OK:
        result = check(s, group->satellite, &value, text);
        break;
    case EXPRESSION_EPENDING:
        waiter_wait(s, &group->waiter, group->frame, &scope);
        break;
    case EXPRESSION_ESYNTAX:
    case EXPRESSION_EUNSUPPORTED:
    case EXPRESSION_ENAME:
    case EXPRESSION_ETYPE:
    case EXPRESSION_EMISSING:
    case EXPRESSION_EARITHMETIC:
    case EXPRESSION_EVALUE:
    case EXPRESSION_EFAILED:
    case EXPRESSION_ELIMIT:
    case EXPRESSION_EMEMORY:
        result = refuse(text, "input", error.text);
        break;
    }
    arena_reset(&s->scratch);
    s->is_broken = s->is_broken || text->is_failed;
    return result;
}
