// `bascule check`: every check once, in the order of the configuration.
#include <fmt/format.h>

#include <array>
#include <map>
#include <set>
#include <utility>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

std::string detail(const Json& check) {
  const Json& error = member(check, "error");
  std::string summary = text_or(check, "summary");
  if (!error.is_object()) return summary;
  const std::string code = text_or(error, "code");
  const std::string message = text_or(error, "message", summary);
  return code.empty() ? message : fmt::format("{} ({})", message, code);
}

// "4 checks: 3 healthy, 1 failed".
std::string tally(const Json& checks) {
  constexpr std::array<std::string_view, 5> kOrder{"healthy", "degraded", "critical", "failed",
                                                   "unknown"};
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (const Json& check : checks) ++counts[text_or(check, "health", "unknown")];
  std::string text = counted(static_cast<std::int64_t>(checks.size()), "check");
  std::string separator = ": ";
  for (const std::string_view health : kOrder) {
    const auto found = counts.find(health);
    if (found == counts.end()) continue;
    text += fmt::format("{}{} {}", std::exchange(separator, ", "), found->second, health);
  }
  return text;
}

}  // namespace

std::string checks_text(const Json& checks, const Look& look) {
  Page page(look);
  if (!checks.is_array() || checks.empty()) {
    page.flow({{"no check is configured"}});
    return page.text();
  }
  Table table;
  table.columns = {Column("GROUP"),  Column("SITE"),    Column("CHECK"),
                   Column("HEALTH"), Column("LATENCY"), Column("DETAIL", true)};
  std::string place;
  for (const Json& check : checks) {
    const std::string health = text_or(check, "health", "unknown");
    const std::string group = text_or(check, "group");
    const std::string site = text_or(check, "site", "clients");
    const bool same_place = place == group + "/" + site;
    place = group + "/" + site;
    table.rows.push_back({{same_place ? "" : group, Tone::strong},
                          {same_place ? "" : site},
                          {text_or(check, "check")},
                          {health, tone_of_health(health)},
                          {latency(member(check, "latency_ms"))},
                          {detail(check)}});
  }
  page.table(table);
  page.gap();
  page.flow({{tally(checks)}});
  return page.text();
}

}  // namespace bascule::app
