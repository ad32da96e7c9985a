#include "workers/contract.h"

#include <stdio.h>
#include <string.h>

#include "schemas/cluster/control.h"
#include "schemas/cluster/output_schema.h"
#include "schemas/json/json_read.h"
#include "schemas/json/json_write.h"
#include "schemas/vocab/limits.h"

static enum contract_result output_faulty(char *ret_error, const char *code, const char *text)
{
    (void)snprintf(ret_error, CONTRACT_ERROR_BYTES, "%s: %s", code, text);
    return CONTRACT_FAULTY;
}

static bool is_blank(struct span text)
{
    const char *at = text.data;

    for (size_t i = 0; i < text.bytes; i++) {
        if (memchr(" \t\r\n", at[i], 4) == NULL) {
            return false;
        }
    }
    return true;
}

static enum contract_result output_read(const struct contract *contract, struct span text,
                                        struct arena *arena, struct buffer *json, char *ret_error)
{
    static const struct json_limits limits = {.text_bytes_max = LIMIT_OUTPUT_BYTES,
                                              .borrows_text = true};
    struct value value;
    struct json_error error;
    struct fault_list faults;

    if (json_read(text, &limits, arena, &value, &error) != JSON_OK) {
        (void)snprintf(ret_error, CONTRACT_ERROR_BYTES,
                       "OUTPUT_INVALID: the output is no JSON we take: line %u, column %u: %s",
                       error.line, error.column, error.text);
        return CONTRACT_FAULTY;
    }
    fault_list_init(&faults, arena, 5);
    if (contract->work.output_schema != NULL &&
        output_schema_apply(contract->work.output_schema, &value, &faults) != 0) {
        contract_faults_describe(&faults, "OUTPUT_SCHEMA", ret_error);
        return CONTRACT_FAULTY;
    }
    if (value.kind != VALUE_NULL) {
        json_write(json, &value);
    }
    if (json->is_failed) {
        return output_faulty(ret_error, "MEMORY", "the worker has no memory for the output");
    }
    return CONTRACT_OK;
}

static enum contract_result control_read(const struct contract *contract, struct span text,
                                         struct arena *arena, struct buffer *control,
                                         char *ret_error)
{
    static const struct json_limits limits = {.text_bytes_max = LIMIT_INLINE_BYTES,
                                              .borrows_text = true};
    struct satellite_control parsed;
    struct value value;
    struct json_error error;
    struct fault_list faults;

    if (json_read(text, &limits, arena, &value, &error) != JSON_OK) {
        (void)snprintf(ret_error, CONTRACT_ERROR_BYTES,
                       "CONTROL_INVALID: control.json is no JSON we take: line %u, column %u: %s",
                       error.line, error.column, error.text);
        return CONTRACT_FAULTY;
    }
    fault_list_init(&faults, arena, 5);
    if (control_parse(&value, contract->spec.is_map, arena, &parsed, &faults) != 0) {
        contract_faults_describe(&faults, "CONTROL_INVALID", ret_error);
        return CONTRACT_FAULTY;
    }
    json_write(control, &value);
    return control->is_failed
               ? output_faulty(ret_error, "MEMORY", "the worker has no memory for control.json")
               : CONTRACT_OK;
}

static enum contract_result control_judge(const struct contract *contract,
                                          const struct contract_result_files *files,
                                          struct arena *arena, struct buffer *control,
                                          char *ret_error)
{
    if (!files->has_control) {
        return CONTRACT_OK;
    }
    if (files->control_problem != NULL) {
        return output_faulty(ret_error, "CONTROL_INVALID", files->control_problem);
    }
    return control_read(contract, files->control, arena, control, ret_error);
}

enum contract_result contract_judge(const struct contract *contract,
                                    const struct contract_result_files *files, struct buffer *json,
                                    struct buffer *control, char *ret_error)
{
    const struct satellite_work *work = &contract->work;
    struct heap_budget budget = {.limit_bytes = 16 * (size_t)LIMIT_OUTPUT_BYTES};
    struct arena arena;
    bool has_output = files->has_output && work->output != OUTPUT_NONE &&
                      !(work->output == OUTPUT_STDOUT && is_blank(files->output));

    arena_init(&arena, allocator_heap(&budget), 0);
    enum contract_result judged = control_judge(contract, files, &arena, control, ret_error);

    arena_release(&arena);
    if (judged != CONTRACT_OK) {
        return judged;
    }
    if (files->output_problem != NULL) {
        return output_faulty(ret_error, "OUTPUT_INVALID", files->output_problem);
    }
    if (!has_output) {
        return work->output_schema == NULL
                   ? CONTRACT_OK
                   : output_faulty(ret_error, "OUTPUT_MISSING",
                                   "the satellite declares an output_schema but left no output; "
                                   "write /exosphere/output.json");
    }
    if (files->output.bytes > LIMIT_OUTPUT_BYTES) {
        return output_faulty(ret_error, "OUTPUT_TOO_LARGE",
                             "the output is above 8 MiB; write large results elsewhere and name "
                             "them in the output");
    }
    arena_init(&arena, allocator_heap(&budget), 0);
    enum contract_result result = output_read(contract, files->output, &arena, json, ret_error);

    arena_release(&arena);
    return result;
}
