/* memory: an allocator that fails now and then (FAULT_OUT_OF_MEMORY). */
#ifndef EXO_TESTS_SIM_MEMORY_H
#define EXO_TESTS_SIM_MEMORY_H

#include "schemas/vocab/arena.h"

/* memory_scarce gives an allocator over another; it lives as long as the world. */
struct allocator memory_scarce(struct allocator real);

#endif /* EXO_TESTS_SIM_MEMORY_H */
