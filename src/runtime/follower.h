// Whoever wants to know what was recorded: notifiers, the API's event stream, metrics. A follower
// is never in the way: it is called on the loop's thread after the record is durable and evolved,
// and must return at once.
#pragma once

#include "engine/state.h"
#include "model/record.h"

namespace bascule::runtime {

class Follower {
 public:
  virtual ~Follower() = default;
  // `state` is the state after the record.
  virtual void recorded(const Record& record, const engine::State& state) = 0;
};

}  // namespace bascule::runtime
