#include "api/status_text.h"

#include <utility>

#include "api/forms.h"
#include "base/assert.h"

namespace bascule::api {
namespace {

using engine::Readings;
using engine::State;

constexpr std::string_view kNoGroups = R"("groups":[])";

// Moments that grow with each newer reading of what a group's view is made of.
std::vector<Instant> readings_of(const Readings& readings, const GroupSpec& group) {
  std::vector<Instant> moments;
  const auto add_check = [&](const SiteName& site, const CheckSpec& check) {
    const CheckReference reference{group.name, site, check.name};
    Instant newest;
    if (const auto found = readings.opinions.find(reference); found != readings.opinions.end()) {
      for (const auto& [observer, opinion] : found->second) {
        newest = std::max(newest, opinion.newest_at);
      }
    }
    moments.push_back(newest);
    if (!check.watches_database) return;
    const auto facts = readings.databases.find(reference);
    const bool is_read = facts != readings.databases.end() && facts->second.newest;
    moments.push_back(is_read ? facts->second.newest->read_at : Instant());
  };
  for (const CheckSpec& check : group.checks) add_check(SiteName(), check);
  for (const SiteSpec& site : group.sites) {
    for (const CheckSpec& check : site.checks) add_check(site.name, check);
  }
  const auto door = readings.front_doors.find(group.name);
  moments.push_back(door == readings.front_doors.end() ? Instant() : door->second.newest.at);
  return moments;
}

bool depends_on_time(const State& state, const GroupSpec& group) {
  const auto found = state.groups.find(group.name);
  if (found == state.groups.end()) return true;
  const engine::GroupStatus& status = found->second;
  return status.drift || status.drill || status.last_drill || !status.shadowed.empty() ||
         group.policy.mode == Mode::shadow || group.policy.automatic_failback_after ||
         !state.waiting_runs(group.name).empty() || state.open_run(group.name) != nullptr;
}

}  // namespace

const std::string& StatusText::text_of(const State& state, const Readings& readings,
                                       const GroupSpec& group, Instant now) {
  Kept& kept = kept_[group.name];
  std::vector<Instant> read_at = readings_of(readings, group);
  const bool still_holds = !kept.text.empty() && kept.seq == state.seq && kept.read_at == read_at;
  if (still_holds && !depends_on_time(state, group)) return kept.text;
  kept = Kept{state.seq, std::move(read_at), to_text(group_view(state, readings, group.name, now))};
  return kept.text;
}

std::string StatusText::write(const State& state, const Readings& readings, const Speaker& speaker,
                              Instant now) {
  std::string text = to_text(status_head_view(state, speaker, now));
  // As a key it stands there once: within a text its quotes would be escaped.
  const std::size_t place = text.find(kNoGroups);
  BASCULE_ASSERT(place != std::string::npos, "a status has a list of groups");
  std::string groups;
  for (const GroupSpec& group : state.configuration.groups) {
    if (!groups.empty()) groups += ',';
    groups += text_of(state, readings, group, now);
  }
  text.insert(place + kNoGroups.size() - 1, groups);
  const bool some_are_gone = kept_.size() > state.configuration.groups.size();
  if (some_are_gone) {
    std::erase_if(kept_, [&](const auto& entry) {
      return state.configuration.find_group(entry.first) == nullptr;
    });
  }
  return text;
}

}  // namespace bascule::api
