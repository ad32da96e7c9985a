/* versioning: what the routes of stored clusters and satellites share.
 *
 * For producer/http only. */
#ifndef EXO_PRODUCER_VERSIONING_H
#define EXO_PRODUCER_VERSIONING_H

#include "infra/store/store_versions.h"
#include "producer/core/definition_body.h"
#include "producer/core/version_view.h"
#include "producer/http/api_state.h"

/* versioning_name reads kind, project and name off the route and path; they live in the exchange's
 * arena. A route without a name gives "". False when the exchange is answered: they are no names.
 */
EXO_CHECKED bool versioning_name(struct exchange *x, struct definition_name *ret);

/* versioning_view names the parts of a row for version_view_put. */
struct version_view versioning_view(enum version_kind kind, const struct store_version *row);

/* versioning_send answers with one version, its number as ETag; with status 201 also where it is.
 */
void versioning_send(struct exchange *x, int status, enum version_kind kind,
                     const struct store_version *row);

#endif /* EXO_PRODUCER_VERSIONING_H */
