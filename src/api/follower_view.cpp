#include "api/follower_view.h"

#include "api/forms.h"
#include "engine/drift.h"
#include "engine/drills.h"
#include "engine/failback.h"
#include "engine/front_door.h"

namespace bascule::api {
namespace {

using engine::GroupStatus;
using engine::State;

// How the front door differs from what was left there, and why that is not undone.
Json drift_view(const State& state, const GroupName& group, const GroupStatus& status,
                Instant now) {
  if (!status.drift) return nullptr;
  return Json{{"kind", word(status.drift->kind)},
              {"since", to_rfc3339(status.drift->since)},
              {"expected", status.drift->expected},
              {"found", status.drift->found},
              {"because", status.drift->because},
              {"left_because", text_or_null(engine::why_not_reasserted(state, group, now))}};
}

// Who looks after the front door, as its line said when it was last read; null before that.
Json line_view(const State& state, const engine::Readings& readings, const GroupName& group) {
  const auto reading = readings.front_doors.find(group);
  if (reading == readings.front_doors.end() || !reading->second.newest.inspection) return nullptr;
  const auto line = engine::line_in(reading->second.newest.inspection->facts);
  if (!line) {
    return Json{{"generation", nullptr}, {"cluster", nullptr}, {"claimant", nullptr},
                {"target", nullptr},     {"ours", true},       {"text", "nobody has claimed it"}};
  }
  return Json{{"generation", line->generation},
              {"cluster", line->cluster},
              {"claimant", line->run},
              {"target", line->target.text()},
              {"ours", engine::wrote_line(state, group, *line)},
              {"text", engine::line_text(state, group, *line)}};
}

Json silence_view(const GroupStatus& status) {
  if (!status.front_door_silence) return nullptr;
  return Json{{"since", to_rfc3339(status.front_door_silence->since)},
              {"because", status.front_door_silence->because}};
}

Json way_home_view(const State& state, const engine::Readings& readings, const GroupName& group,
                   Instant now) {
  const engine::Homecoming coming = engine::homecoming_of(state, readings, group, now);
  return coming.applies ? Json(coming.because) : Json(nullptr);
}

Json drill_view(const State& state, const GroupName& group, const GroupStatus& status,
                Instant now) {
  if (!status.drill) return nullptr;
  const engine::OpenDrill& drill = *status.drill;
  return Json{{"run", drill.run.text()},
              {"site", drill.site.text()},
              {"home", drill.home.text()},
              {"since", to_rfc3339(drill.since)},
              {"back_at", to_rfc3339(drill.back_at)},
              {"deadline", to_rfc3339(drill.deadline)},
              {"overdue", drill.overdue},
              {"left_open", drill.left_open},
              {"sentence", engine::drill_sentence(state, group, now)}};
}

Json last_drill_view(const GroupStatus& status, Instant now) {
  if (!status.last_drill) return nullptr;
  return Json{{"run", status.last_drill->run.text()},
              {"ended_at", to_rfc3339(status.last_drill->ended_at)},
              {"succeeded", status.last_drill->succeeded},
              {"because", status.last_drill->because},
              {"last_good_at", instant(status.last_good_drill_at)},
              {"sentence", engine::last_drill_sentence(status, now)}};
}

// What would be missing when a site has to take over.
Json unready_view(const GroupStatus& status) {
  Json all = Json::array();
  for (const auto& [item, unready] : status.unready) {
    all.push_back(Json{{"site", item.first.text()},
                       {"item", item.second},
                       {"since", to_rfc3339(unready.since)},
                       {"because", unready.because}});
  }
  return all;
}

}  // namespace

void add_followers(Json& group_view, const State& state, const engine::Readings& readings,
                   const GroupName& group, Instant now) {
  const GroupStatus& status = state.groups.at(group);
  group_view["drift"] = drift_view(state, group, status, now);
  group_view["front_door_line"] = line_view(state, readings, group);
  group_view["front_door_silent"] = silence_view(status);
  group_view["role_change"] = status.role_change ? Json(status.role_change->text()) : Json(nullptr);
  group_view["way_home"] = way_home_view(state, readings, group, now);
  group_view["drill"] = drill_view(state, group, status, now);
  group_view["unready"] = unready_view(status);
  group_view["last_drill"] = last_drill_view(status, now);
}

}  // namespace bascule::api
