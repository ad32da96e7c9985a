#include "tests/sim/dice.h"

static uint64_t finish(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

struct dice dice_new(uint64_t seed, uint64_t stream)
{
    return (struct dice){finish(seed + 0x9e3779b97f4a7c15u) ^ finish(stream * 0xd6e8feb86659fd93u)};
}

uint64_t dice_roll(struct dice *dice)
{
    dice->state += 0x9e3779b97f4a7c15u;
    return finish(dice->state);
}

uint64_t dice_below(struct dice *dice, uint64_t bound)
{
    return bound == 0 ? 0 : dice_roll(dice) % bound;
}

int64_t dice_between(struct dice *dice, int64_t low, int64_t high)
{
    return low + (int64_t)dice_below(dice, (uint64_t)(high - low) + 1);
}

bool dice_chance(struct dice *dice, uint32_t in_a_million)
{
    return in_a_million > 0 && dice_below(dice, 1000000) < in_a_million;
}

uint64_t mix(uint64_t a, uint64_t b, uint64_t c)
{
    return finish(finish(finish(a + 0x9e3779b97f4a7c15u) ^ b) + c * 0xd6e8feb86659fd93u);
}
