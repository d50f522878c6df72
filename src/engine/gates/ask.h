// The nine questions, each in a file of its own or beside its kin; ask_gates() puts them in order.
// Only for engine/gates.
#pragma once

#include <string>

#include "engine/gates/gate.h"

namespace bascule::engine {

// All that a gate may look at. REQUIRES: the group of the proposal is configured.
struct Question {
  const State& state;
  const Readings& readings;
  const Proposal& proposal;
  const GroupSpec& group;
  const GroupStatus& status;
  Instant now;
};

GateAnswer ask_mode(const Question& question);
GateAnswer ask_controller(const Question& question);
GateAnswer ask_verdict(const Question& question);
GateAnswer ask_not_everything(const Question& question);
GateAnswer ask_cooldown(const Question& question);
GateAnswer ask_target(const Question& question);
GateAnswer ask_data_loss(const Question& question);
GateAnswer ask_one_at_a_time(const Question& question);
GateAnswer ask_fence(const Question& question);

// An answer with its clause; name and whom it binds are filled in by ask_gate().
GateAnswer it_holds(std::string because);
GateAnswer it_refuses(std::string because);

}  // namespace bascule::engine
