/* limits: the bounds of interfaces.md 6. Each is a default; settings may lower it.
 *
 * Pure. */
#ifndef EXO_VOCAB_LIMITS_H
#define EXO_VOCAB_LIMITS_H

enum {
    LIMIT_BODY_BYTES = 4 << 20,    /* a request */
    LIMIT_CLUSTER_BYTES = 1 << 20, /* a cluster file */
    LIMIT_SATELLITES = 10000,      /* of a cluster */
    LIMIT_GROUP_DEPTH = 8,
    LIMIT_JSON_DEPTH = 32,
    LIMIT_EXPRESSION_BYTES = 4 << 10,
    LIMIT_NAME_BYTES = 63,
    LIMIT_ENV_BYTES = 32 << 10,      /* names and values of a satellite together */
    LIMIT_INLINE_BYTES = 64 << 10,   /* a value above it travels by reference */
    LIMIT_LIST_LOAD_BYTES = 1 << 20, /* a value by reference above it is never loaded */
    LIMIT_MAP_LIST_BYTES = 8 << 20,  /* the same of the list of a map */
    LIMIT_OUTPUT_BYTES = 8 << 20,    /* output.json of an attempt */
    LIMIT_PROGRESS_BYTES = 512,      /* what an attempt says of its progress, as it travels */
    LIMIT_ARTEFACT_BYTES = 1 << 30,  /* files of an attempt's artefacts, and their package */
    LIMIT_ARTEFACT_FILES = 10000,
    LIMIT_ARTEFACT_PATH_BYTES = 1024,
    LIMIT_ARTEFACT_MAP_TASKS = 1000, /* whose artefacts a satellite may see at once */
    LIMIT_LOG_BYTES = 16 << 20,      /* of an attempt; first and last half kept */
    LIMIT_TASKS = 1000000,           /* of an execution, in maps and groups */
    LIMIT_LABELS = 32,
    LIMIT_LABEL_BYTES = 63,        /* of a key, and of a value */
    LIMIT_SUBMIT_LINES = 1000,     /* of an NDJSON submission */
    LIMIT_STEP_TASKS = 4096,       /* changed by one step of a shard */
    LIMIT_KEY_WAITING = 10000,     /* executions that wait for one key */
    LIMIT_BATCH_SIZE = 1000,       /* tasks that one container runs together */
    LIMIT_BATCH_BYTES = 512 << 10, /* of their inputs */
    LIMIT_LOSSES = 10,             /* attempts of a task lost to us before INFRASTRUCTURE */
};

#endif /* EXO_VOCAB_LIMITS_H */
