/* reading: an execution read from the store for an answer.
 *
 *   id --reading_begin--> found: row copied, cluster and body unpacked --> done(x, execution)
 *                         unknown: wait until its shard has applied what was in exo.jobs, read
 *                         again (protocol.md 7) --> 404, or 503 after 2 s
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_READING_H
#define EXO_PRODUCER_READING_H

#include "producer/core/view.h"
#include "producer/http/api_state.h"

/* A row and what it holds; lives in the exchange's arena. */
struct read_execution {
    struct store_execution row; /* its spans and strings copied */
    const struct cluster *cluster;
    struct wire_body body;
    const struct inside *inside; /* NULL: not read */
};

typedef void reading_done(struct exchange *x, const struct read_execution *execution);

/* reading_begin reads the execution that the path's first parameter names. done is called when it
 * is there; otherwise the exchange is answered. */
void reading_begin(struct exchange *x, reading_done *done);

/* reading_unpack copies a row and compiles its cluster, which x then holds.
 * Gives it, or NULL, having answered the exchange: a row that this program cannot read. */
struct read_execution *reading_unpack(struct exchange *x, const struct store_execution *row,
                                      struct span definition);

/* reading_unpack_in is reading_unpack into another arena; NULL, nothing answered, when the row
 * cannot be read or the arena is full. */
struct read_execution *reading_unpack_in(struct exchange *x, struct arena *arena,
                                         const struct store_execution *row, struct span definition);

/* reading_body unpacks only the body of a row into an arena. False when it cannot be read. */
EXO_CHECKED bool reading_body(struct arena *arena, const struct store_execution *row,
                              struct wire_body *ret_body);

/* reading_runs unpacks rows of runs of groups into the exchange's arena: the first most of count.
 * One that cannot be read is left out. Returns how many ret_runs, which has room for most, then
 * has. */
uint32_t reading_runs(struct exchange *x, const struct store_run *rows, uint32_t count,
                      uint32_t most, struct wire_run *ret_runs);

/* reading_view names the parts for view_put_execution. */
struct view_execution reading_view(const struct read_execution *execution);

/* Where something lies in the store. */
struct read_home {
    struct execution_id execution;
    uint32_t number; /* of the instance in that execution */
};

/* reading_home says where the tasks of an instance and their outputs lie: with the execution that
 * holds its row (own), or of a map that this one has kept with the execution that ran it. */
struct read_home reading_home(const struct execution_id *own, uint32_t number,
                              const struct wire_instance *row);

/* reading_send answers with the execution, its stored version looked up first. */
void reading_send(struct exchange *x, int status, const struct read_execution *execution);

#endif /* EXO_PRODUCER_READING_H */
