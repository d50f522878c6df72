// One run: its steps as they stand, live or afterwards, and how it ended.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "engine/phrases.h"

namespace bascule::app {
namespace {

constexpr std::size_t kWhatColumns = 40;
constexpr std::size_t kTookColumns = 5;
constexpr std::size_t kTookColumn = 2 + 12 + 2 + kWhatColumns + 2 + kTookColumns;

std::string took(const Json& step, std::optional<Instant> now) {
  const auto began = instant(step, "started_at");
  if (!began) return "";
  const auto ended = instant(step, "ended_at");
  if (ended) return engine::span_text(*ended - *began);
  return now ? age(began, *now) : "";
}

std::string what(const Json& step) {
  std::string name = text_or(step, "name");
  std::string change = text_or(step, "change");
  const std::string phase = text_or(step, "phase");
  if (change.empty())
    return phase == "claim" || phase == "front_door" ? text_or(step, "uses") : name;
  if (phase == "claim" || phase == "front_door" || change.starts_with(name + " ")) return change;
  return fmt::format("{}: {}", name, change);
}

bool is_over(const Json& step) {
  const std::string state = text_or(step, "state");
  return state != "waiting" && state != "started" && state != "applied";
}

// What a step that has not begun waits for: the steps that it needs, or the phase before its own.
std::string waits_for(const Json& run, const Json& step) {
  if (text_or(run, "state") != "running" || boolean_or(run, "rolling_back")) return "";
  const std::vector<std::string> needs = texts_or_empty(step, "needs");
  std::string names;
  std::string phase;
  for (const Json& other : list(run, "steps")) {
    if (&other == &step) break;
    if (is_over(other)) continue;
    if (text_or(other, "phase") != text_or(step, "phase")) {
      phase = text_or(other, "phase");
    } else if (std::ranges::find(needs, text_or(other, "id")) != needs.end()) {
      names += (names.empty() ? "" : ", ") + text_or(other, "name");
    }
  }
  if (names.empty()) names = spaced(phase);
  return names.empty() ? "" : "waits for " + names;
}

// What its newest inspection found, where the step is under way.
std::string seen_of(const Json& step) {
  const std::string state = text_or(step, "state");
  if (state != "started" && state != "applied") return "";
  return text_or(member(step, "seen"), "because");
}

std::string note(const Json& run, const Json& step) {
  const std::string state = text_or(step, "state");
  std::string because = seen_of(step);
  if (because.empty()) because = text_or(step, "because");
  if (because.empty() && state == "waiting") because = waits_for(run, step);
  const std::int64_t attempts = integer_or(step, "attempts");
  std::string text;
  if (state == "unchanged") text = "was so already";
  if (state == "skipped") text = "skipped";
  if (state == "reverted") text = "taken back";
  if (attempts > 1) text += fmt::format("{}attempt {}", text.empty() ? "" : ", ", attempts);
  if (!because.empty()) text += fmt::format("{}{}", text.empty() ? "" : ": ", because);
  return text;
}

// Which steps are shown where not all of them fit: what has ended and what has not begun are
// folded.
struct Fold {
  std::size_t first = 0;
  std::size_t last = 0;  // of these many at the end
};

void add_steps(Page& page, const Json& run, std::optional<Instant> now, Fold fold = Fold()) {
  const Json& steps = list(run, "steps");
  if (fold.first > 0) {
    const auto count = static_cast<std::int64_t>(fold.first);
    page.flow({{fmt::format("{} … {} ended", kDone, counted(count, "step")), Tone::faint}}, 2);
  }
  Table table;
  table.indent = 2;
  table.with_titles = false;
  table.columns = {Column("phase"), Column("what", true), Column("took", false, true),
                   Column("note", true)};
  // What becomes known while it runs does not move the columns.
  table.columns[1].least = kWhatColumns;
  table.columns[2].least = kTookColumns;
  std::string phase;
  for (std::size_t at = fold.first; at + fold.last < steps.size(); ++at) {
    const Json& step = steps[at];
    const std::string state = text_or(step, "state");
    const Icon icon = icon_of_step(state);
    const bool begins = text_or(step, "phase") != phase;
    phase = text_or(step, "phase");
    const Tone tone = state == "waiting" || state == "skipped" ? Tone::faint : Tone::plain;
    table.rows.push_back({{fmt::format("{} {}", icon.text, begins ? spaced(phase) : ""), icon.tone},
                          {what(step), tone},
                          {took(step, now), Tone::faint},
                          {note(run, step), state == "failed" ? Tone::bad : tone}});
  }
  page.table(table);
  if (fold.last > 0) {
    const auto count = static_cast<std::int64_t>(fold.last);
    page.flow({{fmt::format("{} … {} to come", kWaiting, counted(count, "step")), Tone::faint}}, 2);
  }
}

std::string head(const Json& run) {
  std::string text =
      fmt::format("run {} · {} of {} · {} → {} · by {}", text_or(run, "run"), text_or(run, "move"),
                  text_or(run, "group"), text_or(run, "source"), text_or(run, "target"),
                  text_or(run, "actor", "bascule"));
  const std::string reason = why(run);
  return reason.empty() ? text : fmt::format("{} · {}", text, reason);
}

std::string outage_sentence(const Json& run) {
  const Json& view = member(run, "outage");
  const auto measured = number(view, "measured_ms");
  if (!measured) return "";
  std::string text = outage(Duration{*measured});
  std::string parts;
  for (const auto& [key, label] : {std::pair("detection_ms", "detection"),
                                   {"decision_ms", "decision"},
                                   {"steps_ms", "steps"}}) {
    if (const auto part = number(view, key))
      parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", label, outage(Duration{*part}));
  }
  return parts.empty() ? text : fmt::format("{} ({})", text, parts);
}

// " for an approval until 2026-…, then it is aborted", " for its time, 2026-…".
std::string waits_for(const Json& run) {
  const Json& wait = member(run, "wait");
  const std::string until = text_or(wait, "until");
  if (text_or(wait, "for") == "moment") return fmt::format(" for its time, {}", until);
  return fmt::format(" for an approval until {}; then it {}", until,
                     text_or(wait, "on_timeout") == "proceed" ? "begins by itself" : "is aborted");
}

std::string verdict(const Json& run) {
  const std::string state = text_or(run, "state");
  const std::string target = text_or(run, "target");
  const std::string source = text_or(run, "source");
  const std::string because = text_or(run, "because");
  std::string text = spaced(state);
  const auto began = instant(run, "started_at");
  const auto ended = instant(run, "ended_at");
  if (began && ended) text += fmt::format(" after {}", outage(*ended - *began));
  if (state == "done") text += fmt::format(": {} is active", target);
  if (state == "rolled_back") text += fmt::format(": {} is active as before", source);
  if (state == "parked") text += ": a person must act";
  if (state == "waiting") text += waits_for(run);
  if (state == "running" && boolean_or(run, "rolling_back")) text += ", going back";
  // The record's own words, where they say more.
  if (!because.empty() && !text.ends_with(because)) text += fmt::format(" ({})", because);
  return text;
}

std::string_view icon_of_run(const std::string& state) {
  if (state == "done") return kDone;
  if (state == "running") return kUnderWay;
  if (state == "waiting") return kWaiting;
  return kFailed;
}

void add_verdict(Page& page, const Json& run) {
  const std::string state = text_or(run, "state");
  page.flow({{fmt::format("{} {}", icon_of_run(state), verdict(run)), tone_of_run_state(state)}}, 0,
            2);
}

void add_fact(Page& page, const std::string& label, const std::string& text,
              Tone tone = Tone::plain) {
  if (text.empty()) return;
  const std::string padding(label.size() < 10 ? 10 - label.size() : 1, ' ');
  page.flow({{label + padding, Tone::faint}, {text, tone}}, 2, 12);
}

void add_measures(Page& page, const Json& run) {
  add_fact(page, "outage", outage_sentence(run));
  add_fact(page, "data lost", loss(run));
  for (const std::string& exposure : texts_or_empty(run, "exposures"))
    add_fact(page, "exposed", exposure, Tone::bad);
  for (const Json& owed : list(run, "obligations")) {
    const std::string because = text_or(owed, "because");
    add_fact(page, "owed",
             fmt::format("{} of {}{}{}", spaced(text_or(owed, "kind")), text_or(owed, "site"),
                         because.empty() ? "" : ": ", because),
             Tone::warning);
  }
}

void add_next(Page& page, const Json& run) {
  const std::string next = text_or(run, "next");
  if (next.empty()) return;
  page.gap();
  page.verbatim("next: " + next);
}

}  // namespace

std::string run_text(const Json& run, const Look& look, Instant now) {
  Page page(look);
  page.flow({{head(run), Tone::strong}}, 0, 2);
  add_verdict(page, run);
  page.gap();
  const bool goes_on = !has_come_to_rest(text_or(run, "state"));
  add_steps(page, run, goes_on ? std::optional(now) : std::nullopt);
  page.gap();
  const Json& wait = member(run, "wait");
  if (wait.is_object()) add_fact(page, "opened", text_or(run, "opened_at"));
  add_fact(page, "started", text_or(run, "started_at"));
  if (const std::string by = text_or(wait, "begun_by"); !by.empty() && by != "bascule") {
    const std::string label = text_or(wait, "for") == "approval" ? "approved" : "set by";
    add_fact(page, label, fmt::format("{}: {}", by, text_or(wait, "begun_because")));
  }
  add_fact(page, "instead of", text_or(run, "supersedes"));
  add_fact(page, "ended", text_or(run, "ended_at"));
  add_measures(page, run);
  std::string overrides;
  for (const std::string& gate : texts_or_empty(run, "overrides"))
    overrides += (overrides.empty() ? "" : ", ") + gate;
  add_fact(page, "overrode", overrides, Tone::warning);
  const auto generation = number(run, "generation");
  add_fact(page, "journal",
           fmt::format("term {}{}", integer_or(run, "term"),
                       generation ? fmt::format(", generation {}", *generation) : ""));
  add_next(page, run);
  return page.text();
}

namespace {

// "outage so far 2.3s", or what it was once clients can come back.
std::string outage_by_now(const Json& run, Instant now) {
  if (has_come_to_rest(text_or(run, "state"))) return "";  // its end says it
  const Json& view = member(run, "outage");
  if (const auto measured = number(view, "measured_ms"))
    return "outage " + outage(Duration{*measured});
  const auto began = instant(view, "began_at");
  if (!began) return "";
  return "outage so far " + outage(std::max(now - *began, Duration{0}));
}

std::string live_page(const Json& run, const Look& look, Instant now, const std::string& leaving,
                      Fold fold) {
  Page page(look);
  page.flow({{head(run), Tone::strong}}, 0, 2);
  page.gap();
  add_steps(page, run, now, fold);
  const std::string state = text_or(run, "state");
  if (state == "waiting" || state == "parked") add_verdict(page, run);
  const std::string total = age(instant(run, "started_at"), now);
  const std::size_t columns = width(total);
  std::string remark = outage_by_now(run, now);
  if (!leaving.empty()) remark += (remark.empty() ? "" : " · ") + leaving;
  if (!remark.empty() || !has_come_to_rest(state)) {
    page.flow({{total}, {"     " + remark, Tone::faint}},
              columns < kTookColumn ? kTookColumn - columns : 0, 5);
  }
  return page.text();
}

}  // namespace

std::string live_run_text(const Json& run, const Look& look, Instant now,
                          const std::string& leaving, std::size_t most_lines) {
  const Json& steps = list(run, "steps");
  Fold fold;
  std::string text = live_page(run, look, now, leaving, fold);
  while (most_lines > 0 && static_cast<std::size_t>(std::ranges::count(text, '\n')) > most_lines) {
    const std::size_t shown = steps.size() - fold.first - fold.last;
    if (shown <= 1) break;
    // Folding one alone would only put another line in its place.
    if (is_over(steps[fold.first])) {
      fold.first += fold.first == 0 ? 2 : 1;
    } else {
      fold.last += fold.last == 0 ? 2 : 1;
    }
    fold.first = std::min(fold.first, steps.size() - 1);
    fold.last = std::min(fold.last, steps.size() - 1 - fold.first);
    text = live_page(run, look, now, leaving, fold);
  }
  return text;
}

std::string run_head_text(const Json& run, const Look& look) {
  Page page(look);
  page.flow({{head(run), Tone::strong}}, 0, 2);
  return page.text();
}

std::string step_ended_text(const Json& run, const Json& step, const Look& look) {
  Page page(look);
  const Icon icon = icon_of_step(text_or(step, "state"));
  const auto began = instant(run, "started_at");
  const auto ended = instant(step, "ended_at");
  const std::string when = began && ended ? fmt::format("+{}", outage(*ended - *began)) : "";
  std::string sentence = fmt::format(" {}: {}", spaced(text_or(step, "phase")), what(step));
  if (const std::string duration = took(step, std::nullopt); !duration.empty())
    sentence += fmt::format(" ({})", duration);
  if (const std::string remark = note(run, step); !remark.empty())
    sentence += fmt::format(" – {}", remark);
  page.flow({{when + "  ", Tone::faint}, {std::string(icon.text), icon.tone}, {sentence}},
            when.size() < 7 ? 7 - when.size() : 0, 11);
  return page.text();
}

std::string run_end_text(const Json& run, const Look& look) {
  Page page(look);
  add_verdict(page, run);
  add_measures(page, run);
  add_next(page, run);
  return page.text();
}

}  // namespace bascule::app
