// What can happen to the engine, as facts. One queue, one at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/name.h"
#include "base/result.h"
#include "engine/readings.h"
#include "model/configuration.h"
#include "model/observation.h"
#include "model/plan.h"
#include "model/record.h"

namespace bascule::engine {

struct TimePassed {};  // next_wake() came

struct TermBegan {  // the first input of a term, after replay
  Term term = 0;
  ObserverName observer;
  std::string version;
  std::string cluster;
  std::string mark;  // random, of this term
};
struct ConfigurationRead {  // at start and on reload; answered
  Configuration configuration;
};
struct OpinionFormed {
  Opinion opinion;
};
// Several that came while one before them was being decided on, oldest first: one decision for all
// of them, and one batch of records.
struct OpinionsFormed {
  std::vector<Opinion> opinions;
};
struct PositionsRead {  // the held connection's sample
  CheckReference check;
  DatabaseFacts facts;
};
struct SignSeen {
  CheckReference check;
  Sign sign;
};
struct ControllerChecked {
  ObserverName observer;
  ControllerReading reading;
};
struct FrontDoorRead {
  GroupName group;
  Result<Inspection> result;
};
// An item of a site's preflight was inspected.
struct PreflightRead {
  GroupName group;
  SiteName site;
  std::string item;
  Result<Inspection> result;
};
// A waiting run's time has come, and every check and preflight item of its group was looked at.
struct GroupLookedAt {
  RunId run;
};
struct StepInspected {
  RunId run;
  StepId step;
  Result<Inspection> result;
};
enum class StepCallKind : std::uint8_t { apply, revert };
struct StepFinished {
  RunId run;
  StepId step;
  std::int64_t attempt = 1;
  StepCallKind call = StepCallKind::apply;
  Result<Outputs> result;
};

// What a saved plan rests on, to be compared with what would be planned now. Never measurements.
struct PlanBasis {
  std::string configuration;  // fingerprint of the group's
  SiteName active;
  RunId last_run;                            // of the group; empty: none
  std::map<StepId, std::string> steps;       // fingerprint of each step as it was rendered
  std::map<StepId, std::string> identities;  // what its inspection found, where it found something
};

// Commands of a person. Every one carries who and why.
struct StartMove {
  GroupName group;
  Move move = Move::failover;
  std::optional<SiteName> to;
  std::vector<std::string> overrides;  // names of gates
  std::string ticket;
  std::string idempotency_key;
  std::string confirmed_site;  // typed by the person when a gate is overridden
  // Of a drill, which always has a way back: how long after its end that begins, and how long after
  // its end the group has to be back.
  std::optional<Duration> back_after;
  std::optional<Duration> deadline;
  std::optional<Instant> at;         // nothing: at once
  RunId supersedes;                  // a parked run to be ended; empty: none
  std::optional<PlanBasis> planned;  // of a saved plan; its identities are compared by the runtime
};
struct ApproveRun {
  RunId run;
};
struct AbortRun {
  RunId run;
};
struct ResumeRun {
  RunId run;
  StepId step;     // may be empty
  std::string as;  // done, failed, retry; empty with an empty step
};
struct HoldAutomation {
  GroupName group;  // empty: everything
  std::optional<Duration> lasting;
};
struct ReleaseAutomation {
  GroupName group;
};
struct AcknowledgeMove {
  GroupName group;
};
struct AttestSite {
  GroupName group;
  SiteName site;
};
struct AdoptGroup {
  GroupName group;
  SiteName active;
};
// Brings in what another Bascule of the same cluster did. Its chain has been verified.
struct ImportJournal {
  JournalImported journal;
  std::string open_run;  // one that is open in it; empty: none is
};

using CommandBody =
    std::variant<StartMove, ApproveRun, AbortRun, ResumeRun, HoldAutomation, ReleaseAutomation,
                 AcknowledgeMove, AttestSite, AdoptGroup, ImportJournal>;
struct Command {
  std::string actor;
  std::string reason;
  CommandBody body;
};

using Input = std::variant<TimePassed, TermBegan, ConfigurationRead, OpinionFormed, OpinionsFormed,
                           PositionsRead, SignSeen, ControllerChecked, FrontDoorRead, PreflightRead,
                           GroupLookedAt, StepInspected, StepFinished, Command>;

}  // namespace bascule::engine
