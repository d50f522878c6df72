#include "engine/front_door.h"

#include <algorithm>

#include "engine/drift.h"
#include "engine/steps.h"

namespace bascule::engine {
namespace {

bool is_adoption(const Obligation& owed) {
  return owed.kind == ObligationKind::front_door && owed.takes_over;
}

// The adoption whose claim is still to be made: the work itself, or what a run came before.
const Obligation* open_adoption(const State& state, const Work& work) {
  if (work.obligation != nullptr) {
    return is_adoption(*work.obligation) ? work.obligation : nullptr;
  }
  for (const auto& [id, owed] : state.obligations) {
    if (owed.group == work.group && is_adoption(owed)) return &owed;
  }
  return nullptr;
}

std::string door_of(const State& state, const GroupName& group) {
  const GroupSpec* spec = state.configuration.find_group(group);
  return spec != nullptr && spec->front_door ? spec->front_door->name : "the front door";
}

const InspectionReading* reading_of(const Deliberation& deliberation, const GroupName& group) {
  const auto found = deliberation.readings().front_doors.find(group);
  return found == deliberation.readings().front_doors.end() ? nullptr : &found->second.newest;
}

// The present try of an obligation has begun to change something.
bool has_begun(const Execution& execution) {
  return std::ranges::any_of(execution.progress, [](const auto& entry) {
    return entry.second.state != StepState::waiting;
  });
}

// The run's claim was made before what it is doing now was interrupted.
bool claimed_before(const Work& work, Instant moment) {
  return std::ranges::any_of(work.execution->steps, [&](const Step& step) {
    const StepProgress& progress = progress_of(*work.execution, step.id);
    return step.operation == "claim" && progress.ended_at && *progress.ended_at < moment;
  });
}

}  // namespace

std::optional<DoorLine> line_in(const Json& facts) {
  const std::int64_t generation = integer_or(facts, "generation", 0);
  if (generation <= 0) return std::nullopt;
  return DoorLine{static_cast<Generation>(generation), text_or(facts, "cluster"),
                  text_or(facts, "run"), SiteName(text_or(facts, "target"))};
}

std::string line_text(const State& state, const GroupName& group, const DoorLine& line) {
  return fmt::format("generation {} of {} was taken by {} of {}, for {}", line.generation,
                     door_of(state, group), line.run,
                     line.cluster == state.cluster ? "another journal" : "cluster " + line.cluster,
                     line.target);
}

std::string claimant_of(const RunId& id, const std::string& mark) {
  return mark.empty() ? id.text() : fmt::format("{}@{}", id, mark);
}

std::string claimant_of(const Work& work) {
  return claimant_of(work.id, work.run != nullptr ? work.run->mark : work.obligation->mark);
}

bool wrote_line(const State& state, const GroupName& group, const DoorLine& line) {
  if (line.cluster != state.cluster) return false;
  const GroupStatus& status = state.groups.at(group);
  const bool by_whom_we_know = status.claimed_by.empty() || line.run == status.claimed_by;
  if (line.generation == status.generation && by_whom_we_know) return true;
  const bool of_run = std::ranges::any_of(state.runs, [&](const auto& entry) {
    return !entry.second.ended_at && entry.second.plan.group == group &&
           claimant_of(entry.first, entry.second.mark) == line.run;
  });
  return of_run || std::ranges::any_of(state.obligations, [&](const auto& entry) {
           return entry.second.group == group &&
                  claimant_of(entry.first, entry.second.mark) == line.run;
         });
}

std::optional<std::string> why_not_displace(const State& state, const Work& work,
                                            const DoorLine& line) {
  const Obligation* adoption = open_adoption(state, work);
  std::string who = line_text(state, work.group, line);
  if (adoption == nullptr) return who;
  const bool by_person = adoption->actor != kAutomation;
  if (!by_person && (line.cluster != state.cluster || line.target != adoption->site)) return who;
  if (work.run == nullptr) return std::nullopt;
  const Plan& plan = work.run->plan;
  const bool stopped = state.groups.at(work.group).attested.contains(line.target);
  if (line.target == plan.source || line.target == plan.target || stopped) return std::nullopt;
  return fmt::format("{}, which this move would not stop", who);
}

const ForeignLine* unfenced_claim(const GroupStatus& status, const SiteName& target) {
  for (const auto& [site, line] : status.displaced) {
    if (site != target && site != status.active) return &line;
  }
  return nullptr;
}

std::string what_helps_when_taken(const GroupName& group) {
  return fmt::format(
      "`bascule import FILE --reason TEXT` brings that in, or `bascule adopt {} --active SITE "
      "--reason TEXT` takes the front door back",
      group);
}

std::string what_helps_when_displaced(const GroupName& group, const ForeignLine& line) {
  return fmt::format(
      "`bascule import FILE --reason TEXT` says how it ended, or stop {} and `bascule attest {} "
      "--site {} --reason TEXT`",
      line.target, group, line.target);
}

bool must_read_front_door(const State& state, const Work& work) {
  const GroupSpec* group = state.configuration.find_group(work.group);
  const auto status = state.groups.find(work.group);
  if (group == nullptr || !group->front_door || status == state.groups.end()) return false;
  if (status->second.generation == 0) return false;
  if (work.obligation != nullptr) {
    return work.obligation->kind != ObligationKind::front_door && !has_begun(*work.execution);
  }
  const Run& run = *work.run;
  return run.state == RunState::running && !run.rolling_back && !run.past_no_return &&
         claimed_before(work, went_on_at(state, work));
}

FrontDoorSight sight_of_front_door(const Deliberation& deliberation, const Work& work) {
  if (!must_read_front_door(deliberation.state(), work)) return FrontDoorSight::seen;
  const InspectionReading* reading = reading_of(deliberation, work.group);
  const bool is_fresh = reading != nullptr && reading->at >= went_on_at(deliberation.state(), work);
  if (!is_fresh) return FrontDoorSight::not_yet;
  return reading->inspection ? FrontDoorSight::seen : FrontDoorSight::unreadable;
}

Instant front_door_deadline(const State& state, const Work& work) {
  Duration patience{0};
  for (const Step& step : work.execution->steps) {
    if (step.operation == "claim") patience = step.timeout;
  }
  return went_on_at(state, work) + patience;
}

std::string why_unreadable(const Deliberation& deliberation, const GroupName& group) {
  const InspectionReading* reading = reading_of(deliberation, group);
  const std::string why =
      reading != nullptr && reading->error ? reading->error->message : "no answer";
  return fmt::format("{} cannot be read, so somebody else may have moved {} meanwhile: {}",
                     door_of(deliberation.state(), group), group, why);
}

void notice_overtaken(Deliberation& deliberation, const GroupName& group) {
  const State& state = deliberation.state();
  const Run* open = state.open_run(group);
  const InspectionReading* reading = reading_of(deliberation, group);
  if (open == nullptr || reading == nullptr || !reading->inspection) return;
  if (!must_read_front_door(state, *find_work(state, open->id))) return;
  const std::optional<DoorLine> line = line_in(reading->inspection->facts);
  if (!line || wrote_line(state, group, *line)) return;
  const RunId run = open->id;
  const std::string because = line_text(state, group, *line);
  note_superseded(deliberation, group, line, because);
  park_superseded(deliberation, run, because);
}

}  // namespace bascule::engine
