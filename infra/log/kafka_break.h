/* kafka_break: breaks the Kafka back-end on purpose. Only tests include it. */
#ifndef EXO_INFRA_LOG_KAFKA_BREAK_H
#define EXO_INFRA_LOG_KAFKA_BREAK_H

#include "infra/log/log.h"

/* kafka_break_producer makes the producer of a log fail for good, as a broker that lost its state
 * would. base must be of the Kafka back-end. */
void kafka_break_producer(struct log *base);

#endif /* EXO_INFRA_LOG_KAFKA_BREAK_H */
