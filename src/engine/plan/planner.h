// Computes the plan of a move from the descriptions of its two sites: claim → fence → activate →
// front door → verify. Pure: no provider is asked. The move from A to B is computed, so N sites
// need N descriptions.
#pragma once

#include "base/result.h"
#include "engine/state.h"
#include "model/plan.h"

namespace bascule::engine {

// Refuses (invalid) what the roles forbid, an unknown group or site, a target that is the source.
Result<Plan> plan_move(const State& state, const GroupName& group, Move move,
                       const SiteName& source, const SiteName& target);

// The claim (operation "claim") as a step of its own: for adoption, and for reading a front door.
std::optional<Step> front_door_step(const State& state, const GroupName& group,
                                    const SiteName& active, std::string_view operation);

// What a site that was the source still owes: its fence steps (sealing ones first), then its
// protect steps.
std::vector<Step> standby_steps(const State& state, const GroupName& group, const SiteName& site,
                                const SiteName& active);
std::vector<Step> fence_steps(const State& state, const GroupName& group, const SiteName& site,
                              const SiteName& active);

// What must be ready at `target` before it takes over from `active`, as steps to be inspected only;
// their ids are "preflight/NAME", their order that of the site's description.
std::vector<Step> preflight_steps(const State& state, const GroupName& group,
                                  const SiteName& target, const SiteName& active);
// Whether an item is as it should be. It is only looked at, never made so: what would first have to
// be changed, or to happen, is not ready.
bool is_ready(const Inspection& item);

// Settings with `steps.NAME.OUTPUT` filled in from what the execution's ended steps gave out. An
// error names the output that is missing.
Result<Json> render_late(const Execution& execution, const Step& step);

}  // namespace bascule::engine
