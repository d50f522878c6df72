// What a plan rests on, so that a saved one is executed only as long as it holds: the configuration
// of its group, the active site, the group's last run, each step as it was rendered, and the
// identity that its inspection found. Never measurements: how far a standby is behind, or whether a
// dead site answers, may change.
#pragma once

#include <optional>
#include <string>

#include "engine/input.h"
#include "engine/state.h"
#include "model/plan.h"

namespace bascule::engine {

// Without identities: only the runtime asks for those. REQUIRES: the plan's group is configured.
PlanBasis basis_of(const State& state, const Plan& plan);

std::string fingerprint(const PlanBasis& basis);

// The first difference, as a clause. An identity counts where both know it: what does not answer
// now, or did not then, proves nothing.
std::optional<std::string> what_changed(const PlanBasis& saved, const PlanBasis& now);

// The command that makes such a plan anew.
std::string plan_command(const Plan& plan);

}  // namespace bascule::engine
