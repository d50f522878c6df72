// A page of text for a terminal: sentences that flow, tables that align, nothing wider than the
// look allows. Everything that is written to it is made fit to be shown first.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/terminal/look.h"

namespace bascule::app {

struct Piece {
  Piece() = default;
  Piece(std::string words, Tone how = Tone::plain) : text(std::move(words)), tone(how) {}
  Piece(const char* words, Tone how = Tone::plain) : text(words), tone(how) {}

  std::string text;
  Tone tone = Tone::plain;
};

struct Column {
  Column() = default;
  explicit Column(std::string heading, bool may_flow = false, bool at_the_right = false)
      : title(std::move(heading)), flows(may_flow), to_the_right(at_the_right) {}

  std::string title;
  bool flows = false;         // goes on in a second line where the page is too narrow
  bool to_the_right = false;  // numbers
  std::size_t least = 0;      // columns that it takes in any case: for what is drawn again
};

struct Table {
  std::size_t indent = 0;
  bool with_titles = true;
  std::vector<Column> columns;
  std::vector<std::vector<Piece>> rows;  // a row may be shorter than the columns
};

class Page {
 public:
  explicit Page(const Look& look) : look_(look) {}

  // One paragraph: words flow into lines of at most the page's width; lines after the first begin
  // at `hanging`. What stands between `backticks` is not broken.
  void flow(std::vector<Piece> pieces, std::size_t indent = 0, std::size_t hanging = 0);
  // One line as it is, however long: a command that is to be copied.
  void verbatim(std::string_view text);
  void table(const Table& table);
  // An empty line, unless the page is empty or ends with one.
  void gap();

  [[nodiscard]] const Look& look() const { return look_; }
  // Without a final empty line; each line ends with a line feed.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void end_line(std::string line);

  Look look_;
  std::string text_;
};

}  // namespace bascule::app
