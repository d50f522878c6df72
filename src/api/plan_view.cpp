// The view of a plan, and what a saved one rests on, read back.
#include <fmt/format.h>

#include <map>
#include <utility>

#include "api/forms.h"
#include "api/views.h"

namespace bascule::api {
namespace {

std::string planned_state(const std::optional<Result<Inspection>>& inspection) {
  if (!inspection) return "unknown";
  if (!*inspection) return "unknown";
  return word((*inspection)->finding);
}

// Settings as they may be shown: secrets as <secret>, what another step gives out as such.
Json shown_settings(const Json& settings) {
  if (settings.is_object()) {
    if (settings.size() == 1 && settings.contains("$secret")) return "<secret>";
    Json shown = Json::object();
    for (const auto& [key, value] : settings.items()) shown[key] = shown_settings(value);
    return shown;
  }
  if (settings.is_array()) {
    Json shown = Json::array();
    for (const Json& value : settings) shown.push_back(shown_settings(value));
    return shown;
  }
  if (!settings.is_string()) return settings;
  const std::string text = settings.get<std::string>();
  const std::size_t at = text.find("${{ steps.");
  if (at == std::string::npos) return settings;
  const std::size_t end = text.find(" }}", at);
  return fmt::format("known after {}", text.substr(at + 10, end - at - 10));
}

Json planned_step(const Step& step, const std::optional<Result<Inspection>>& inspection) {
  Json needs = Json::array();
  for (const StepId& need : step.needs) needs.push_back(need.text());
  Json view{{"id", step.id.text()},
            {"phase", word(step.phase)},
            {"name", step.name},
            {"uses", step.uses},
            {"site", text_or_null(step.site.text())},
            {"needs", std::move(needs)},
            {"reversible", step.reversible},
            {"rung", step.rung == Rung::none ? Json(nullptr) : Json(word(step.rung))},
            {"timeout_ms", step.timeout.count()},
            {"on_failure", word(step.on_failure)},
            {"state", planned_state(inspection)},
            {"change", ""},
            {"because", nullptr},
            {"settings", shown_settings(step.settings)}};
  const bool only_later = step.phase == Phase::verify && inspection && *inspection &&
                          (*inspection)->finding != Finding::blocked;
  if (inspection && *inspection) {
    view["change"] = (*inspection)->change;
    view["because"] = text_or_null((*inspection)->because);
    if (only_later) view["state"] = "unknown";
    if (only_later) view["because"] = runtime::kAfterTheSwitch;
  } else if (inspection) {
    view["because"] = inspection->error().message;
  }
  return view;
}

Json marks_view(const std::map<StepId, std::string>& marks) {
  Json view = Json::object();
  for (const auto& [step, mark] : marks) view[step.text()] = mark;
  return view;
}

Json basis_view(const engine::PlanBasis& basis) {
  return Json{{"configuration", basis.configuration},
              {"active", basis.active.text()},
              {"last_run", text_or_null(basis.last_run.text())},
              {"steps", marks_view(basis.steps)},
              {"identities", marks_view(basis.identities)}};
}

}  // namespace

Result<engine::PlanBasis> plan_basis_from(const Json& basis) {
  engine::PlanBasis made;
  made.configuration = text_or(basis, "configuration");
  made.active = SiteName(text_or(basis, "active"));
  made.last_run = RunId(text_or(basis, "last_run"));
  if (made.configuration.empty() || made.active.empty()) {
    return fail(ErrorCode::invalid, "it does not say what the plan rests on");
  }
  for (const auto& [key, marks] :
       {std::pair("steps", &made.steps), std::pair("identities", &made.identities)}) {
    const auto found = basis.find(key);
    if (found == basis.end() || !found->is_object()) {
      return fail(ErrorCode::invalid, "`{}` is not an object", key);
    }
    for (const auto& [step, mark] : found->items()) {
      if (!mark.is_string()) return fail(ErrorCode::invalid, "`{}.{}` is not a text", key, step);
      marks->emplace(StepId(step), mark.get<std::string>());
    }
  }
  if (made.steps.empty()) return fail(ErrorCode::invalid, "it has no steps");
  return made;
}

Json plan_view(const runtime::Preview& preview) {
  Json steps = Json::array();
  for (const Step& step : preview.plan.steps) {
    const auto inspection = preview.inspections.find(step.id);
    steps.push_back(planned_step(step, inspection == preview.inspections.end()
                                           ? std::optional<Result<Inspection>>()
                                           : inspection->second));
  }
  Json critical = Json::array();
  for (const StepId& id : preview.critical_path) critical.push_back(id.text());
  return Json{{"group", preview.plan.group.text()},
              {"move", word(preview.plan.move)},
              {"source", preview.plan.source.text()},
              {"target", preview.plan.target.text()},
              {"because", preview.because},
              {"fingerprint", preview.plan.fingerprint},
              {"basis", basis_view(preview.basis)},
              {"exposures", preview.plan.exposures},
              {"afterwards", preview.afterwards},
              {"steps", std::move(steps)},
              {"estimate", Json{{"outage_ms", milliseconds(preview.outage)},
                                {"critical_path", std::move(critical)},
                                {"past_runs", preview.past_runs}}}};
}

}  // namespace bascule::api
