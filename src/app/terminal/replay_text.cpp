// `bascule replay`: what would be decided otherwise, and what cannot be asked.
#include <fmt/format.h>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

constexpr std::size_t kReasons = 6;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

void add_head(Page& page, const Json& replay) {
  page.flow({{fmt::format("replay of {}", text_or(replay, "journal")), Tone::strong},
             {fmt::format(": {}, {} to {}, the chain is whole",
                          counted(integer_or(replay, "records"), "record"), text_or(replay, "from"),
                          text_or(replay, "to"))}},
            0, 2);
  const std::string file = text_or(member(replay, "configuration"), "file");
  page.flow({{fmt::format("written by bascule {} in {}; asked again by {}{}",
                          joined(texts_or_empty(replay, "written_by")),
                          counted(integer_or(replay, "terms"), "term"), text_or(replay, "build"),
                          file.empty() ? "" : " and by " + file)}},
            0, 2);
}

void add_decision(Page& page, const Json& decision) {
  const std::string standing = text_or(decision, "standing");
  const bool differs = standing == "differs";
  const bool same = standing == "same";
  page.flow({{std::string(differs ? kFailed
                          : same  ? kDone
                                  : kBeside),
              differs ? Tone::bad
              : same  ? Tone::good
                      : Tone::faint},
             {fmt::format(" {}  {}  ", integer_or(decision, "seq"), text_or(decision, "at")),
              Tone::faint},
             {text_or(decision, "decision")}},
            0, 2);
  for (const Json& otherwise : list(decision, "otherwise")) {
    page.flow({{text_or(otherwise, "by") + ": ", Tone::strong}, {text_or(otherwise, "how")}},
              kReasons, kReasons + 2);
  }
  for (const std::string& undecided : texts_or_empty(decision, "undecided"))
    page.flow({{"not asked: " + undecided, Tone::faint}}, kReasons, kReasons + 2);
}

void add_counts(Page& page, const Json& replay) {
  const Json& counts = member(replay, "counts");
  const std::int64_t same = integer_or(counts, "same");
  const std::int64_t differs = integer_or(counts, "differs");
  const std::int64_t unknown = integer_or(counts, "not_decidable");
  page.flow({{fmt::format("{}: {} the same, {} otherwise, {} not decidable",
                          counted(same + differs + unknown, "decision"), same, differs, unknown),
              differs > 0 ? Tone::bad : Tone::good}});
}

}  // namespace

std::string replay_text(const Json& replay, const Look& look) {
  Page page(look);
  add_head(page, replay);
  // Of one run everything is shown, of a whole journal what is not as it was.
  const bool shows_all = !text_or(replay, "run").empty();
  page.gap();
  for (const Json& decision : list(replay, "decisions")) {
    if (shows_all || text_or(decision, "standing") == "differs") add_decision(page, decision);
  }
  if (const std::int64_t left_out = integer_or(replay, "left_out"); left_out > 0)
    page.flow({{fmt::format("… {} more are counted only", counted(left_out, "decision"))}});
  page.gap();
  add_counts(page, replay);
  const Json& not_asked = list(replay, "not_asked");
  if (!not_asked.empty() && !shows_all) {
    page.flow({{"not asked, because the journal does not tell:", Tone::faint}});
    for (const Json& what : not_asked) {
      page.flow(
          {{fmt::format("{} × {}", integer_or(what, "times"), text_or(what, "what")), Tone::faint}},
          2, 4);
    }
  }
  return page.text();
}

}  // namespace bascule::app
