// Everything the engine knows durably. Only evolve() changes it, from records alone; it has no
// clock, no pointer to the outside and only ordered containers, so that two replays of one journal
// are equal.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/name.h"
#include "base/time.h"
#include "model/configuration.h"
#include "model/observation.h"
#include "model/plan.h"
#include "model/record.h"

namespace bascule::engine {

inline constexpr const char* kAutomation = "bascule";  // the actor of what nobody asked for

struct StepProgress {
  StepState state = StepState::waiting;
  std::int64_t attempts = 0;
  Term started_term = 0;              // of the newest StepStarted: its apply runs in that term only
  std::optional<Instant> started_at;  // first StepStarted
  std::optional<Instant> attempt_at;  // newest StepStarted
  std::optional<Instant> applied_at;  // its StepApplied
  std::optional<Instant> ended_at;
  std::optional<Instant> retry_at;  // not applied again before this
  Json prior = nullptr;
  // Done or tried by the run that this one supersedes: `prior` is what that run found, and going
  // back takes it back.
  bool taken_over = false;
  std::string change;
  Outputs outputs;
  std::string because;
  std::optional<ErrorCode> code;
  bool unseen = false;  // newest StepStarted: announced to something that gave no answer
  bool revert_failed = false;
};

// The steps of a run or of one try of an obligation, and how far they are.
struct Execution {
  std::vector<Step> steps;
  std::map<StepId, StepProgress> progress;
  Instant began_at;  // the run's beginning, or the current try of an obligation
  std::optional<Instant>
      went_on_at;  // the newest RunResumed: what was under way is inspected again
};

struct Run {
  RunId id;
  Plan plan;
  Execution execution;
  RunState state = RunState::running;
  Trigger trigger = Trigger::manual;
  std::string actor;
  std::string reason;
  std::string ticket;
  std::string idempotency_key;
  std::vector<std::string> overrides;
  Json gates = Json::array();
  Term term = 0;
  Generation generation = 0;  // from the claim step's output; 0: none yet
  std::string mark;           // of the term that opened it
  Instant opened_at;
  Sequence opened_seq = 0;
  std::optional<RunWait> wait;      // why it did not begin when it was opened
  std::optional<Instant> began_at;  // nothing: it waits, or it ended waiting
  Sequence began_seq = 0;
  std::string begun_by;       // who approved it; else "bascule"
  std::string begun_because;  // the reason that was given, or that its time had come
  std::optional<Instant> ended_at;
  std::optional<Instant> parked_at;  // the last time
  std::optional<Instant> first_sign_at, first_failed_at, verdict_at;
  std::optional<Instant> activated_at;  // ActiveSiteChanged of this run
  std::optional<Duration> loss_bound;
  std::optional<std::int64_t> loss_bound_bytes;
  std::optional<Duration> back_after, deadline;  // of a drill, from its end on
  RunId way_back_of;                             // the drill that it ends; empty: none
  std::optional<std::int64_t> exact_bytes, exact_rows;
  std::optional<Instant> outage_began_at, outage_ended_at;
  bool rolling_back = false;
  std::optional<Instant> rollback_began_at;
  std::string rollback_because;
  bool parked_at_fence =
      false;                    // parked because gate 9 does not hold: an attestation lets it go on
  bool past_no_return = false;  // a step that cannot be taken back was started
  bool forward_only = false;    // that may have been done by the run that it supersedes
  RunId supersedes, superseded_by;
  std::string because;  // why it is rolling back, parked or ended
};

struct Obligation {
  RunId id;
  GroupName group;
  ObligationKind kind = ObligationKind::standby;
  SiteName site;
  RunId run;
  std::string mark;   // of the term that opened it
  std::string actor;  // who opened it: an adoption by a person may displace another's claim
  std::string because;
  Instant opened_at;
  Execution execution;
  bool takes_over = false;  // its claim follows whatever generation it finds
  std::int64_t tries = 1;
  std::optional<Instant> next_at;  // between two tries
  std::string last_error;
};

struct CheckVerdict {
  Health health = Health::unknown;
  bool down = false;
  Instant since;
  std::optional<Instant> first_failed_at;
  std::string because;
};

struct Hold {
  Instant since;
  std::optional<Instant> until;
  std::string actor;
  std::string reason;
  std::optional<Instant> alarmed_at = std::nullopt;  // when its age was last announced
};

// The front door as it was found, where that is not as it was left.
struct FrontDoorDrift {
  Drift kind = Drift::address;
  Instant since;
  std::string expected;
  std::string found;
  std::string because;
};
struct FrontDoorSilence {
  Instant since;
  std::string because;
};

// Whether the group could go home by itself, and since when.
struct HomeReadiness {
  bool ready = false;
  Instant since;
  std::string because;
};

// An item of a site's preflight that is not ready.
struct UnreadyItem {
  Instant since;  // when that was recorded
  std::string because;
};

// From the arrival of a drill until the group is back.
struct OpenDrill {
  RunId run;  // of the way there
  SiteName site;
  SiteName home;
  Instant since;
  Instant back_at;
  Instant deadline;
  bool overdue = false;
  bool left_open = false;  // a person stopped the way back
};
struct EndedDrill {
  RunId run;
  Instant ended_at;
  bool succeeded = false;
  std::string because;
};

// What people are or were called for; see incident.h.
struct Incident {
  Sequence opened_by = 0;  // the record with which it began: its name outside
  Instant opened_at;
  std::optional<Sequence> acknowledged_by;  // the first thing that a person did about it
  std::optional<Sequence> resolved_by;
};

// A failure in which mode shadow would have failed over.
struct ShadowEpisode {
  Instant began_at;                 // when it would have
  std::optional<Instant> ended_at;  // when the active site had not failed any more
  SiteName source;
  SiteName target;
  std::string because;
};

// A line at the front door that this journal did not write.
struct ForeignLine {
  Generation generation = 0;
  std::string cluster;
  std::string run;  // as it stands there
  SiteName target;
  Instant since;  // when it was found
};

struct GroupStatus {
  std::optional<SiteName> active;
  Instant active_since;
  GroupState state = GroupState::unknown;
  Instant state_since;
  std::string state_because;
  Protection protection = Protection::exposed;
  std::string protection_because;
  std::optional<Hold> hold;
  Generation generation = 0;  // the newest this journal knows of; 0: none
  std::string claimed_by;     // who wrote that generation, as its line says
  // Runs of others whose claim this journal displaced and that are not known to have ended, by
  // their target: each may still be making that site active.
  std::map<SiteName, ForeignLine> displaced;
  std::optional<Instant> last_automatic_at;  // when the last automatic move ended
  std::int64_t flaps = 0;                    // automatic moves within flap.within
  bool acknowledged = true;                  // the last automatic move was acknowledged
  // Candidates already tried by automation in the present failure episode (ends when the active
  // site is healthy).
  std::vector<SiteName> tried;
  RunId declined;             // the proposal of this failure episode that nobody approved
  bool has_shadowed = false;  // what would have been done in this failure episode is journaled
  std::vector<ShadowEpisode> shadowed;  // oldest first, the newest kShadowEpisodesKept
  std::map<SiteName, Instant>
      attested;  // sites a person vouches to be stopped; cleared when active again
  bool two_writers = false;
  std::optional<Incident> incident;     // the newest; over once resolved
  std::optional<SiteName> role_change;  // a primary that is not active, and that no run made one
  std::optional<FrontDoorDrift> drift;
  std::optional<FrontDoorSilence> front_door_silence;
  std::vector<Instant> reassertions;  // when drift was undone; the newest kReassertions
  HomeReadiness home_readiness;
  // By site and name of the item; what is not in here is ready, or was not asked yet.
  std::map<std::pair<SiteName, std::string>, UnreadyItem> unready;
  std::optional<OpenDrill> drill;
  std::optional<EndedDrill> last_drill;
  std::optional<Instant> last_good_drill_at;
  RunId last_run;  // the newest that began
};

struct State {
  Configuration configuration;
  std::string configuration_fingerprint;
  std::string cluster;
  std::string journal;  // the mark of its first term: tells this journal from every other
  Sequence seq = 0;
  Term term = 0;
  std::string mark;       // of this term
  Instant term_began_at;  // timers of what is under way count anew from here
  Instant last_at;        // record time never runs backwards
  std::map<GroupName, GroupStatus> groups;
  std::map<CheckReference, CheckVerdict> verdicts;
  std::map<RunId, Run> runs;  // every open one and the newest kEndedRunsKept ended ones
  std::map<RunId, Obligation> obligations;
  std::optional<Hold> hold;                  // on everything
  std::map<std::string, Sequence> imported;  // journals brought in, and up to which record
  std::int64_t runs_opened = 0;
  std::int64_t obligations_opened = 0;

  // Running or parked: what gate 8 calls open. One that is superseded is not.
  [[nodiscard]] const Run* open_run(const GroupName& group) const;
  // Those that have not begun, oldest first.
  [[nodiscard]] std::vector<const Run*> waiting_runs(const GroupName& group) const;
};

inline constexpr std::size_t kEndedRunsKept = 200;
// Drift is undone this often within kReassertionsWithin. After that another writer wins the
// argument with a person, not with Bascule.
inline constexpr std::size_t kReassertions = 3;
inline constexpr Duration kReassertionsWithin{3'600'000};
inline constexpr std::size_t kShadowEpisodesKept = 100;

}  // namespace bascule::engine
