// From observations to opinions (one observer, one check), and from opinions to verdicts (all
// observers).
//
// An opinion is `down` when at least `failures` observations that count lie inside `window`, the
// newest observation among these, and at least `min_duration` has passed since the first. So one
// success is enough not to be down, but only `recoveries` successes in a row clear the count: a
// stricter rise than fall catches a flapper. A look that neither counts nor is healthy (degraded)
// neither counts nor clears.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ring.h"
#include "base/time.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/observation.h"

namespace bascule::engine {

// What the role of a site says about its database: primary at the active site, replica elsewhere;
// during a run the source's and the target's roles are evidence, not opinion.
enum class ExpectedRole : std::uint8_t { primary, replica, any };
ExpectedRole expected_role(const State& state, const CheckReference& check);
// Where nobody knows who is active (`bascule check` without a journal): primary at home, replica
// elsewhere.
ExpectedRole home_role(const GroupSpec& group, const CheckReference& check);

// The health of an observation once the expected role is known: a replica where the primary should
// be is critical, a primary that is read-only is critical, a replica that does not stream is
// degraded; `summary` gets the reason. Silence is not judged: a look that failed stays failed.
Observation judge(Observation observation, ExpectedRole expected);

// Whether what first failed then may count as down by now, however many looks have failed.
bool has_failed_long_enough(const DetectPolicy& policy, Instant first_failed_at, Instant now);

class Detector {
 public:
  Detector(DetectPolicy policy, ActsOn acts_on);

  // The observation is judged already. A clock that was set back is met by taking the newest time
  // seen: looks keep their order.
  Opinion observe(const Observation& observation);

  // Whether it detects by these rules, so that it can go on when a configuration is read again.
  [[nodiscard]] bool follows(const DetectPolicy& policy, ActsOn acts_on) const {
    return policy_ == policy && acts_on_ == acts_on;
  }

  // True while a failure is not cleared: the scheduler confirms at the `confirm` interval.
  [[nodiscard]] bool suspect() const;

 private:
  struct Look {
    Instant at;
    bool counts = false;
  };
  // What lies inside the window that ends at the newest look.
  struct Tally {
    std::int64_t failures = 0;
    std::int64_t looks = 0;  // since the first of the failures; all of them where none failed
    std::optional<Instant> first;
  };
  [[nodiscard]] Tally tally_at(Instant at) const;
  [[nodiscard]] std::string because(const Observation& observation, const Tally& tally,
                                    Instant at) const;

  DetectPolicy policy_;
  ActsOn acts_on_;
  Ring<Look> looks_;
  std::int64_t successes_in_a_row_ = 0;
  bool down_ = false;
  std::optional<Instant> first_failed_at_;  // of the failure that is not cleared yet
  Instant since_;
  Health last_health_ = Health::unknown;
};

// The worst health that at least a quorum of the configured observers report or exceed; silent and
// expired opinions count as no.
CheckVerdict verdict_of(const State& state, const Readings& readings, const CheckReference& check,
                        Instant now);

// Votes needed in a group.
std::size_t quorum_size(const State& state, const GroupSpec& group);

}  // namespace bascule::engine
