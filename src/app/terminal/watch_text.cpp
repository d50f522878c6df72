// `bascule watch`: what is drawn again and again, in the lines that the terminal has. What does not
// fit is counted, and what matters most is what fits: the groups, then the runs, then what is
// wrong, then the checks.
#include <fmt/format.h>

#include <algorithm>

#include "app/terminal/page.h"
#include "app/terminal/status_parts.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

constexpr std::size_t kAnyNumber = 100'000;
// Of the groups' table, where runs are open beside it.
constexpr std::size_t kLeastTable = 5;

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

// The lines that are left, given out to one part after the other.
class Room {
 public:
  explicit Room(std::size_t lines) : left_(lines) {}
  [[nodiscard]] std::size_t left() const { return left_; }

  // The text, or nothing where it does not fit.
  std::string take(std::string text) {
    if (lines_of(text) > left_) return "";
    left_ -= lines_of(text);
    return text;
  }

 private:
  std::size_t left_;
};

int urgency(const Json& group) {
  if (member(group, "open_run").is_object()) return 0;
  return text_or(group, "state") == "HEALTHY" && list(group, "waiting_runs").empty() ? 2 : 1;
}

// Those that need somebody first; otherwise in their order.
std::vector<const Json*> by_urgency(const Json& status) {
  std::vector<const Json*> groups;
  for (const int wanted : {0, 1, 2}) {
    for (const Json& group : list(status, "groups")) {
      if (urgency(group) == wanted) groups.push_back(&group);
    }
  }
  return groups;
}

std::string table_text(const std::vector<const Json*>& groups, std::size_t shown, const Look& look,
                       Instant now) {
  Page page(look);
  const auto end = groups.begin() + static_cast<std::ptrdiff_t>(shown);
  add_groups(page, {groups.begin(), end}, groups.size() - shown, now);
  return page.text();
}

// As many groups as fit, at least one.
std::string groups_text(const Json& status, const Look& look, Instant now, std::size_t lines) {
  const std::vector<const Json*> groups = by_urgency(status);
  std::size_t shown = groups.size();
  std::string text = table_text(groups, shown, look, now);
  while (lines_of(text) > lines && shown > 1) {
    const std::size_t too_many = lines_of(text) - lines;
    shown -= std::clamp<std::size_t>(too_many / 4, 1, shown - 1);
    text = table_text(groups, shown, look, now);
  }
  return text;
}

std::string runs_text_in(const Watched& watched, const Look& look, std::size_t lines) {
  std::string text;
  std::size_t shown = 0;
  for (const Json& run : watched.runs) {
    const std::size_t left = lines - std::min(lines, lines_of(text));
    const std::size_t more = watched.runs.size() - shown - 1;
    const std::size_t spare = more > 0 ? 2 : 1;  // the gap before, and the count of the others
    if (left <= spare + 2 && shown > 0) break;
    text += "\n" + live_run_text(run, look, watched.now, "", left > spare ? left - spare : 1);
    ++shown;
  }
  if (shown < watched.runs.size()) {
    Page page(look);
    const auto more = static_cast<std::int64_t>(watched.runs.size() - shown);
    page.flow({{fmt::format("… {}: `bascule runs`", counted(more, "more open run")), Tone::faint}});
    text += page.text();
  }
  return text;
}

// A run that is drawn needs no sentence of its own.
Json without_open_run(const Json& group) {
  Json rest = group;
  if (rest.is_object()) rest.erase("open_run");
  return rest;
}

std::string notices_text(const Watched& watched, const Look& look, Room& room) {
  std::string text;
  std::size_t left_out = 0;
  const auto add = [&](const Page& page) {
    const std::string taken = room.take(page.text());
    if (taken.empty() && !page.text().empty()) ++left_out;
    text += taken;
  };
  Page trouble(look);
  add_trouble(trouble, watched.status, watched.now);
  add(trouble);
  for (const Json* group : by_urgency(watched.status)) {
    Page page(look);
    add_notices(page, without_open_run(*group), watched.now);
    add(page);
  }
  if (left_out == 0) return text;
  Page page(look);
  page.flow({{"… more that needs a look: `bascule status`", Tone::warning}});
  return text + room.take(page.text());
}

std::string checks_text_in(const Watched& watched, const Look& look, Room& room) {
  std::string text;
  std::size_t left_out = 0;
  const std::vector<const Json*> groups = by_urgency(watched.status);
  for (const Json* group : groups) {
    Page page(look);
    if (groups.size() > 1) page.flow({{text_or(*group, "group"), Tone::strong}});
    add_checks(page, *group, watched.now);
    const bool keeps_a_line = room.left() > lines_of(page.text()) + 1;
    const std::string taken =
        keeps_a_line && !page.text().empty() ? room.take("\n" + page.text()) : "";
    if (taken.empty() && !page.text().empty()) ++left_out;
    text += taken;
  }
  if (left_out == 0) return text;
  Page page(look);
  page.flow({{fmt::format("… checks of {}: `bascule status`",
                          counted(static_cast<std::int64_t>(left_out), "more group")),
              Tone::faint}});
  return text + room.take(page.text());
}

// Whatever the parts made of it: never higher than the terminal, and its last line is the last.
std::string cut(const std::string& text, std::size_t lines) {
  std::size_t too_many = lines_of(text) - std::min(lines_of(text), lines);
  if (too_many == 0) return text;
  std::size_t end = text.find_last_of('\n', text.size() - 2);  // before the last line
  const std::string last = text.substr(end + 1);
  while (too_many-- > 0 && end > 0) end = text.find_last_of('\n', end - 1);
  return text.substr(0, end + 1) + last;
}

}  // namespace

std::string watch_text(const Watched& watched, const Look& look, std::size_t most_lines) {
  const std::size_t lines = most_lines == 0 ? kAnyNumber : most_lines;
  Room room(lines);
  Page footer(look);
  footer.flow({{watched.footer, Tone::faint}});
  const std::string last = room.take(footer.text());
  Page head(look);
  add_status_head(head, watched.status);
  std::string text = room.take(head.text());
  const bool runs_are_open = !watched.runs.empty();
  const std::size_t for_groups =
      runs_are_open ? std::max(room.left() / 3, kLeastTable) : room.left();
  text += room.take(groups_text(watched.status, look, watched.now, for_groups));
  const std::string runs =
      runs_are_open ? room.take(cut(runs_text_in(watched, look, room.left()), room.left())) : "";
  std::string notices = notices_text(watched, look, room);
  if (!notices.empty()) notices = room.take("\n") + notices;
  const std::string checks = checks_text_in(watched, look, room);
  return cut(text + notices + runs + checks + room.take("\n") + last, lines);
}

std::string group_line(const Json& group, const Look& look, Instant now) {
  const std::string active = text_or(group, "active");
  std::string text = fmt::format("{} {} is {}", to_rfc3339(now), text_or(group, "group"),
                                 text_or(group, "state", "UNKNOWN"));
  text += active.empty() ? ", nobody is known to be active" : fmt::format(", active {}", active);
  text += fmt::format(", {}, automation {}", text_or(group, "protection", "unknown"),
                      text_or(group, "automation", "unknown"));
  if (const Json& run = member(group, "open_run"); run.is_object()) {
    text += fmt::format(", {} {} to {} {}", text_or(run, "run"), text_or(run, "move"),
                        text_or(run, "target"), text_or(run, "state"));
  }
  return fit_to_show(text, look) + "\n";
}

std::string told_line(const Json& told, const Look& look) {
  const std::string text = text_or(told, "text");
  return fit_to_show(fmt::format("{} {:<8} {}{}{}", text_or(told, "at"), text_or(told, "severity"),
                                 text_or(told, "title"), text.empty() ? "" : ": ", text),
                     look) +
         "\n";
}

}  // namespace bascule::app
