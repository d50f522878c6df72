// Questions about the state that everybody asks.
#include "engine/state.h"

#include <algorithm>

namespace bascule::engine {

const Run* State::open_run(const GroupName& group) const {
  for (const auto& [id, run] : runs) {
    const bool is_open = (run.state == RunState::running || run.state == RunState::parked) &&
                         run.superseded_by.empty();
    if (is_open && run.plan.group == group) return &run;
  }
  return nullptr;
}

std::vector<const Run*> State::waiting_runs(const GroupName& group) const {
  std::vector<const Run*> waiting;
  for (const auto& [id, run] : runs) {
    if (run.state == RunState::waiting && run.plan.group == group) waiting.push_back(&run);
  }
  std::ranges::sort(waiting, {}, &Run::opened_seq);
  return waiting;
}

}  // namespace bascule::engine
