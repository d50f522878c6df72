// The action postgres.promote: makes a standby the primary, and lets ordinary roles in again, whom
// the fence of its old primary has shut out by replication. There is no way back from it.
#pragma once

#include <memory>

#include "ports/action.h"
#include "ports/kinds.h"
#include "providers/postgres/database.h"

namespace bascule::postgres {

// How long replay may be blocked by queries during a promotion before they are canceled.
inline constexpr Duration kBlockedFor{250};

// `check` names the check at the source too, which a planned move compares with.
std::shared_ptr<Action> make_promote(Surroundings surroundings, Database database,
                                     ActionContext context, std::string check);

}  // namespace bascule::postgres
