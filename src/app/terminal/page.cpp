#include "app/terminal/page.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace bascule::app {
namespace {

constexpr std::size_t kBetweenColumns = 2;
constexpr std::size_t kNarrowest = 12;

struct Word {
  std::string text;
  Tone tone = Tone::plain;
  std::size_t blanks = 0;  // before it; none: it is glued to the word before
};

// Splits at blanks; what stands between backticks stays one word.
std::vector<Word> words_of(const std::vector<Piece>& pieces, const Look& look) {
  std::vector<Word> words;
  std::size_t blanks = 0;
  for (const Piece& piece : pieces) {
    std::string word;
    bool quoted = false;
    const auto end_word = [&] {
      if (word.empty()) return;
      words.push_back({std::move(word), piece.tone, blanks});
      word.clear();
      blanks = 0;
    };
    const std::string text = fit_to_show(piece.text, look);
    const bool balanced = std::ranges::count(text, '`') % 2 == 0;
    for (const char c : text) {
      if (c == '`' && balanced) quoted = !quoted;
      if (c == ' ' && !quoted) {
        end_word();
        ++blanks;
      } else {
        word += c;
      }
    }
    end_word();
  }
  return words;
}

struct Line {
  std::string shown;  // painted
  std::size_t columns = 0;
};

// A run of one tone is painted as one, with the blanks inside it.
class LineMaker {
 public:
  explicit LineMaker(const Look& look) : look_(look) {}

  void add(const Word& word) {
    const std::string blanks(line_.columns > 0 ? word.blanks : 0, ' ');
    if (tone_ == word.tone) {
      run_ += blanks;
    } else {
      flush();
      line_.shown += blanks;
      tone_ = word.tone;
    }
    run_ += word.text;
    line_.columns += blanks.size() + width(word.text);
  }
  Line take() {
    flush();
    return std::exchange(line_, Line());
  }
  [[nodiscard]] std::size_t columns() const { return line_.columns; }

 private:
  void flush() {
    line_.shown += paint(run_, tone_, look_);
    run_.clear();
  }

  const Look& look_;
  Line line_;
  std::string run_;
  Tone tone_ = Tone::plain;
};

// The words in lines of at most `room` columns, the first of at most `first_room`. A word that is
// wider than a line stands on a line of its own.
std::vector<Line> lines_of(const std::vector<Word>& words, std::size_t first_room, std::size_t room,
                           const Look& look) {
  std::vector<Line> lines;
  LineMaker line(look);
  for (std::size_t at = 0; at < words.size();) {
    // Words that are glued together go together.
    std::size_t end = at + 1;
    std::size_t columns = width(words[at].text);
    while (end < words.size() && words[end].blanks == 0) columns += width(words[end++].text);
    const std::size_t blanks = line.columns() > 0 ? words[at].blanks : 0;
    const std::size_t limit = lines.empty() ? first_room : room;
    const bool fits = line.columns() + blanks + columns <= limit;
    if (!fits && line.columns() > 0) lines.push_back(line.take());
    for (; at < end; ++at) line.add(words[at]);
  }
  if (line.columns() > 0 || lines.empty()) lines.push_back(line.take());
  return lines;
}

std::string blanks(std::size_t count) {
  return std::string(count, ' ');
}

std::size_t room_after(std::size_t indent, const Look& look) {
  return look.columns > indent + kNarrowest ? look.columns - indent : kNarrowest;
}

std::vector<std::size_t> natural_widths(const Table& table, const Look& look) {
  std::vector<std::size_t> widths;
  widths.reserve(table.columns.size());
  for (const Column& column : table.columns) {
    widths.push_back(std::max(column.least, table.with_titles ? width(column.title) : 0));
  }
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      widths[i] = std::max(widths[i], width(fit_to_show(row[i].text, look)));
    }
  }
  return widths;
}

// Takes room from the widest column that flows until the table fits, or nothing flows any more.
std::vector<std::size_t> fitting_widths(const Table& table, const Look& look) {
  std::vector<std::size_t> widths = natural_widths(table, look);
  const auto total = [&] {
    std::size_t sum = table.indent;
    std::size_t shown = 0;
    for (const std::size_t columns : widths) {
      sum += columns;
      shown += columns > 0 ? 1 : 0;
    }
    return sum + (shown > 0 ? (shown - 1) * kBetweenColumns : 0);
  };
  while (total() > look.columns) {
    std::optional<std::size_t> widest;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::size_t least = std::max(kNarrowest, width(table.columns[i].title));
      if (!table.columns[i].flows || widths[i] <= least) continue;
      if (!widest || widths[i] > widths[*widest]) widest = i;
    }
    if (!widest) break;
    --widths[*widest];
  }
  return widths;
}

}  // namespace

void Page::end_line(std::string line) {
  while (line.ends_with(' ')) line.pop_back();
  text_ += line + "\n";
}

void Page::flow(std::vector<Piece> pieces, std::size_t indent, std::size_t hanging) {
  const std::vector<Word> words = words_of(pieces, look_);
  const auto lines = lines_of(words, room_after(indent, look_), room_after(hanging, look_), look_);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    end_line(blanks(i == 0 ? indent : hanging) + lines[i].shown);
  }
}

void Page::verbatim(std::string_view text) {
  end_line(fit_to_show(text, look_));
}

void Page::gap() {
  if (!text_.empty() && !text_.ends_with("\n\n")) text_ += "\n";
}

void Page::table(const Table& table) {
  const std::vector<std::size_t> widths = fitting_widths(table, look_);
  const auto add = [&](const std::vector<Piece>& row) {
    std::vector<std::vector<Line>> cells;
    std::size_t height = 1;
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      const std::size_t room = std::max<std::size_t>(widths[i], 1);
      if (table.columns[i].flows) {
        cells.push_back(lines_of(words_of({row[i]}, look_), room, room, look_));
      } else {
        const std::string text = fit_to_show(row[i].text, look_);
        cells.push_back({{paint(text, row[i].tone, look_), width(text)}});
      }
      height = std::max(height, cells.back().size());
    }
    for (std::size_t y = 0; y < height; ++y) {
      std::string line = blanks(table.indent);
      for (std::size_t i = 0; i < cells.size(); ++i) {
        if (widths[i] == 0) continue;
        const Line part = y < cells[i].size() ? cells[i][y] : Line();
        const std::string padding = blanks(widths[i] > part.columns ? widths[i] - part.columns : 0);
        line += table.columns[i].to_the_right ? padding + part.shown : part.shown + padding;
        line += blanks(kBetweenColumns);
      }
      end_line(std::move(line));
    }
  };
  if (table.with_titles) {
    std::vector<Piece> titles;
    titles.reserve(table.columns.size());
    for (const Column& column : table.columns) titles.emplace_back(column.title, Tone::faint);
    add(titles);
  }
  for (const auto& row : table.rows) add(row);
}

}  // namespace bascule::app
