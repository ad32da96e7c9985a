#include "tests/sim/fault.h"

#include <assert.h>
#include <string.h>

enum { CHANCE_MAX = 300000 };

struct fault_row {
    const char *name;
    uint32_t chance;
    const char *text;
};

static const struct fault_row rows[FAULT_NR] = {
#define X(id, name, chance, text) {name, chance, text},
    FAULT_TABLE(X)
#undef X
};

bool fault_fires(struct faults *faults, enum sim_fault fault)
{
    assert(fault < FAULT_NR);
    /* Never so likely that nothing else happens. */
    uint32_t most = rows[fault].chance > CHANCE_MAX ? rows[fault].chance : CHANCE_MAX;
    uint32_t chance = rows[fault].chance * faults->boost;

    if (faults->is_over || !faults->is_enabled[fault] ||
        !dice_chance(faults->dice, chance < most ? chance : most)) {
        return false;
    }
    faults->fired[fault]++;
    return true;
}

const char *fault_name(enum sim_fault fault)
{
    assert(fault < FAULT_NR);
    return rows[fault].name;
}

const char *fault_text(enum sim_fault fault)
{
    assert(fault < FAULT_NR);
    return rows[fault].text;
}

enum sim_fault fault_find(const char *name)
{
    for (int i = 0; i < FAULT_NR; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return (enum sim_fault)i;
        }
    }
    return FAULT_NR;
}
