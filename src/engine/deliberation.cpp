#include "engine/deliberation.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace bascule::engine {
namespace {

// A copy that leaves the long history of ended runs behind: nothing that is decided looks at more
// than the last run of each group and the runs that something is owed for, and a failover should
// not wait for the copying of all others.
State without_history(const State& given) {
  State copy;
  copy.configuration = given.configuration;
  copy.configuration_fingerprint = given.configuration_fingerprint;
  copy.cluster = given.cluster;
  copy.seq = given.seq;
  copy.journal = given.journal;
  copy.term = given.term;
  copy.mark = given.mark;
  copy.term_began_at = given.term_began_at;
  copy.last_at = given.last_at;
  copy.groups = given.groups;
  copy.verdicts = given.verdicts;
  copy.obligations = given.obligations;
  copy.hold = given.hold;
  copy.runs_opened = given.runs_opened;
  copy.obligations_opened = given.obligations_opened;
  const auto matters = [&](const RunId& id) {
    return std::ranges::any_of(given.groups,
                               [&](const auto& entry) {
                                 const GroupStatus& group = entry.second;
                                 return group.last_run == id ||
                                        (group.drill && group.drill->run == id);
                               }) ||
           std::ranges::any_of(given.obligations,
                               [&](const auto& entry) { return entry.second.run == id; });
  };
  for (const auto& [id, run] : given.runs) {
    if (!run.ended_at || matters(id)) copy.runs.emplace(id, run);
  }
  return copy;
}

}  // namespace

Deliberation::Deliberation(const State& state, const Readings& readings, const Input& input,
                           Instant now)
    : given_(state), readings_(readings), input_(input), now_(std::max(now, state.last_at)) {}

bool Deliberation::just_inspected(const RunId& run, const StepId& step) const {
  const auto* inspected = std::get_if<StepInspected>(&input_);
  return inspected != nullptr && inspected->run == run && inspected->step == step;
}

void Deliberation::propose(RecordBody body) {
  add(state().term, std::move(body), kAutomation, std::string());
}

void Deliberation::propose(RecordBody body, std::string actor, std::string reason) {
  add(state().term, std::move(body), std::move(actor), std::move(reason));
}

void Deliberation::propose_in_term(Term term, RecordBody body) {
  add(term, std::move(body), kAutomation, std::string());
}

void Deliberation::add(Term term, RecordBody body, std::string actor, std::string reason) {
  constexpr std::size_t kMost = 10'000;
  BASCULE_ASSERT(records_.size() < kMost, "one input must not be followed by records without end");
  if (!working_) working_ = without_history(given_);
  Record record{working_->seq + 1, now_,           term, std::move(actor),
                std::move(reason), std::move(body)};
  evolve(*working_, record);
  records_.push_back(std::move(record));
}

}  // namespace bascule::engine
