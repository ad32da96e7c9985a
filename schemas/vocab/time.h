/* time: instants and lengths of time, all in nanoseconds.
 *
 * Pure: names a unit, reads no clock. Which clock an instant belongs to is said where it stands:
 * shard time and timestamps count from 1970-01-01T00:00:00Z, loop time is monotonic. */
#ifndef EXO_VOCAB_TIME_H
#define EXO_VOCAB_TIME_H

#include <stdint.h>

typedef int64_t exo_time;

#define EXO_TIME_NEVER INT64_MAX
#define EXO_MICROSECOND ((exo_time)1000)
#define EXO_MILLISECOND ((exo_time)1000 * EXO_MICROSECOND)
#define EXO_SECOND ((exo_time)1000 * EXO_MILLISECOND)
#define EXO_MINUTE (60 * EXO_SECOND)
#define EXO_HOUR (60 * EXO_MINUTE)

#endif /* EXO_VOCAB_TIME_H */
