/* submit: a request's body becomes a Job, or all its faults at once.
 *
 *   {cluster, input, labels, idempotency_key, project} --submit_read--> struct submission
 *                                                       --submit_job--> struct wire_job
 *
 * A body that names stored definitions (a cluster by name, or satellites it uses) is read twice:
 * first to learn what is to be looked up, then with what the store has.
 *
 * The door of every submission. Reads the body once; a cluster whose very bytes the book has seen
 * is not read again.
 *
 * Pure. */
#ifndef EXO_PRODUCER_SUBMIT_H
#define EXO_PRODUCER_SUBMIT_H

#include "producer/core/cluster_book.h"
#include "schemas/cluster/uses.h"
#include "schemas/vocab/ids.h"
#include "schemas/wire/job.h"

enum { SUBMIT_KEY_BYTES_MAX = 200 };

/* A body that was found good. Lives in the arena of its reading. */
struct submission {
    struct book_entry *entry; /* the book's; valid until its next book_get unless held */
    struct span input;        /* JSON object as it was given; empty: none */
    const struct wire_pair *labels;
    uint32_t label_count;
    const char *idempotency_key; /* NULL: none */
    int64_t start_at_ms;         /* since 1970, before which nothing begins; 0: at once */
    struct span rerun_of;        /* id of the old execution, whose cluster entry is; empty: none */
    struct span rerun_from;      /* a satellite; empty: what failed */
    /* What of the store it names; NULL: nothing. Set by SUBMIT_WANTS; its texts, numbers and
     * problems are to be filled in before submit_read is called again. */
    struct uses_set *wanted;
    struct span written; /* with wanted: the cluster as it was written, for what must be the same
                          * whatever the newest versions are by then */
};

enum submit_result {
    SUBMIT_WANTS = 1, /* look up what ret->wanted lists, then read again */
    SUBMIT_OK = 0,
    SUBMIT_EMALFORMED = -1, /* no JSON we take: faults say why */
    SUBMIT_EFAULTS = -2,    /* JSON with faults */
};

/* submit_read reads and checks one submission.
 *
 * book    borrowed
 * text    the body, or a line of it; borrowed, and by *ret as long as it is used
 * arena   borrowed; what *ret points to lives there
 * ret     in: zeroed, or with what SUBMIT_WANTS left, filled in. Out; untouched on failure
 * faults  borrowed; every fault at once, with places in the text. Its arena may be the same
 *
 * Cost O(bytes), and of a cluster not seen before what cluster_parse costs. */
EXO_CHECKED enum submit_result submit_read(struct book *book, struct span text, struct arena *arena,
                                           struct submission *ret, struct fault_list *faults);

/* submit_job names the parts of a submission as a Job without id and time; borrows them. */
struct wire_job submit_job(const struct submission *submission);

/* submit_check_cluster adds the faults and warnings of a cluster (what stands under `cluster:`) to
 * faults, with the places its value knows; gives the compiled cluster, or NULL with errors.
 * root     kept as long as the cluster
 * project  C string or NULL */
EXO_CHECKED const struct cluster *submit_check_cluster(const struct value *root,
                                                       const char *project, struct arena *arena,
                                                       struct fault_list *faults);

#endif /* EXO_PRODUCER_SUBMIT_H */
