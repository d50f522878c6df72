// Whoever wants to know what was recorded or seen: notifiers, the API's event stream, metrics. A
// follower is never in the way: it is called on the loop's thread, after a record is durable and
// evolved, and must return at once.
#pragma once

#include <limits>
#include <string>

#include "engine/readings.h"
#include "engine/state.h"
#include "model/observation.h"
#include "model/record.h"
#include "ports/notifier.h"

namespace bascule::runtime {

class Follower {
 public:
  virtual ~Follower() = default;
  // Before a journal is replayed: which one it is (State::journal; empty: unknown, or it has no
  // record yet) and the number of its newest record.
  virtual void opened(const std::string& /*journal*/, Sequence /*head*/) {}
  // `state` is the state after the record.
  virtual void recorded(const Record& record, const engine::State& state) = 0;
  // Records up to this one are old news: after a start, when the journal is read from its
  // beginning, only later ones are passed on.
  [[nodiscard]] virtual Sequence heard_up_to() const {
    return std::numeric_limits<Sequence>::max();
  }
  // A look of this observer, judged by who is active.
  virtual void observed(const Observation& /*judged*/, const CheckSpec& /*check*/) {}
  // How this process found itself, once a second.
  virtual void looked_at_itself(const engine::ControllerReading& /*reading*/) {}
  // What keeps this process from acting, which no record can tell: its store does not take any, its
  // clock jumped, it has no descriptors left.
  virtual void noticed(const Message& /*message*/) {}
};

}  // namespace bascule::runtime
