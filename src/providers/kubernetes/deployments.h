// How a deployment's rollout stands, as `kubectl rollout status` finds it.
#pragma once

#include "providers/kubernetes/object.h"

namespace bascule::kubernetes {

// In this order: the controller has not seen the newest generation; the deadline of its progress
// has passed (blocked); not all pods are updated; old ones go on; updated ones are not available;
// else done. Numbers that are absent are zero.
Judgement rollout_of(const Json& deployment);

}  // namespace bascule::kubernetes
