/* log_broker: a private Kafka broker for one test program, through infra/services.
 *
 * A harness for tests only. Needs the checkout as working directory. */
#ifndef EXO_TESTS_LOG_BROKER_H
#define EXO_TESTS_LOG_BROKER_H

#include <stdbool.h>

struct broker {
    char directory[64];
    char address[64]; /* "127.0.0.1:PORT"; stays over a restart */
};

enum broker_result { BROKER_STARTED, BROKER_FAILED, BROKER_CANNOT };

/* broker_start starts one in a directory of its own. BROKER_CANNOT: Java or the jars can't be had
 * here; with CI=true in the environment that is BROKER_FAILED. However this process ends, the
 * broker is wiped after it. */
enum broker_result broker_start(struct broker *broker);

/* broker_do runs infra/services VERB kafka OPTIONS on it; false when that failed. */
bool broker_do(const struct broker *broker, const char *verb, const char *options);

/* broker_wipe stops it and deletes its data. */
void broker_wipe(const struct broker *broker);

#endif /* EXO_TESTS_LOG_BROKER_H */
