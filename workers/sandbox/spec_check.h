/* spec_check: is this the description of an attempt that a driver may run?
 *
 * Pure. */
#ifndef EXO_WORKERS_SPEC_CHECK_H
#define EXO_WORKERS_SPEC_CHECK_H

#include "workers/sandbox/sandbox.h"

/* spec_check looks at every field of a spec.
 * Returns 0, or -1 with *err set to EXO_EINVALID or EXO_ELIMIT; the text names the field. */
EXO_CHECKED int spec_check(const struct sandbox_spec *spec, struct exo_error *err);

#endif /* EXO_WORKERS_SPEC_CHECK_H */
