// What a move would do now: its plan, and what each step would change, read from the providers.
// Nothing is changed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/plan/basis.h"
#include "engine/plan/planner.h"
#include "engine/state.h"
#include "model/plan.h"
#include "runtime/loop.h"
#include "runtime/step_runner.h"

namespace bascule::runtime {

struct Preview {
  Plan plan;
  // What it rests on, identities included: its fingerprint is that of the plan.
  engine::PlanBasis basis;
  std::string because;
  // What will be owed when the run has ended: "amsterdam becomes a standby of berlin again
  // (rejoin)".
  std::vector<std::string> afterwards;
  // Steps whose settings wait for another step's output are not asked: nothing inside.
  std::map<StepId, std::optional<Result<Inspection>>> inspections;
  std::optional<Duration> outage;  // from the steps of past runs; nothing without any
  std::vector<StepId> critical_path;
  std::size_t past_runs = 0;
};

// What a proof of the front door reads before the switch says nothing about afterwards.
inline constexpr const char* kAfterTheSwitch = "known only after the switch";

// A step that needs what another one gives out cannot be asked before that one has run.
bool waits_for_outputs(const Step& step);

// The call that inspects a step of a move that is not under way; of the plan, only which move it
// is.
engine::Call inspection_of(const engine::State& state, const Plan& plan, const Step& step);

awaitable<Result<Preview>> preview(boost::asio::any_io_executor executor, Loop& loop,
                                   StepRunner& runner, GroupName group, Move move, SiteName target,
                                   Deadline deadline);

}  // namespace bascule::runtime
