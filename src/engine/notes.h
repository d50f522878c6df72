// What `status` and `explain` say beside the gates: runs that wait, and what mode shadow would have
// done. Sentences and numbers only; nothing is decided here.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/state.h"

namespace bascule::engine {

// "r-0003 (failover amsterdam → berlin) waits for an approval until 14:12 UTC; then it is aborted".
// REQUIRES: the run is waiting.
std::string wait_sentence(const State& state, const Run& run, Instant now);

// Mode shadow over the last 30 days.
struct ShadowReport {
  std::size_t times = 0;
  Duration longest{0};   // until the active site had not failed any more; of an open one, until now
  std::string sentence;  // "would have failed over 3 times in the last 30 days, longest 4m"
};
// Nothing when there is nothing to tell: no failure, and another mode.
std::optional<ShadowReport> shadow_report(const GroupSpec& group, const GroupStatus& status,
                                          Instant now);

std::vector<std::string> wait_notes(const State& state, const GroupName& group, Instant now);

}  // namespace bascule::engine
