#include "engine/notes.h"

#include <algorithm>

#include "engine/execution.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

constexpr Duration kMonth{30LL * 86'400'000};

std::string times_text(std::size_t times) {
  const std::string least = times >= kShadowEpisodesKept ? "at least " : "";
  return times == 1 ? "once" : fmt::format("{}{} times", least, times);
}

}  // namespace

std::string wait_sentence(const State& state, const Run& run, Instant now) {
  const std::string what = fmt::format("{} ({} {} → {})", run.id, to_string(run.plan.move),
                                       run.plan.source, run.plan.target);
  if (run.wait->what == WaitFor::moment) {
    const std::string time = clock_time(run.wait->until, now);
    if (run.way_back_of.empty())
      return fmt::format("{} begins at {}, as {} asked", what, time, run.actor);
    return fmt::format("{}, the way back of {}, {} {}", what, run.way_back_of,
                       now < run.wait->until ? "begins at" : "is due since", time);
  }
  return fmt::format("{} waits for an approval until {}; then it {}", what,
                     clock_time(approval_deadline(state, run), now),
                     run.wait->proceeds ? "begins by itself" : "is aborted");
}

std::optional<ShadowReport> shadow_report(const GroupSpec& group, const GroupStatus& status,
                                          Instant now) {
  ShadowReport report;
  for (const ShadowEpisode& episode : status.shadowed) {
    if (episode.began_at < now - kMonth) continue;
    ++report.times;
    report.longest = std::max(report.longest, episode.ended_at.value_or(now) - episode.began_at);
  }
  if (report.times == 0) {
    if (group.policy.mode != Mode::shadow) return std::nullopt;
    report.sentence = "would not have failed over in the last 30 days";
    return report;
  }
  const ShadowEpisode& last = status.shadowed.back();
  report.sentence = fmt::format("would have failed over {} in the last 30 days, longest {}; {}",
                                times_text(report.times), span_text(report.longest),
                                last.ended_at ? "last " + ago(last.began_at, now)
                                              : "since " + span_text(now - last.began_at));
  report.sentence += fmt::format(" to {}", last.target);
  return report;
}

std::vector<std::string> wait_notes(const State& state, const GroupName& group, Instant now) {
  std::vector<std::string> notes;
  for (const Run* run : state.waiting_runs(group)) {
    notes.push_back(wait_sentence(state, *run, now));
  }
  const GroupSpec* spec = state.configuration.find_group(group);
  const auto status = state.groups.find(group);
  if (spec == nullptr || status == state.groups.end()) return notes;
  if (const auto report = shadow_report(*spec, status->second, now)) {
    notes.push_back(fmt::format("mode shadow: {}", report->sentence));
  }
  return notes;
}

}  // namespace bascule::engine
