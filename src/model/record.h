// The journal's records: what happened, in the past tense. A record is the only thing that changes
// the engine's state, so replaying the journal is the same as having been there.
//
// Types and fields are stored for ever: add, never rename or remove (see record_codec.h and its
// golden file). Step records belong to a run or to an obligation: both have a RunId ("r-0042",
// "o-0007").
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/name.h"
#include "base/time.h"
#include "model/json.h"
#include "model/plan.h"
#include "model/words.h"

namespace bascule {

using Sequence = std::uint64_t;
using Term = std::uint64_t;
using Generation = std::uint64_t;

struct TermOpened {
  ObserverName observer;
  std::string version;
  std::string cluster;
};

struct ConfigurationLoaded {
  std::string fingerprint;
  Json configuration;  // to_json(Configuration)
};

// Adoption, or the last activate step of a run. Steering follows it.
struct ActiveSiteChanged {
  GroupName group;
  SiteName site;
  RunId run;  // empty: adopted
  std::string because;
};

// The agreed health of one check changed.
struct VerdictChanged {
  CheckReference check;
  Health from = Health::unknown;
  Health to = Health::unknown;
  bool down = false;
  std::string because;
  std::optional<Instant> first_failed_at;
};

struct GroupStateChanged {
  GroupName group;
  GroupState from = GroupState::unknown;
  GroupState to = GroupState::unknown;
  std::string because;
};

struct ProtectionChanged {
  GroupName group;
  Protection to = Protection::exposed;
  std::string because;
};

// A hold stops automation only. An empty group holds everything.
struct AutomationHeld {
  GroupName group;
  std::optional<Instant> until;
};
struct AutomationReleased {
  GroupName group;
};

// A person has seen the last automatic move: the cool-down ends.
struct MoveAcknowledged {
  GroupName group;
};

// A person vouches that a site is stopped.
struct SiteAttested {
  GroupName group;
  SiteName site;
};

struct RunOpened {
  RunId run;
  Plan plan;
  Trigger trigger = Trigger::manual;
  std::string ticket;
  std::string idempotency_key;
  std::vector<std::string> overrides;      // gates that a person passed by name
  Json gates = Json::array();              // the answers the decision rested on
  std::optional<Instant> first_sign_at;    // the held connection broke, or the first failed look
  std::optional<Instant> first_failed_at;  // of the check that brought the group down
  std::optional<Instant> verdict_at;       // when the observers agreed
  std::optional<Duration> loss_bound;      // nothing: unknown, or nothing to lose (see gates)
  std::optional<std::int64_t> loss_bound_bytes;
};

// Announces a change outside, durably, before it is made. `prior` is recorded once per step and
// run.
struct StepStarted {
  RunId run;
  StepId step;
  std::int64_t attempt = 1;
  Json prior = nullptr;
  std::string change;
};
// Apply came back; the step is now inspected until it is done.
struct StepApplied {
  RunId run;
  StepId step;
  Outputs outputs;
};
// An attempt failed and is tried again at `next_at`.
struct StepRetried {
  RunId run;
  StepId step;
  ErrorCode code = ErrorCode::unavailable;
  std::string because;
  Instant next_at;
};
struct StepEnded {
  RunId run;
  StepId step;
  StepState state = StepState::done;  // done, unchanged, skipped, failed
  Outputs outputs;
  std::string because;
  std::optional<ErrorCode> code;  // of a failure
};

struct RollbackBegun {
  RunId run;
  std::string because;
};
struct StepReverted {
  RunId run;
  StepId step;
  bool succeeded = true;
  std::string because;
};

struct RunParked {
  RunId run;
  std::string because;
};
// A person let a parked run go on; with a step, its outcome was given: done, failed or retry.
struct RunResumed {
  RunId run;
  StepId step;
  std::string as;
};
struct RunEnded {
  RunId run;
  RunState state = RunState::done;  // done, rolled_back, aborted
  std::string because;
  std::optional<Instant> outage_began_at;
  std::optional<Instant> outage_ended_at;
};

struct ObligationOpened {
  RunId obligation;
  GroupName group;
  ObligationKind kind = ObligationKind::standby;
  SiteName site;
  RunId run;  // whose obligation; empty: of an adoption
  std::string because;
  std::vector<Step> steps;
};
// A try did not succeed; every step of it starts again at `next_at`, or sooner when a check of its
// site changes.
struct ObligationRetried {
  RunId obligation;
  std::string because;
  Instant next_at;
};
struct ObligationEnded {
  RunId obligation;
  std::string because;
};

// The exact loss of a move, known once the source came back and could be compared.
struct LossMeasured {
  RunId run;
  SiteName site;
  std::optional<std::int64_t> bytes;
  std::optional<std::int64_t> rows;
};

struct TwoWritersSeen {
  GroupName group;
  std::vector<SiteName> sites;
  std::string because;
};
struct TwoWritersEnded {
  GroupName group;
  std::string because;
};

using RecordBody =
    std::variant<TermOpened, ConfigurationLoaded, ActiveSiteChanged, VerdictChanged,
                 GroupStateChanged, ProtectionChanged, AutomationHeld, AutomationReleased,
                 MoveAcknowledged, SiteAttested, RunOpened, StepStarted, StepApplied, StepRetried,
                 StepEnded, RollbackBegun, StepReverted, RunParked, RunResumed, RunEnded,
                 ObligationOpened, ObligationRetried, ObligationEnded, LossMeasured, TwoWritersSeen,
                 TwoWritersEnded>;

struct Record {
  Sequence seq = 0;  // assigned when the engine proposes it; the journal refuses a gap
  Instant at;
  Term term = 0;
  std::string actor;   // "bascule" for automation, else who asked
  std::string reason;  // what a person gave as reason; may be empty
  RecordBody body;
};

std::string_view type_name(const RecordBody& body);  // "StepStarted"

}  // namespace bascule
