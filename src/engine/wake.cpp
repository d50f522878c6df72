// When time alone would change an answer: a deadline, a wait that ends, an opinion that expires.
// What is due already has been answered by the decision before; only what lies ahead counts.
#include <algorithm>

#include "engine/automation.h"
#include "engine/drills.h"
#include "engine/engine.h"
#include "engine/execution.h"
#include "engine/failback.h"
#include "engine/front_door.h"
#include "engine/gates/gate.h"
#include "engine/holds.h"
#include "engine/watch.h"

namespace bascule::engine {
namespace {

// The earliest of the moments after `now` that it was told.
class Earliest {
 public:
  explicit Earliest(Instant now) : now_(now) {}

  void consider(const std::optional<Instant>& moment) {
    if (moment && *moment > now_ && (!earliest_ || *moment < *earliest_)) earliest_ = moment;
  }
  [[nodiscard]] std::optional<Instant> moment() const { return earliest_; }

 private:
  Instant now_;
  std::optional<Instant> earliest_;
};

void consider_steps(Earliest& earliest, const State& state, const Work& work) {
  for (const Step& step : work.execution->steps) {
    const StepStage stage = stage_of(state, work, step);
    if (stage == StepStage::barred || stage == StepStage::ended) continue;
    earliest.consider(deadline_of(state, work, step));
    earliest.consider(progress_of(*work.execution, step.id).retry_at);
  }
}

void consider_wait(Earliest& earliest, const State& state, const Run& run) {
  if (run.wait->what == WaitFor::approval) {
    earliest.consider(approval_deadline(state, run));
    return;
  }
  earliest.consider(run.wait->until);
  earliest.consider(look_deadline(state, run));
}

void consider_runs(Earliest& earliest, const State& state) {
  for (const auto& [id, run] : state.runs) {
    if (run.state == RunState::waiting) consider_wait(earliest, state, run);
    if (run.state != RunState::running) continue;
    if (run.rolling_back) {
      const Step* next = next_to_revert(run);
      if (next != nullptr) earliest.consider(revert_deadline(state, run, *next));
      continue;
    }
    const Work work = *find_work(state, id);
    consider_steps(earliest, state, work);
    if (must_read_front_door(state, work)) earliest.consider(front_door_deadline(state, work));
    const bool takes_final_look = std::ranges::all_of(
        run.execution.progress, [](const auto& entry) { return has_ended(entry.second); });
    if (takes_final_look) earliest.consider(final_look_deadline(state, run));
  }
}

void consider_obligations(Earliest& earliest, const State& state, Instant now) {
  for (const auto& [id, owed] : state.obligations) {
    earliest.consider(owed.next_at);
    if (!is_paused(state, owed, now)) consider_steps(earliest, state, *find_work(state, id));
  }
}

void consider_opinions(Earliest& earliest, const Readings& readings) {
  for (const auto& [check, opinions] : readings.opinions) {
    for (const auto& [observer, opinion] : opinions) {
      // An opinion is fresh up to and with this moment.
      earliest.consider(opinion.expires_at + Duration(1));
    }
  }
}

// A group that failed and is not being moved: some gates only wait (a cool-down, a hold).
void consider_gates(Earliest& earliest, const State& state, const Readings& readings, Instant now) {
  for (const GroupSpec& group : state.configuration.groups) {
    const auto status = state.groups.find(group.name);
    if (status == state.groups.end() || !status->second.active) continue;
    const SiteName& active = *status->second.active;
    if (group.policy.mode == Mode::manual || state.open_run(group.name) != nullptr ||
        !failure_of(state, group, active).holds) {
      continue;
    }
    for (const SiteSpec& site : group.sites) {
      if (site.name == active || !site.can_be_target) continue;
      const Proposal proposal{group.name, Move::failover, active, site.name, Trigger::automatic};
      for (const GateAnswer& gate : ask_gates(state, readings, proposal, now)) {
        if (!gate.holds) earliest.consider(gate.until);
      }
    }
  }
}

// The way home: when it is due, or when a gate that keeps the group from it will answer otherwise.
void consider_homecoming(Earliest& earliest, const State& state, const Readings& readings,
                         Instant now) {
  for (const GroupSpec& group : state.configuration.groups) {
    earliest.consider(homecoming_of(state, readings, group.name, now).until);
  }
}

}  // namespace

std::optional<Instant> next_wake(const State& state, const Readings& readings, Instant now) {
  const Instant moment = std::max(now, state.last_at);
  Earliest earliest(moment);
  consider_runs(earliest, state);
  consider_obligations(earliest, state, moment);
  consider_opinions(earliest, readings);
  consider_gates(earliest, state, readings, moment);
  consider_homecoming(earliest, state, readings, moment);
  earliest.consider(next_hold_alarm(state));
  earliest.consider(next_drill_deadline(state));
  if (state.hold) earliest.consider(state.hold->until);
  for (const auto& [name, status] : state.groups) {
    if (status.hold) earliest.consider(status.hold->until);
  }
  return earliest.moment();
}

}  // namespace bascule::engine
