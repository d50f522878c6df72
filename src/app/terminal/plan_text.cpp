// `bascule plan`: what a move would do, phase by phase, and how long it would take.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "engine/phrases.h"

namespace bascule::app {
namespace {

std::string phase_label(const std::string& phase) {
  return phase == "protect" ? "afterwards" : spaced(phase);
}

// The steps of the front door are named by what they are about.
bool has_name_of_its_own(const Json& step) {
  const std::string phase = text_or(step, "phase");
  return phase != "claim" && phase != "front_door";
}

// "postgres.promote at berlin": where an inspection has nothing to say.
std::string unread_change(const Json& step) {
  const std::string site = text_or(step, "site");
  const std::string uses = text_or(step, "uses");
  return site.empty() ? uses : fmt::format("{} at {}", uses, site);
}

// Settings that a person would ask for.
std::string measure_of(const Json& step) {
  const Json& settings = member(step, "settings");
  const auto attempts = number(settings, "attempts");
  const auto every = number(settings, "every");
  if (attempts && every)
    return fmt::format("up to {} × {}", *attempts, to_string(Duration{*every}));
  const bool shows_address = text_or(step, "phase") == "front_door";
  const auto ttl = number(settings, "ttl");
  return shows_address && ttl ? fmt::format("ttl {}", to_string(Duration{*ttl})) : "";
}

Piece note_of(const Json& step, const std::string& beside) {
  const std::string state = text_or(step, "state");
  const std::string because = text_or(step, "because");
  const std::string phase = text_or(step, "phase");
  if (state == "blocked") return {fmt::format("{} blocked: {}", kFailed, because), Tone::bad};
  if (!boolean_or(step, "reversible", true))
    return {fmt::format("{} no way back from here", kNoWayBack), Tone::warning};
  if (state == "done") return {fmt::format("{} already so", kDone), Tone::good};
  if (state == "pending") return {fmt::format("{} {}", kUnderWay, because), Tone::warning};
  if (state == "unknown" && !because.empty())
    return {fmt::format("{} not known now: {}", kWaiting, because), Tone::warning};
  if (!beside.empty()) return {fmt::format("{} beside {}", kBeside, beside), Tone::faint};
  if (phase == "protect") return {"owed, does not hold the run", Tone::faint};
  if (phase == "claim" && !because.empty()) return {fmt::format("({})", because), Tone::faint};
  const std::string measure = measure_of(step);
  return {measure.empty() ? because : measure, Tone::faint};
}

// What the run will owe; it follows the steps in their table, so that the columns agree.
void add_owed(Table& table, const Json& plan) {
  bool first = true;
  for (const std::string& owed : texts_or_empty(plan, "afterwards")) {
    table.rows.push_back({{first ? "afterwards" : "", Tone::strong},
                          {owed},
                          {"owed, does not hold the run", Tone::faint}});
    first = false;
  }
}

void add_steps(Page& page, const Json& plan) {
  const Json& steps = list(plan, "steps");
  std::size_t longest_name = 0;
  for (const Json& step : steps) {
    if (has_name_of_its_own(step))
      longest_name = std::max(longest_name, width(text_or(step, "name")));
  }
  Table table;
  table.indent = 2;
  table.with_titles = false;
  table.columns = {Column("phase"), Column("change", true), Column("note", true)};
  std::string phase;
  std::string first_of_phase;
  for (const Json& step : steps) {
    const std::string own_phase = text_or(step, "phase");
    const std::string name = text_or(step, "name");
    const bool begins_phase = own_phase != phase;
    if (begins_phase) first_of_phase = name;
    phase = own_phase;
    std::string change = text_or(step, "change");
    if (change.empty()) change = unread_change(step);
    // A change that begins with the step's name says it already.
    if (has_name_of_its_own(step) && !change.starts_with(name + " "))
      change = fmt::format("{}{} {}", name, std::string(longest_name - width(name), ' '), change);
    const bool beside = !begins_phase && list(step, "needs").empty();
    table.rows.push_back({{begins_phase ? phase_label(phase) : "", Tone::strong},
                          {change},
                          note_of(step, beside ? first_of_phase : "")});
  }
  add_owed(table, plan);
  page.table(table);
}

void add_estimate(Page& page, const Json& plan) {
  const Json& estimate = member(plan, "estimate");
  const auto span = number(estimate, "outage_ms");
  if (!span) {
    page.flow({{"no estimate: no such step has run before", Tone::faint}});
    return;
  }
  std::string path;
  for (const std::string& id : texts_or_empty(estimate, "critical_path")) {
    const std::size_t slash = id.find('/');
    const std::string phase = id.substr(0, slash);
    const bool named = phase != "claim" && phase != "front_door" && slash != std::string::npos;
    if (!path.empty()) path += " → ";
    path += named ? id.substr(slash + 1) : spaced(phase);
  }
  page.flow({{fmt::format("estimate {} outage", engine::span_text(Duration{*span})), Tone::strong},
             {fmt::format(" (critical path {}, from {})", path,
                          counted(integer_or(estimate, "past_runs"), "past run"))}});
}

}  // namespace

std::string plan_text(const Json& plan, const Look& look) {
  Page page(look);
  const Json& steps = list(plan, "steps");
  const std::string title =
      fmt::format("{} of {}: {} → {}", text_or(plan, "move"), text_or(plan, "group"),
                  text_or(plan, "source"), text_or(plan, "target"));
  const std::string padding(std::max<std::size_t>(width(title) < 58 ? 60 - width(title) : 2, 2),
                            ' ');
  page.flow({{title, Tone::strong}, {padding + "nothing has been changed", Tone::faint}});
  if (const std::string because = text_or(plan, "because"); !because.empty())
    page.flow({{"because " + because}});
  page.gap();
  add_steps(page, plan);
  page.gap();
  for (const std::string& exposure : texts_or_empty(plan, "exposures"))
    page.flow({{fmt::format("{} {}", kNoWayBack, exposure), Tone::bad}}, 0, 2);
  const auto blocked = std::ranges::count_if(
      steps, [](const Json& step) { return text_or(step, "state") == "blocked"; });
  if (blocked > 0) {
    page.flow(
        {{fmt::format("{} {} blocked: the move would stop before its point of no return", kFailed,
                      blocked == 1 ? "a step is" : counted(blocked, "step") + " are"),
          Tone::bad}});
  }
  add_estimate(page, plan);
  return page.text();
}

}  // namespace bascule::app
