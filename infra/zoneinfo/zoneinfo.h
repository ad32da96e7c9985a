/* zoneinfo: the time zones of this machine, as Debian's tzdata installs them.
 *
 *   "Europe/Berlin" --zoneinfo_read--> /usr/share/zoneinfo/Europe/Berlin --> struct zone
 *
 * Touches files of that directory only; reads a few kilobytes, at once. */
#ifndef EXO_INFRA_ZONEINFO_H
#define EXO_INFRA_ZONEINFO_H

#include "schemas/vocab/arena.h"
#include "schemas/vocab/checked.h"
#include "schemas/vocab/error.h"
#include "schemas/zone/zone.h"

/* zoneinfo_read reads a zone. "UTC" is known on every machine.
 *
 * name      borrowed; checked before any file is touched
 * arena     borrowed; the zone lives there
 * ret_zone  out; untouched on failure
 *
 * Returns 0, or -1 with *err: EXO_EINVALID for a name that is none or unknown, and for a file that
 * is no zone; EXO_EUNAVAILABLE where no zones are installed; EXO_EIO. */
EXO_CHECKED int zoneinfo_read(struct span name, struct arena *arena, const struct zone **ret_zone,
                              struct exo_error *err);

#endif /* EXO_INFRA_ZONEINFO_H */
