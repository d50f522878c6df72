// The action `hook`: the operator's own command as a step.
//
// The command runs in a process group of its own, without a shell, with a small environment that
// says what it is for: BASCULE_GROUP, BASCULE_SITE, BASCULE_SOURCE, BASCULE_TARGET, BASCULE_MOVE,
// BASCULE_RUN, BASCULE_STEP, BASCULE_TERM, BASCULE_GENERATION, BASCULE_ATTEMPT. Exit 0 is success;
// 75 (EX_TEMPFAIL of sysexits.h) asks to be tried again; anything else is a failure that is not
// repeated. `proof` makes it inspectable: exit 0 it is so, 1 it is not so, anything else it cannot
// be told. Without `proof` a hook declares how often it may run when its outcome is lost. It is
// reversible only with `undo`.
#pragma once

#include "ports/kinds.h"

namespace bascule::hook {

ActionKind action_kind();

}  // namespace bascule::hook
