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
  // Random: tells what the runs of this term write at a front door from what the runs of any other
  // journal write there, which have the same numbers. Empty in journals from before.
  std::string mark;
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

// Why a run does not begin when it is opened.
struct RunWait {
  WaitFor what = WaitFor::approval;
  Instant until;          // its time; or how long an approval is waited for
  bool proceeds = false;  // without an approval it begins at `until`, if every gate but 1 holds
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
  // Of a drill: how long after its end the way back begins, and until when the group has to be
  // back.
  std::optional<Duration> back_after;
  std::optional<Duration> deadline;
  RunId way_back_of;            // the drill that this run ends; empty: none
  std::optional<RunWait> wait;  // nothing: it begins at once
  RunId supersedes;             // a parked run that ends because this one takes its place
};

// A run that waited begins: its time has come, a person has approved it, or nobody has and the
// policy says proceed. Its timers count from here; the evidence is that of this moment.
struct RunBegun {
  RunId run;
  std::string because;
  Json gates = Json::array();
  std::optional<Instant> first_sign_at;
  std::optional<Instant> first_failed_at;
  std::optional<Instant> verdict_at;
  std::optional<Duration> loss_bound;
  std::optional<std::int64_t> loss_bound_bytes;
};

// Announces a change outside, durably, before it is made. `prior` is recorded once per step and
// run. `unseen`: what is to be changed gives no answer yet; it is changed as soon as it does.
struct StepStarted {
  RunId run;
  StepId step;
  std::int64_t attempt = 1;
  Json prior = nullptr;
  std::string change;
  bool unseen = false;
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
  bool declined = false;  // a proposal that nobody approved: not made again in this failure
};

struct ObligationOpened {
  RunId obligation;
  GroupName group;
  ObligationKind kind = ObligationKind::standby;
  SiteName site;
  RunId run;  // whose obligation; empty: of an adoption, or of a front door that has drifted
  std::string because;
  std::vector<Step> steps;
  bool takes_over = false;  // its claim follows the generation that it finds, whoever wrote that
};
// A try did not succeed; every step of it starts again at `next_at`, or sooner when a check of its
// site changes. Once the waits have grown to their longest, a try that fails like the last has
// none.
struct ObligationRetried {
  RunId obligation;
  std::string because;
  Instant next_at;
};
struct ObligationEnded {
  RunId obligation;
  std::string because;
  // What it was, for those who do not keep it in mind. Empty in journals from before.
  GroupName group;
  SiteName site;
  ObligationKind kind = ObligationKind::standby;
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

// A site that is not active became a primary, and no run has done it.
struct RoleChangeSeen {
  GroupName group;
  SiteName site;
  std::string because;
  std::int64_t timeline = 0;                  // on which it writes now
  std::optional<std::int64_t> missing_bytes;  // of what the active site was seen to have written
};
struct RoleChangeEnded {
  GroupName group;
  std::string because;
};

// The front door is not as it was left. Recorded again only when it shows something else.
struct FrontDoorDrifted {
  GroupName group;
  Drift kind = Drift::address;
  std::string expected;
  std::string found;
  std::string because;
};
// It could not be read for long. That is no drift: nobody knows what it shows.
struct FrontDoorSilent {
  GroupName group;
  Instant since;  // the first reading that failed
  std::string because;
};
// It was read, and is as it should be.
struct FrontDoorRestored {
  GroupName group;
  std::string because;
};

// A hold is older than `hold_alarm`, or than the last such alarm by as much. An empty group: the
// hold on everything.
struct HoldAlarmRaised {
  GroupName group;
  Instant held_since;
};

// Whether the group could go home by itself, were it time to (`failback: {automatic: …}`).
struct HomeReadinessChanged {
  GroupName group;
  bool ready = false;
  std::string because;
};

// An item of a site's preflight began to fail, or is well again: what would be missing when the
// site has to take over. Recorded when it changes, not each time it is asked.
struct PreflightChanged {
  GroupName group;
  SiteName site;
  std::string item;
  bool ready = false;
  std::string because;
};

// A drill has arrived: the group is at `site` and has to be back at `home`.
struct DrillBegun {
  GroupName group;
  RunId run;  // of the way there
  SiteName site;
  SiteName home;
  Instant back_at;
  Instant deadline;
};
// Its deadline has passed and the group is not back.
struct DrillOverdue {
  GroupName group;
  RunId run;
  std::string because;
};
// The group is back, or something else became of it.
struct DrillEnded {
  GroupName group;
  RunId run;
  bool succeeded = false;
  std::string because;
};

// Mode shadow: every gate but the mode let automation act. Once in each failure episode, which ends
// when the active site is healthy again.
struct WouldHaveFailedOver {
  GroupName group;
  SiteName source;
  SiteName target;
  std::string because;
  Json gates = Json::array();
  std::optional<Instant> first_failed_at;
  std::optional<Duration> loss_bound;
  std::optional<std::int64_t> loss_bound_bytes;
};

// What another journal of the same cluster says about a group.
struct ImportedRun {
  std::string run;  // as its line at the front door names it
  Move move = Move::failover;
  SiteName source;
  SiteName target;
  RunState state = RunState::done;
  std::string actor;
  std::string reason;
  Instant opened_at;
  std::optional<Instant> ended_at;
};
struct ImportedObligation {
  ObligationKind kind = ObligationKind::standby;
  SiteName site;
  std::string because;
};
struct ImportedGroup {
  GroupName group;
  SiteName active;
  Instant active_since;
  Generation generation = 0;
  std::string claimed_by;          // who wrote that generation
  std::vector<SiteName> attested;  // a person vouched that they are stopped
  std::vector<ImportedRun> runs;   // oldest first
  std::vector<ImportedObligation> obligations;
};
// What another Bascule did, brought in from its exported journal by a person.
struct JournalImported {
  std::string journal;  // the hash of its first record: two exports of one journal agree on it
  Sequence head_seq = 0;
  std::string head_hash;
  std::string cluster;
  ObserverName observer;
  std::vector<ImportedGroup> groups;
};

using RecordBody =
    std::variant<TermOpened, ConfigurationLoaded, ActiveSiteChanged, VerdictChanged,
                 GroupStateChanged, ProtectionChanged, AutomationHeld, AutomationReleased,
                 MoveAcknowledged, SiteAttested, RunOpened, StepStarted, StepApplied, StepRetried,
                 StepEnded, RollbackBegun, StepReverted, RunParked, RunResumed, RunEnded,
                 ObligationOpened, ObligationRetried, ObligationEnded, LossMeasured, TwoWritersSeen,
                 TwoWritersEnded, RoleChangeSeen, RoleChangeEnded, FrontDoorDrifted,
                 FrontDoorSilent, FrontDoorRestored, HoldAlarmRaised, HomeReadinessChanged,
                 DrillBegun, DrillOverdue, DrillEnded, RunBegun, WouldHaveFailedOver,
                 JournalImported, PreflightChanged>;

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
