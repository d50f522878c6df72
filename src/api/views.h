// What is served and what `-o json` prints, made in one place: the API and the command line show
// the same thing. The shapes are the contract of docs/api.md; keys are added, never renamed.
#pragma once

#include <optional>
#include <vector>

#include "engine/engine.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/json.h"
#include "runtime/checklist.h"
#include "runtime/preview.h"

namespace bascule::api {

// Who answers, for the head line of a status.
struct Speaker {
  ObserverName observer;
  bool leads = false;
  std::string trouble;  // why it can do nothing now; empty: it can
};

// All of a status but its groups: their list is empty.
Json status_head_view(const engine::State& state, const Speaker& speaker, Instant now);
Json status_view(const engine::State& state, const engine::Readings& readings,
                 const Speaker& speaker, Instant now);
Json group_view(const engine::State& state, const engine::Readings& readings,
                const GroupName& group, Instant now);

// `runs` is an array of runs without their steps, newest first.
Json runs_view(const engine::State& state, std::size_t limit);
Json run_view(const engine::State& state, const engine::Run& run);
// The same with what each step's newest inspection `seen`: what a step under way waits for.
Json run_view(const engine::State& state, const engine::Readings& readings, const engine::Run& run);

Json plan_view(const runtime::Preview& preview);
// What a saved plan rests on: `basis` of what plan_view made, or why it is none.
Result<engine::PlanBasis> plan_basis_from(const Json& basis);

// `preflight`: {group, source, target, items, verdict: {failover, planned}}.
Json checklist_view(const runtime::Checklist& list);

// `check`: in the order of the configuration. `expected` fills in home roles.
Json checks_view(const std::vector<Observation>& observations, const Configuration& configuration);

Json answer_view(const engine::Answer& answer, const engine::State& state);

// {error: {code, message, what_to_do}}
Json error_view(const Error& error);

}  // namespace bascule::api
