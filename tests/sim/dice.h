/* dice: numbers that look random and follow from a seed alone (splitmix64).
 *
 * Pure. */
#ifndef EXO_TESTS_SIM_DICE_H
#define EXO_TESTS_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* dice_new gives dice of a seed; stream tells apart several dice of one seed. */
struct dice dice_new(uint64_t seed, uint64_t stream);

/* dice_roll gives 64 bits. */
uint64_t dice_roll(struct dice *dice);

/* dice_below gives 0 .. bound - 1; 0 where bound is 0. */
uint64_t dice_below(struct dice *dice, uint64_t bound);

/* dice_between gives low .. high, both included. */
int64_t dice_between(struct dice *dice, int64_t low, int64_t high);

/* dice_chance is true so many times in a million. */
bool dice_chance(struct dice *dice, uint32_t in_a_million);

/* mix hashes three numbers into one: a draw without dice. */
uint64_t mix(uint64_t a, uint64_t b, uint64_t c);

#endif /* EXO_TESTS_SIM_DICE_H */
