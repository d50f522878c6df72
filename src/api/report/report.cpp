#include "api/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "api/views.h"

namespace bascule::api {
namespace {

using engine::Run;
using engine::StepProgress;

Instant beginning_of(const Run& run) {
  if (run.outage_began_at) return *run.outage_began_at;
  if (run.first_sign_at) return *run.first_sign_at;
  return run.opened_at;
}

const StepProgress* progress_in(const Run& run, const StepId& step) {
  const auto found = run.execution.progress.find(step);
  return found == run.execution.progress.end() ? nullptr : &found->second;
}

bool took_time(const StepProgress* progress) {
  return progress != nullptr && progress->started_at && progress->ended_at;
}

bool waits_for(const Step& step, const Step& other) {
  return other.phase < step.phase || std::ranges::find(step.needs, other.id) != step.needs.end();
}

// What the end of the outage waited for: from the last step that clients had to wait for back to
// the first, each time to the one among those it waited for that ended last.
std::vector<StepId> critical_path_of(const Run& run) {
  const auto& steps = run.execution.steps;
  const auto latest = [&](const auto& counts) {
    const Step* found = nullptr;
    for (const Step& step : steps) {
      const StepProgress* progress = progress_in(run, step.id);
      if (!took_time(progress) || !counts(step)) continue;
      if (found == nullptr || *progress->ended_at > *progress_in(run, found->id)->ended_at) {
        found = &step;
      }
    }
    return found;
  };
  std::vector<StepId> path;
  const Step* at = latest([](const Step& step) { return step.phase <= Phase::front_door; });
  while (at != nullptr) {
    path.insert(path.begin(), at->id);
    const Step& after = *at;
    at = latest([&](const Step& step) { return waits_for(after, step); });
  }
  return path;
}

class Timeline {
 public:
  explicit Timeline(Instant beginning) : beginning_(beginning) {}

  void add(const std::optional<Instant>& at, std::string what, std::string text) {
    if (!at) return;
    moments_.push_back(Moment{*at, moments_.size(), std::move(what), std::move(text)});
  }

  Json take() {
    std::ranges::sort(moments_, {},
                      [](const Moment& moment) { return std::pair(moment.at, moment.order); });
    Json all = Json::array();
    for (const Moment& moment : moments_) {
      all.push_back(Json{{"at", to_rfc3339(moment.at)},
                         {"offset_ms", (moment.at - beginning_).count()},
                         {"what", moment.what},
                         {"text", moment.text}});
    }
    return all;
  }

 private:
  struct Moment {
    Instant at;
    std::size_t order = 0;  // of what happened at the same moment
    std::string what;
    std::string text;
  };
  Instant beginning_;
  std::vector<Moment> moments_;
};

std::string why(const Run& run) {
  const std::string who = fmt::format("{} by {}", to_string(run.trigger), run.actor);
  return run.reason.empty() ? who : fmt::format("{}: {}", who, run.reason);
}

Json timeline_of(const Run& run) {
  Timeline timeline(beginning_of(run));
  timeline.add(run.first_sign_at, "first sign", "before any look had failed");
  timeline.add(run.first_failed_at, "look failed", "the first of the looks that count");
  timeline.add(run.verdict_at, "verdict", "the observers agree that the check is down");
  timeline.add(run.opened_at, "decision",
               fmt::format("{} {} → {}, {}", to_string(run.plan.move), run.plan.source,
                           run.plan.target, why(run)));
  for (const Step& step : run.execution.steps) {
    const StepProgress* progress = progress_in(run, step.id);
    if (progress == nullptr || !progress->ended_at) continue;
    const std::string& said = progress->because.empty() ? progress->change : progress->because;
    timeline.add(progress->ended_at, fmt::format("{} {}", step.id, to_string(progress->state)),
                 said);
  }
  timeline.add(run.activated_at, "active", fmt::format("{} is the active site", run.plan.target));
  timeline.add(run.rollback_began_at, "going back", run.rollback_because);
  timeline.add(run.ended_at, std::string(to_string(run.state)), run.because);
  return timeline.take();
}

Json bars_of(const Run& run, const std::vector<StepId>& critical) {
  const Instant beginning = beginning_of(run);
  Json bars = Json::array();
  if (run.verdict_at && *run.verdict_at > beginning) {
    bars.push_back(Json{{"step", "detection"},
                        {"phase", nullptr},
                        {"state", "done"},
                        {"begins_ms", 0},
                        {"lasts_ms", (*run.verdict_at - beginning).count()},
                        {"critical", true}});
  }
  for (const Step& step : run.execution.steps) {
    const StepProgress* progress = progress_in(run, step.id);
    if (!took_time(progress)) continue;
    const bool is_critical = std::ranges::find(critical, step.id) != critical.end();
    bars.push_back(Json{{"step", step.id.text()},
                        {"phase", std::string(to_string(step.phase))},
                        {"state", std::string(to_string(progress->state))},
                        {"begins_ms", (*progress->started_at - beginning).count()},
                        {"lasts_ms", (*progress->ended_at - *progress->started_at).count()},
                        {"critical", is_critical}});
  }
  return bars;
}

}  // namespace

Json report_view(const engine::State& state, const Run& run, const JournalRange& range,
                 Instant now) {
  const std::vector<StepId> critical = critical_path_of(run);
  Json path = Json::array();
  for (const StepId& step : critical) path.push_back(step.text());
  return Json{{"version", 1},
              {"cluster", state.cluster},
              {"made_at", to_rfc3339(now)},
              {"run", run_view(state, run)},
              {"timeline", timeline_of(run)},
              {"bars", bars_of(run, critical)},
              {"critical_path", std::move(path)},
              {"journal", Json{{"first_seq", range.first},
                               {"first_hash", to_hex(range.first_hash)},
                               {"last_seq", range.last},
                               {"last_hash", to_hex(range.last_hash)}}}};
}

}  // namespace bascule::api
