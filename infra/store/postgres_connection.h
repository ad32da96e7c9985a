/* postgres_connection: the inside of a link, shared by the two files that make it.
 *
 *   postgres_link.c      connecting, losing, coming back
 *   postgres_pipeline.c  requests: queue, sending, answers */
#ifndef EXO_INFRA_STORE_POSTGRES_CONNECTION_H
#define EXO_INFRA_STORE_POSTGRES_CONNECTION_H

#include "infra/store/postgres_link.h"

enum link_state { LINK_WAITING, LINK_LOOKUP, LINK_CONNECTING, LINK_SETTING, LINK_UP };
enum prepared { PREPARED_NOT, PREPARED_SENT, PREPARED_DONE };

struct postgres_link {
    struct loop *loop;
    struct postgres_link_settings settings;
    char *url;
    char *application;
    char *host; /* to look up; NULL: libpq needs no name server for it */
    struct postgres_lookup *lookup;
    enum link_state state;
    uint64_t connection; /* how many have stood */
    PGconn *conn;
    struct loop_watch *watch;
    struct loop_timer *retry; /* WAITING: to connect again; CONNECTING, SETTING: to give up */
    struct loop_timer *tick;  /* while there are requests: to see those that wait too long */
    exo_time backoff_ns;      /* before the next attempt */
    bool is_broken;           /* a send failed: lose the connection when back in the loop */
    struct link_request *queue_first, *queue_last;
    struct link_request *sent_first, *sent_last;
    uint32_t queue_count, sent_count;
    struct link_request setup, rollback; /* the link's own requests */
    uint8_t prepared[SQL_STATEMENT_NR];  /* enum prepared */
    struct heap_budget budget;
    struct postgres_params params;
    struct exo_error trouble;
};

/* link_lose closes the connection, ends what was sent and begins to wait; why is borrowed. */
void link_lose(struct postgres_link *link, const char *why);

/* link_trouble_set keeps what is wrong, in one line, for those who ask. */
void link_trouble_set(struct postgres_link *link, const char *what, const char *why);

/* link_flush writes what the socket takes and watches it for the rest. */
void link_flush(struct postgres_link *link);

/* link_pump sends requests of the queue as far as the depth allows. */
void link_pump(struct postgres_link *link);

/* link_send_one sends a request, whatever the depth. */
void link_send_one(struct postgres_link *link, struct link_request *request);

/* link_read_answers takes what has come; may lose the connection. */
void link_read_answers(struct postgres_link *link);

/* link_end_sent and link_end_queued end the requests of a connection that is gone: those sent, and
 * those in the queue that are due at now_ns. */
void link_end_sent(struct postgres_link *link);
void link_end_queued(struct postgres_link *link, exo_time now_ns);

#endif /* EXO_INFRA_STORE_POSTGRES_CONNECTION_H */
