// `bascule preflight`: what must be ready before a site takes over, item by item, with what to do
// about each that is not.
#include <fmt/format.h>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "engine/phrases.h"

namespace bascule::app {
namespace {

Piece icon_of(const Json& item) {
  const std::string state = text_or(item, "state");
  if (state == "ok") return {kDone, Tone::good};
  if (state == "failed") {
    const bool stops = boolean_or(item, "stops_failover") || boolean_or(item, "stops_planned");
    return {kFailed, stops ? Tone::bad : Tone::warning};
  }
  return {"…", Tone::warning};
}

void add_items(Page& page, const Json& items, std::string_view of) {
  Table table;
  table.indent = 2;
  table.with_titles = false;
  table.columns = {Column("icon"), Column("item"), Column("because", true), Column("blocks"),
                   Column("took", false, true)};
  for (const Json& item : items) {
    if (text_or(item, "of") != of) continue;
    const auto took = number(item, "took_ms");
    const bool waited = took && *took > 0;
    table.rows.push_back({icon_of(item),
                          {text_or(item, "item")},
                          {text_or(item, "because")},
                          {fmt::format("blocks: {}", text_or(item, "blocks")), Tone::faint},
                          {waited ? engine::span_text(Duration{*took}) : "", Tone::faint}});
    if (const std::string what = text_or(item, "what_to_do"); !what.empty())
      table.rows.push_back({{""}, {""}, {"what helps: " + what, Tone::strong}});
  }
  if (!table.rows.empty()) page.table(table);
}

bool has_any(const Json& items, std::string_view of) {
  for (const Json& item : items) {
    if (text_or(item, "of") == of) return true;
  }
  return false;
}

void add_verdict(Page& page, const std::string& what, const Json& verdict) {
  const bool ready = boolean_or(verdict, "ready");
  const std::string because = ready ? "nothing here stops it" : text_or(verdict, "because");
  page.flow({{ready ? kDone : kFailed, ready ? Tone::good : Tone::bad},
             {fmt::format(" {}: {}", what, because), Tone::strong}},
            0, 2);
  if (const std::string help = text_or(verdict, "what_to_do"); !help.empty())
    page.verbatim(fmt::format("  passes over it: {}", help));
}

}  // namespace

std::string checklist_text(const Json& checklist, const Look& look) {
  Page page(look);
  const Json& items = list(checklist, "items");
  const std::string target = text_or(checklist, "target");
  page.flow({{fmt::format("preflight of {}: may {} take over from {}?", text_or(checklist, "group"),
                          target, text_or(checklist, "source")),
              Tone::strong},
             {"  nothing has been changed", Tone::faint}});
  page.gap();
  if (has_any(items, "preflight")) {
    add_items(page, items, "preflight");
  } else {
    page.flow({{fmt::format("  {} has no `preflight` items", target), Tone::faint}});
  }
  if (has_any(items, "plan")) {
    page.gap();
    page.flow({{"The steps of the moves there, as they stand now"}});
    add_items(page, items, "plan");
  }
  page.gap();
  const Json& verdict = member(checklist, "verdict");
  add_verdict(page, "failover", member(verdict, "failover"));
  add_verdict(page, "planned moves", member(verdict, "planned"));
  return page.text();
}

}  // namespace bascule::app
