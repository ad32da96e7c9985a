#include "infra/store/postgres_error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void failure_line(char *to, size_t to_bytes, const char *text)
{
    size_t used = 0;

    for (; text != NULL && *text != '\0' && used + 1 < to_bytes; text++) {
        to[used] = *text;
        if (to[used] == '\n') {
            to[used] = ' ';
        }
        used++;
    }
    while (used > 0 && to[used - 1] == ' ') {
        used--;
    }
    to[used] = '\0';
}

void failure_read(const PGresult *result, struct link_failure *ret_failure)
{
    struct link_failure *failure = ret_failure;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    failure_line(failure->sqlstate, sizeof(failure->sqlstate),
                 PQresultErrorField(result, PG_DIAG_SQLSTATE));
    failure_line(failure->constraint, sizeof(failure->constraint),
                 PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME));
    failure_line(failure->detail, sizeof(failure->detail),
                 PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL));
    failure_line(failure->text, sizeof(failure->text),
                 message == NULL ? PQresultErrorMessage(result) : message);
    failure->is_fatal = severity == NULL || strcmp(severity, "ERROR") != 0;
}

static enum exo_error_code code_of(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum exo_error_code code;
    } table[] = {
        {"EX001", EXO_EFENCED},
        {"EX003", EXO_EFENCED},
        {"42P01", EXO_EUNAVAILABLE},
        {"42883", EXO_EUNAVAILABLE},
        {"26000", EXO_EUNAVAILABLE},
        {"42501", EXO_EDENIED},
        {"28", EXO_EDENIED},
        {"22", EXO_EINVALID},
        {"23", EXO_EINVALID},
        {"54", EXO_ELIMIT},
        {"42", EXO_EINTERNAL},
        {"21", EXO_EINTERNAL},
        {"XX", EXO_EIO},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncmp(sqlstate, table[i].prefix, strlen(table[i].prefix)) == 0) {
            return table[i].code;
        }
    }
    return EXO_EUNAVAILABLE; /* 08, 40, 53, 55, 57, 58: the server's trouble, not the request's */
}

static bool is_schema_missing(const char *sqlstate)
{
    return strcmp(sqlstate, "42P01") == 0 || strcmp(sqlstate, "42883") == 0 ||
           strcmp(sqlstate, "26000") == 0;
}

const struct exo_error *link_error(enum link_outcome outcome, const struct link_failure *failure,
                                   struct exo_error *err)
{
    switch (outcome) {
    case LINK_DONE:
        assert(false); /* there is no error to make */
        break;
    case LINK_ERROR:
        (void)exo_error_set(err, code_of(failure->sqlstate), "Postgres: %s (SQLSTATE %s)%s",
                            failure->text, failure->sqlstate,
                            is_schema_missing(failure->sqlstate)
                                ? "; the schema is not there: run \"exosphere migrate\""
                                : "");
        err->library_code = (int)strtol(failure->sqlstate, NULL, 10) / 1000; /* the class */
        break;
    case LINK_LOST:
        (void)exo_error_set(err, EXO_EUNKNOWN, "lost Postgres before it answered: %s",
                            failure->text);
        break;
    case LINK_UNSENT:
        (void)exo_error_set(err, EXO_EUNAVAILABLE, "no connection to Postgres: %s", failure->text);
        break;
    }
    return err;
}
