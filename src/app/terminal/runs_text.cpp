// `bascule runs`: every run in a row, newest first.
#include <fmt/format.h>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {

std::string runs_text(const Json& runs, const Look& look, Instant now) {
  Page page(look);
  if (!runs.is_array() || runs.empty()) {
    page.flow({{"no run yet"}});
    return page.text();
  }
  Table table;
  table.columns = {Column("RUN"),
                   Column("GROUP"),
                   Column("MOVE"),
                   Column("FROM → TO"),
                   Column("STATE"),
                   Column("STARTED"),
                   Column("OUTAGE", false, true),
                   Column("WHY", true)};
  for (const Json& run : runs) {
    const std::string state = text_or(run, "state");
    const auto measured = number(member(run, "outage"), "measured_ms");
    const std::string began = age(instant(run, "started_at"), now);
    const Json& wait = member(run, "wait");
    const auto until = instant(wait, "until");
    const bool is_set = state == "waiting" && text_or(wait, "for") == "moment" && until;
    const std::string waits = is_set ? "in " + time_left(*until, now) : std::string();
    const std::string reason = why(run);
    const std::string actor = text_or(run, "actor");
    const bool by_person = text_or(run, "trigger") != "automatic" && !actor.empty();
    table.rows.push_back({{text_or(run, "run"), Tone::strong},
                          {text_or(run, "group")},
                          {text_or(run, "move")},
                          {fmt::format("{} → {}", text_or(run, "source"), text_or(run, "target"))},
                          {spaced(state), tone_of_run_state(state)},
                          {began.empty() ? waits : began + " ago"},
                          {measured ? outage(Duration{*measured}) : ""},
                          {by_person ? fmt::format("{}: {}", actor, reason) : reason}});
  }
  page.table(table);
  return page.text();
}

}  // namespace bascule::app
