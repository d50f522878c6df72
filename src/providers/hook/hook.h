// The action `hook`: the operator's own command as a step.
//
// The command runs in a process group of its own, without a shell, with a small environment that
// says what it is for: BASCULE_CLUSTER, BASCULE_GROUP, BASCULE_SITE, BASCULE_SOURCE,
// BASCULE_TARGET, BASCULE_MOVE, BASCULE_RUN, BASCULE_STEP, BASCULE_TERM, BASCULE_GENERATION,
// BASCULE_ATTEMPT. At the deadline it is killed with its group.
//
//   exit 0             success
//   exit 75            (EX_TEMPFAIL of sysexits.h) asks to be tried again: `unavailable`
//   another exit       a failure that is not repeated: `invalid`
//   ended by a signal  nobody knows how far it came: `outcome_unknown`
//
// `proof` makes it inspectable: exit 0 it is so, 1 it is not so, anything else it cannot be told.
// Without `proof` a hook declares how often it may run when its outcome is lost. It is reversible
// only with `undo`. While a process of an earlier attempt is still at work (its Bascule died), the
// step is `pending` and nothing is started beside it.
#pragma once

#include "ports/kinds.h"

namespace bascule::hook {

ActionKind action_kind();

}  // namespace bascule::hook
