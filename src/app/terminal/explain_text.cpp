// `bascule explain GROUP`: one sentence, the nine gates, and the commands that would help.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

constexpr std::size_t kBecauseColumn = 19;
constexpr std::size_t kHelpColumn = 14;
constexpr std::size_t kMoveColumn = 13;

std::string gate_label(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kLabels{
      {{"not_everything", "not all"}, {"one_at_a_time", "one at once"}, {"cooldown", "cool-down"}}};
  for (const auto& [word, label] : kLabels) {
    if (word == name) return std::string(label);
  }
  return spaced(name);
}

void add_gate(Page& page, const Json& gate, Instant now) {
  const bool holds = boolean_or(gate, "holds");
  const std::string label = gate_label(text_or(gate, "name"));
  const std::string padding(label.size() < 12 ? 12 - label.size() : 0, ' ');
  std::vector<Piece> pieces;
  pieces.emplace_back(fmt::format("{} {}{}", integer_or(gate, "number"), label, padding));
  pieces.emplace_back(fmt::format(" {}", holds ? kDone : kFailed), holds ? Tone::good : Tone::bad);
  pieces.emplace_back(" " + text_or(gate, "because"));
  if (const auto until = instant(gate, "until"); until && *until > now) {
    pieces.emplace_back(fmt::format(" · asked again in {}", time_left(*until, now)), Tone::faint);
  }
  page.flow(std::move(pieces), 2, kBecauseColumn);
}

}  // namespace

std::string explain_text(const Json& explanation, const Look& look, Instant now) {
  Page page(look);
  page.flow({{text_or(explanation, "sentence"),
              tone_of_group_state(text_or(explanation, "state")) == Tone::good ? Tone::plain
                                                                               : Tone::strong}});
  page.gap();
  for (const Json& gate : list(explanation, "gates")) add_gate(page, gate, now);
  const std::vector<std::string> last_move = texts_or_empty(explanation, "last_move");
  if (!last_move.empty()) page.gap();
  for (const std::string& sentence : last_move) {
    const bool first = &sentence == &last_move.front();
    page.flow({{(first ? "Last move: " : "") + sentence}}, first ? 2 : kMoveColumn, kMoveColumn);
  }
  const std::vector<std::string> notes = texts_or_empty(explanation, "notes");
  if (!notes.empty()) page.gap();
  for (const std::string& note : notes) page.flow({{kBeside + (" " + note)}}, 2, 4);
  const std::vector<std::string> helps = texts_or_empty(explanation, "what_helps");
  if (!helps.empty()) page.gap();
  for (const std::string& help : helps) {
    const bool first = &help == &helps.front();
    const std::size_t indent = first ? 2 : kHelpColumn;
    const std::string text = (first ? "What helps: " : "or ") + help;
    // A command is copied as a whole: it stands on one line, however long.
    if (help.starts_with("bascule ")) {
      page.verbatim(std::string(indent, ' ') + text);
    } else {
      page.flow({{text}}, indent, kHelpColumn);
    }
  }
  return page.text();
}

}  // namespace bascule::app
