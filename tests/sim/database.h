/* database: the model of Postgres: tables in memory, row locks, transactions of several statements
 * and backends that outlive their clients.
 *
 *   commit: fence(shard) ... fence(shard) -> rows -> commit -> answer      each a step of its own
 *              |  waits while another transaction holds the row
 *              +-- epoch or batch do not fit: all of it is void
 *
 * Only txn_commit and database_take change a shard's row. */
#ifndef EXO_TESTS_SIM_DATABASE_H
#define EXO_TESTS_SIM_DATABASE_H

#include "infra/store/store_replay.h"
#include "tests/sim/sim.h"

enum { DATABASE_SHARDS_MAX = 64, DATABASE_PROCESSES_MAX = 256 };

struct database_item {
    struct database_item *next;
    union {
        struct store_spanning spanning;
        struct store_run run;
        struct store_page page;
        struct store_segment segment;
        struct store_reference reference;
    };
};

struct database_execution {
    struct database_execution *next; /* all, in order of insertion */
    struct store_execution row;
    struct database_item *runs;             /* by number */
    struct database_item *pages, *segments; /* oldest first */
    struct database_item *references;
    bool is_going; /* its deletion has begun: it has a tombstone */
};

/* The id of one whose deletion has begun. */
struct database_tombstone {
    struct database_tombstone *next;
    struct store_execution row; /* as it was; nobody but the oracle sees it */
};

struct database_definition {
    struct database_definition *next;
    struct store_definition row;
};

struct database_journal {
    struct database_journal *next;
    struct store_journal_row row;
    exo_time at_ns;
    struct span imprint;
};

struct database_slice {
    struct database_slice *next;
    struct span body;
};

struct database_snapshot {
    struct database_snapshot *next;
    struct store_snapshot row;
    struct database_slice *slices, **slice_last;
};

struct database_letter {
    struct database_letter *next;
    struct store_dead_letter row;
};

struct txn;

/* Called when the row is the caller's. */
struct row_wait {
    struct row_wait *next;
    struct txn *txn; /* NULL: a single statement */
    sim_call *call;
    void *argument;
};

struct database_shard {
    struct store_shard row;
    char owner[STORE_PROCESS_BYTES];
    uint64_t beat;
    exo_time renewed_ns; /* true time */
    uint64_t backend;    /* recorded when it was taken */
    struct txn *holder;
    struct row_wait *waits; /* oldest first */
    struct database_journal *journal, **journal_last;
    struct database_snapshot *snapshots; /* oldest first */
    /* the guard: who opened it last and has not closed it */
    char opener[STORE_PROCESS_BYTES];
    bool is_open, is_marked;
    char marker[STORE_MARKER_BYTES];
    exo_time refused_ns;   /* when it was refused what is refused once */
    uint32_t false_deaths; /* of guard.deaths: nothing of a plan killed them */
    bool is_slandered;     /* an input without guilt may have been condemned */
    exo_time opened_ns;
    int64_t opened_at[STORE_INPUTS];
    struct database_item *spanning; /* by kind and id */
};

struct database_process {
    char name[STORE_PROCESS_BYTES];
    uint64_t beat;
    exo_time moved_ns;
};

struct database {
    uint32_t shard_count;
    struct database_shard shards[DATABASE_SHARDS_MAX];
    struct store_place backup_begin[DATABASE_SHARDS_MAX]; /* of the backup under way */
    struct store_place backup_done[DATABASE_SHARDS_MAX];  /* of the newest that is complete */
    struct database_process processes[DATABASE_PROCESSES_MAX];
    uint32_t process_count;
    struct database_execution *executions, **execution_last;
    struct database_tombstone *tombstones; /* newest first */
    struct database_definition *definitions;
    struct database_letter *letters;
    uint32_t letter_count;
    exo_time clock_error_ns;
    exo_time down_until_ns;
    exo_time full_until_ns; /* of its disk: nothing is committed */
    uint64_t backends;
    uint64_t generation; /* grows when a replica takes over: connections end */
    exo_time backup_ns;  /* when the backup under way began */
    struct txn *running;
    uint64_t commits;
    int64_t snapshot_id;
    uint64_t snapshots; /* that became whole */
};

extern struct database database;

void database_begin(uint32_t shard_count);

/* database_now_ns is the database's clock. */
exo_time database_now_ns(void);

/* database_find gives an execution, NULL where there is none. */
struct database_execution *database_find(const struct execution_id *id);
/* database_tombstone gives that of a deleted one, NULL where there is none. database_end gives the
 * row of one that is there, or was. */
const struct database_tombstone *database_tombstone(const struct execution_id *id);
const struct store_execution *database_end(const struct execution_id *id);

struct span database_definition(const struct digest *digest);

/* database_crash aborts everything that runs; it is away until then. */
void database_crash(exo_time until_ns);

/* database_round does a round of leases at once. */
void database_round(const struct store_lease_round *round);

/* What becomes of one commit, decided when it is sent. */
enum txn_fate {
    TXN_GOOD,
    TXN_FAILED,  /* says so, nothing committed */
    TXN_APPLIED, /* the connection breaks after the commit */
    TXN_LOST,    /* the connection breaks before it */
    TXN_LATE,    /* the connection breaks; the backend goes on */
    TXN_REFUSED, /* the data is refused, when it comes from many inputs */
};

struct txn {
    struct txn *next; /* of those that run */
    struct loop *client;
    uint64_t backend;
    struct store_batch *batches; /* copies */
    uint32_t count, at;
    enum txn_fate fate;
    exo_time delay_ns; /* before the commit */
    bool is_over, is_told;
    /* called once, by the world, when it is over as far as the client can tell */
    void (*done)(void *argument, const struct store_result *result);
    void *argument;
};

/* txn_begin sends a commit; batches are copied. */
void txn_begin(struct txn *txn);

/* txn_abort ends it without effect, unless it is over; its client hears that the connection broke.
 */
void txn_abort(struct txn *txn);

/* database_take waits for the row and sets the next epoch; then calls. Returns at once. */
void database_take(uint32_t shard, sim_call *call, void *argument);

/* database_taken does the take-over itself, inside the call. False: the lease is another's. */
bool database_taken(uint32_t shard, const char *process, uint64_t backend);

/* database_is_opener is true while the process has the shard open, and no other since. */
bool database_is_opener(uint32_t shard, const char *process);

/* database_mark notes an input that is about to be stepped. False: another has opened the shard. */
bool database_mark(uint32_t shard, const char *process, const char *marker);

/* batch_copy copies a batch and all it points to. */
struct store_batch batch_copy(const struct store_batch *from);

#endif /* EXO_TESTS_SIM_DATABASE_H */
