/* wrap: what a process learns from its machine by chance is drawn by the world's dice (the linker
 * puts these in place of the calls). */
#include <stddef.h>
#include <string.h>

#include "tests/sim/sim.h"

void __wrap_random_fill(void *ret_bytes, size_t bytes);
int __wrap_gethostname(char *name, size_t bytes);
int __wrap_getpid(void);

void __wrap_random_fill(void *ret_bytes, size_t bytes)
{
    unsigned char *at = ret_bytes;

    for (size_t i = 0; i < bytes; i++) {
        at[i] = (unsigned char)dice_roll(&sim.net);
    }
}

int __wrap_gethostname(char *name, size_t bytes)
{
    (void)bytes;
    memcpy(name, "sim", 4);
    return 0;
}

int __wrap_getpid(void)
{
    return (int)sim.process_count;
}
