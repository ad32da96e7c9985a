#include "producer/core/command_fit.h"

/* As the scheduler keeps (scheduler/core/wait.c). */
enum { SIGNALS_KEPT_MAX = 64, SIGNALS_NAMED = 8 };

static enum command_fit conflict_with_execution(const struct command_facts *facts,
                                                struct fault_text *text)
{
    if (facts->execution == EXECUTION_CANCELLING) {
        fault_text_add(text, "the execution is being ended: nothing more can be asked of it");
    } else {
        fault_text_add(text, "the execution has already ended: %s; rerun it, or start another one",
                       execution_state_name(facts->execution));
    }
    return FIT_CONFLICT;
}

static bool is_open(const struct command_facts *facts)
{
    return facts->execution != EXECUTION_CANCELLING &&
           !execution_state_is_terminal(facts->execution);
}

/* ---- the execution ---- */

/* No satellite before it waits for the same signal. */
static bool is_first_of(const struct cluster *cluster, uint32_t index, struct span signal)
{
    for (uint32_t i = 0; i < index; i++) {
        if (span_equal(cluster->satellites[i].wait.signal, signal)) {
            return false;
        }
    }
    return true;
}

/* The signals that the cluster waits for. */
static enum command_fit unknown_signal(const struct command_facts *facts, struct fault_text *text)
{
    const struct cluster *cluster = facts->cluster;
    uint32_t named = 0;

    fault_text_add(text, "no satellite of the cluster waits for a signal %q", facts->signal);
    for (uint32_t i = 0; i < cluster->satellite_count && named < SIGNALS_NAMED; i++) {
        struct span signal = cluster->satellites[i].wait.signal;

        if (signal.bytes > 0 && is_first_of(cluster, i, signal)) {
            fault_text_add(text, "%s%q", named == 0 ? "; there is " : ", ", signal);
            named++;
        }
    }
    return FIT_UNKNOWN;
}

static enum command_fit fit_signal(const struct command_facts *facts, struct fault_text *text)
{
    const struct cluster *cluster = facts->cluster;
    bool is_known = false;

    for (uint32_t i = 0; i < cluster->satellite_count; i++) {
        is_known = is_known || span_equal(cluster->satellites[i].wait.signal, facts->signal);
    }
    if (!is_known) {
        return unknown_signal(facts, text);
    }
    if (!is_open(facts)) {
        return conflict_with_execution(facts, text);
    }
    if (facts->signals_kept >= SIGNALS_KEPT_MAX) {
        fault_text_add(text,
                       "%u signals wait for satellites that have not begun to wait; send it when "
                       "some of them have been taken",
                       facts->signals_kept);
        return FIT_CONFLICT;
    }
    return FIT_SEND;
}

static enum command_fit fit_execution(const struct command_facts *facts, struct fault_text *text)
{
    bool is_paused = facts->execution == EXECUTION_PAUSED;

    if (facts->kind == COMMAND_CANCEL) {
        if (facts->execution == EXECUTION_CANCELLED) {
            return FIT_DONE;
        }
        return execution_state_is_terminal(facts->execution) ? conflict_with_execution(facts, text)
                                                             : FIT_SEND;
    }
    if (facts->kind == COMMAND_SIGNAL) {
        return fit_signal(facts, text);
    }
    if (!is_open(facts)) {
        return conflict_with_execution(facts, text);
    }
    if (facts->kind == COMMAND_PRIORITY) {
        return facts->priority == facts->wanted_priority ? FIT_DONE : FIT_SEND;
    }
    return (facts->kind == COMMAND_PAUSE) == is_paused ? FIT_DONE : FIT_SEND;
}

/* ---- a satellite or task ---- */

static enum command_fit conflict(const struct command_facts *facts, struct fault_text *text,
                                 const char *why)
{
    char name[TASK_PATH_BYTES];

    task_path_format(facts->path->of_satellite, facts->path->has_index, facts->path->index, name);
    fault_text_add(text, "%q is %s: %s", span_of(name), task_state_name(facts->state), why);
    return FIT_CONFLICT;
}

/* A task can be ended by hand once its item is in the store. */
static bool is_unwritten(const struct command_facts *facts)
{
    return facts->path->has_index && facts->path->index >= facts->instance->cursor;
}

static const char unwritten[] =
    "its list is still being written to the store; ask again in a moment";

static enum command_fit fit_cancel(const struct command_facts *facts, struct fault_text *text)
{
    if (facts->state == TASK_CANCELLED) {
        return FIT_DONE;
    }
    if (task_state_is_terminal(facts->state)) {
        return conflict(facts, text, "it has already ended");
    }
    return is_unwritten(facts) ? conflict(facts, text, unwritten) : FIT_SEND;
}

static enum command_fit fit_retry(const struct command_facts *facts, struct fault_text *text)
{
    if (facts->state == TASK_BACKOFF) {
        return FIT_SEND;
    }
    if (facts->state == TASK_READY || task_state_is_active(facts->state)) {
        return FIT_DONE; /* its next try is under way */
    }
    return conflict(facts, text,
                    facts->state == TASK_WAITING
                        ? "it has not been tried yet"
                        : "only a task in BACKOFF can be tried again; rerun the execution once it "
                          "has ended");
}

static enum command_fit fit_skip(const struct command_facts *facts, struct fault_text *text)
{
    bool is_wait = facts->path->satellite->kind == SATELLITE_WAIT;

    if (facts->state == TASK_SUCCEEDED && facts->is_same_output) {
        return FIT_DONE;
    }
    if (task_state_is_terminal(facts->state)) {
        return conflict(facts, text, "it has already ended, with another result");
    }
    if (facts->state == TASK_WAITING || (is_wait && facts->state != TASK_RUNNING)) {
        return conflict(facts, text, "it has not begun; skip it when what it waits for has ended");
    }
    return is_unwritten(facts) ? conflict(facts, text, unwritten) : FIT_SEND;
}

static enum command_fit fit_approval(const struct command_facts *facts, struct fault_text *text)
{
    const struct satellite *satellite = facts->path->satellite;
    enum task_state end = facts->kind == COMMAND_APPROVE ? TASK_SUCCEEDED : TASK_FAILED;

    if (satellite->kind != SATELLITE_WAIT || !satellite->wait.is_approval) {
        return conflict(facts, text, "nobody is asked to approve it; `wait: {approval: ...}` is");
    }
    if (facts->state == end) {
        return FIT_DONE;
    }
    if (task_state_is_terminal(facts->state)) {
        return conflict(facts, text,
                        facts->state == TASK_SUCCEEDED || facts->state == TASK_FAILED
                            ? "it has been decided already"
                            : "it has ended, and can be decided no more");
    }
    return facts->state == TASK_RUNNING
               ? FIT_SEND
               : conflict(facts, text, "nobody is asked yet; decide when it is RUNNING");
}

static enum command_fit fit_state(const struct command_facts *facts, struct fault_text *text)
{
    if (facts->kind == COMMAND_CANCEL) {
        return fit_cancel(facts, text);
    }
    if (!task_path_is_task(facts->path)) {
        return conflict(facts, text, "it is a map; name one of its tasks by its index");
    }
    if (facts->kind == COMMAND_RETRY) {
        return fit_retry(facts, text);
    }
    return facts->kind == COMMAND_SKIP ? fit_skip(facts, text) : fit_approval(facts, text);
}

static enum command_fit fit_target(const struct command_facts *facts, struct fault_text *text)
{
    enum command_fit fit = fit_state(facts, text);

    bool is_ending = facts->execution == EXECUTION_CANCELLING && !facts->path->satellite->is_final;

    if (fit != FIT_SEND) {
        return fit;
    }
    if (execution_state_is_terminal(facts->execution)) {
        return conflict_with_execution(facts, text);
    }
    if (facts->is_stopped || is_ending) {
        return facts->kind == COMMAND_CANCEL ? FIT_DONE
                                             : conflict(facts, text, "it is being ended");
    }
    return FIT_SEND;
}

enum command_fit command_fit(const struct command_facts *facts, struct fault_text *text)
{
    *text = (struct fault_text){.used = 0};
    return facts->path == NULL ? fit_execution(facts, text) : fit_target(facts, text);
}
