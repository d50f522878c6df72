// A status in its parts.
#include "app/terminal/status_parts.h"

#include <fmt/format.h>

#include <utility>

#include "app/terminal/view_reading.h"
#include "engine/phrases.h"

namespace bascule::app {
namespace {

// ", 0 B behind, seen 0.4s" of the standby that protects the group.
std::string how_well(const Json& standby, Instant now) {
  std::string text;
  if (const auto behind = number(standby, "behind_bytes"))
    text += fmt::format(", {} behind", engine::size_text(*behind));
  const std::string seen = age(instant(standby, "seen_at"), now);
  return seen.empty() ? text : fmt::format("{}, seen {}", text, seen);
}

std::string protection(const Json& group, Instant now) {
  std::string word = text_or(group, "protection", "unknown");
  std::string because = text_or(group, "protection_because");
  const std::string well = how_well(member(group, "standby"), now);
  if (because.empty()) return word + well;
  if (because.starts_with(word)) return because + well;
  return fmt::format("{}{} {}{}", word, because.starts_with("by ") ? "" : ":", because, well);
}

std::string last_move(const Json& group, Instant now) {
  const Json& run = member(group, "last_run");
  if (!run.is_object()) return "–";
  std::string text =
      fmt::format("{} {} ago", text_or(run, "move"), age(instant(run, "ended_at"), now));
  const std::string state = text_or(run, "state");
  if (state != "done") return fmt::format("{}, {}", text, spaced(state));
  const std::string lost = loss(run);
  return lost.empty() ? text : fmt::format("{}, {} lost", text, lost);
}

void add_hold(Page& page, const Json& hold, const std::string& what, const std::string& command,
              Instant now) {
  if (!hold.is_object()) return;
  std::string sentence =
      fmt::format("{} automation of {} is held by {} since {}", kBeside, what,
                  text_or(hold, "by", "somebody"), age(instant(hold, "since"), now));
  if (const auto until = instant(hold, "until"); until && *until > now) {
    sentence += fmt::format(", for {} more", time_left(*until, now));
  }
  if (const std::string reason = text_or(hold, "reason"); !reason.empty())
    sentence += fmt::format(": {}", reason);
  page.flow({{sentence, Tone::warning}, {fmt::format("; `{}`", command)}}, 0, 2);
}

void add_obligations(Page& page, const Json& group, Instant now) {
  for (const Json& owed : list(group, "obligations")) {
    std::string sentence =
        fmt::format("{} owed: {} of {} since {}", kWaiting, spaced(text_or(owed, "kind")),
                    text_or(owed, "site"), age(instant(owed, "since"), now));
    if (const auto tries = number(owed, "tries"); tries && *tries > 0)
      sentence += fmt::format(", tried {}", counted(*tries, "time"));
    if (boolean_or(owed, "standing")) sentence += ", now every minute";
    if (const std::string because = text_or(owed, "because"); !because.empty())
      sentence += fmt::format(": {}", because);
    page.flow({{sentence, Tone::warning}}, 0, 2);
  }
}

void add_front_door(Page& page, const Json& group, Instant now) {
  if (const Json& drift = member(group, "drift"); drift.is_object()) {
    const std::string left = text_or(drift, "left_because");
    std::string sentence =
        fmt::format("{} front door since {}: {}", kFailed, age(instant(drift, "since"), now),
                    text_or(drift, "because"));
    sentence += left.empty() ? "; it is set back" : fmt::format("; left as it is: {}", left);
    const std::string command =
        fmt::format("bascule adopt {} --active {} --reason TEXT", text_or(group, "group"),
                    text_or(group, "active", "SITE"));
    std::vector<Piece> pieces{{sentence, Tone::warning}};
    if (!left.empty()) pieces.emplace_back(fmt::format("; `{}`", command));
    page.flow(std::move(pieces), 0, 2);
  }
  if (const Json& silent = member(group, "front_door_silent"); silent.is_object()) {
    page.flow({{fmt::format("{} front door silent since {}: {}", kBeside,
                            age(instant(silent, "since"), now), text_or(silent, "because")),
                Tone::warning}},
              0, 2);
  }
}

void add_unready(Page& page, const Json& group, Instant now) {
  for (const Json& item : list(group, "unready")) {
    const std::string site = text_or(item, "site");
    page.flow({{fmt::format("{} {} may not be able to take over since {}: {}: {}", kWaiting, site,
                            age(instant(item, "since"), now), text_or(item, "item"),
                            text_or(item, "because")),
                Tone::warning},
               {fmt::format("; `bascule preflight {} --to {}`", text_or(group, "group"), site)}},
              0, 2);
  }
}

void add_drill(Page& page, const Json& group) {
  const Json& drill = member(group, "drill");
  if (const std::string sentence = text_or(drill, "sentence"); !sentence.empty()) {
    const bool overdue = boolean_or(drill, "overdue");
    page.flow({{fmt::format("{} {}", overdue ? kFailed : kUnderWay, sentence),
                overdue ? Tone::bad : Tone::strong}},
              0, 2);
  }
  const std::string last = text_or(member(group, "last_drill"), "sentence");
  if (!last.empty()) page.flow({{fmt::format("{} {}", kBeside, last)}}, 0, 2);
}

void add_way_home(Page& page, const Json& group) {
  const std::string coming = text_or(group, "way_home");
  if (!coming.empty()) page.flow({{fmt::format("{} {}", kBeside, coming)}}, 0, 2);
}

void add_check_rows(Table& table, const Json& checks, std::string place, Tone tone, Instant now) {
  for (const Json& check : checks) {
    const std::string health = text_or(check, "health");
    table.rows.push_back({{std::exchange(place, ""), tone},
                          {text_or(check, "check")},
                          {health, tone_of_health(health)},
                          {latency(member(check, "latency_ms"))},
                          {age(instant(check, "since"), now), Tone::faint},
                          {text_or(check, "detail")}});
  }
}

}  // namespace

void add_status_head(Page& page, const Json& status) {
  const std::size_t groups = list(status, "groups").size();
  const bool held = text_or(status, "automation") == "held";
  const std::string role = boolean_or(status, "leader")
                               ? fmt::format("leads (term {})", integer_or(status, "term"))
                               : std::string("follows");
  page.flow({{"cluster " + text_or(status, "cluster") + " · "},
             {fmt::format("observer {} {} · ", text_or(status, "observer"), role)},
             {held ? "automation held" : "automation on", held ? Tone::warning : Tone::plain},
             {" · " + counted(static_cast<std::int64_t>(groups), "group")}});
}

void add_groups(Page& page, const std::vector<const Json*>& groups, std::size_t left_out,
                Instant now) {
  Table table;
  table.columns = {Column("GROUP"),      Column("STATE"),
                   Column("ACTIVE"),     Column("PROTECTION", true),
                   Column("AUTOMATION"), Column("LAST MOVE", true)};
  for (const Json* group : groups) {
    const std::string state = text_or(*group, "state");
    const std::string automation = text_or(*group, "automation");
    table.rows.push_back(
        {{text_or(*group, "group"), Tone::strong},
         {state, tone_of_group_state(state)},
         {text_or(*group, "active", "unknown"), Tone::strong},
         {protection(*group, now),
          text_or(*group, "protection") == "protected" ? Tone::plain : Tone::warning},
         {automation, automation == "held" ? Tone::warning : Tone::plain},
         {last_move(*group, now)}});
  }
  page.table(table);
  if (left_out > 0) {
    page.flow({{fmt::format("… {}", counted(static_cast<std::int64_t>(left_out), "more group")),
                Tone::faint}});
  }
}

void add_trouble(Page& page, const Json& status, Instant now) {
  if (const std::string trouble = text_or(status, "trouble"); !trouble.empty()) {
    page.flow(
        {{fmt::format("{} {} can do nothing: {}", kFailed, text_or(status, "observer"), trouble),
          Tone::bad}},
        0, 2);
  }
  add_hold(page, member(status, "hold"), "everything", "bascule release --reason TEXT", now);
}

void add_notices(Page& page, const Json& group, Instant now) {
  const std::string name = text_or(group, "group");
  const std::string state = text_or(group, "state");
  const Json& run = member(group, "open_run");
  if (run.is_object()) {
    page.flow({{fmt::format("{} {} {} {} → {}, {} since {}", kUnderWay, text_or(run, "run"),
                            text_or(run, "move"), text_or(run, "source"), text_or(run, "target"),
                            text_or(run, "state"), age(instant(run, "started_at"), now)),
                tone_of_run_state(text_or(run, "state"))},
               {fmt::format("; `{}`", text_or(run, "next"))}},
              0, 2);
  }
  for (const Json& waiting : list(group, "waiting_runs")) {
    const bool needs_a_person = text_or(member(waiting, "wait"), "for") == "approval";
    page.flow({{fmt::format("{} {}", kWaiting, text_or(waiting, "sentence")),
                needs_a_person ? Tone::bad : Tone::strong},
               {fmt::format("; `{}`", text_or(waiting, "next"))}},
              0, 2);
  }
  if (const std::string shadow = text_or(member(group, "shadow"), "sentence"); !shadow.empty()) {
    page.flow({{fmt::format("{} mode shadow: {} {}", kBeside, name, shadow)}}, 0, 2);
  }
  if (state != "HEALTHY" && state != "FAILOVER") {
    std::string sentence = fmt::format("{} {} is {} since {}", kFailed, name, state,
                                       age(instant(group, "since"), now));
    if (const std::string because = text_or(group, "because"); !because.empty())
      sentence += fmt::format(": {}", because);
    page.flow(
        {{sentence, tone_of_group_state(state)}, {fmt::format("; `bascule explain {}`", name)}}, 0,
        2);
  }
  add_hold(page, member(group, "hold"), name, fmt::format("bascule release {} --reason TEXT", name),
           now);
  if (const std::string changed = text_or(group, "role_change"); !changed.empty()) {
    page.flow({{fmt::format("{} {} was promoted, and not by Bascule", kFailed, changed), Tone::bad},
               {fmt::format("; `bascule explain {}`", name)}},
              0, 2);
  }
  add_front_door(page, group, now);
  add_drill(page, group);
  add_way_home(page, group);
  add_obligations(page, group, now);
  add_unready(page, group, now);
}

void add_checks(Page& page, const Json& group, Instant now) {
  Table table;
  table.columns = {Column("SITE"),    Column("CHECK"), Column("HEALTH"),
                   Column("LATENCY"), Column("SINCE"), Column("DETAIL", true)};
  for (const Json& site : list(group, "sites")) {
    const bool active = boolean_or(site, "active");
    add_check_rows(table, list(site, "checks"),
                   fmt::format("{} {}", active ? kActive : kWaiting, text_or(site, "site")),
                   active ? Tone::strong : Tone::plain, now);
  }
  add_check_rows(table, list(group, "checks"), "  clients", Tone::plain, now);
  if (!table.rows.empty()) page.table(table);
}

}  // namespace bascule::app
