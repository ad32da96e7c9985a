/* class topics: the topics of the classes that workers serve, made ready as they are heard of.
 *
 *   heartbeat of a class not known yet --log_prepare--> exo.tasks.<class> takes our Tasks
 *
 * A worker makes the topics it reads; to append to one our log must have seen it too. Tasks of a
 * class that is not ready yet are sent again by their shard. */
#ifndef EXO_SCHEDULER_CLASS_TOPICS_H
#define EXO_SCHEDULER_CLASS_TOPICS_H

#include "infra/log/log.h"
#include "schemas/vocab/span.h"

struct class_topics;

/* class_topics_new makes an empty list; log is kept. */
struct class_topics *class_topics_new(struct log *log);

/* class_topics_heard takes the name of a class that a worker serves; what is known already or no
 * name of a class costs a look only. Prepared again at the next call after a failure. */
void class_topics_heard(struct class_topics *list, struct span class_name);

/* class_topics_free forgets the list; what is under way is freed when the log has called back. */
void class_topics_free(struct class_topics *list);

#endif /* EXO_SCHEDULER_CLASS_TOPICS_H */
