// The text of one configuration file and where things stand in it. Everything that is read from the
// file remembers a span of bytes; lines and columns are counted only when somebody is told about
// them, so that a megabyte on one line costs no more than a megabyte on many.
//
// Refuses to show what must not be shown: excerpts leave out what was declared secret.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::config {

// A piece of the text, in bytes.
struct Span {
  std::size_t offset = 0;
  std::size_t length = 1;

  friend auto operator<=>(const Span&, const Span&) = default;
};

// Counted from 1, the column in code points.
struct Location {
  std::size_t line = 1;
  std::size_t column = 1;

  friend auto operator<=>(const Location&, const Location&) = default;
};

// One line as a person may see it: secrets replaced, a long line cut around the caret.
struct Excerpt {
  std::string text;
  std::string indent;      // what to print before the caret so that it stands below its place
  std::size_t length = 1;  // of the caret run, in code points

  friend bool operator==(const Excerpt&, const Excerpt&) = default;
};

class Source {
 public:
  // REQUIRES: `text` is UTF-8 with lines that end in a line feed alone (see normalise).
  Source(std::string file_name, std::string text);

  [[nodiscard]] const std::string& file_name() const { return file_name_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  // The folder of the file with its final slash; empty for the working directory.
  [[nodiscard]] std::string folder() const;

  [[nodiscard]] Location locate(std::size_t offset) const;
  // The line of `offset`, without its end.
  [[nodiscard]] Span line_at(std::size_t offset) const;
  // The line on which `where` begins. `secrets` are sorted by offset.
  [[nodiscard]] Excerpt excerpt(Span where, const std::vector<Span>& secrets) const;
  // What looks like a secret in a line, for texts that never became a configuration
  // ("password: hunter2" in a file with a mistake in its YAML).
  [[nodiscard]] std::vector<Span> guess_secrets(Span line) const;

 private:
  std::string file_name_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
};

// Without a byte order mark, carriage returns before line feeds left out.
std::string normalise(std::string_view text);

// The offset of the first byte that is not UTF-8, or of the first character that does not belong
// into a text (control characters other than tab and line feed); npos when there is none.
std::size_t find_invalid(std::string_view text);

std::size_t count_code_points(std::string_view text);

// `text` for a message: between back quotes, control characters made visible, cut when it is long.
std::string quote(std::string_view text);

}  // namespace bascule::config
