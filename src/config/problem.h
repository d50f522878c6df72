// What is wrong with a configuration, for people and for programs, and the place where problems are
// gathered while it is read: everything after a successful parse is reported at once, in the order
// of the file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"
#include "model/json.h"

namespace bascule::config {

enum class ProblemSeverity : std::uint8_t { error, warning };

struct Problem {
  ProblemSeverity severity = ProblemSeverity::error;
  std::string file;
  std::size_t line = 1;    // from 1
  std::size_t column = 1;  // from 1, in code points
  std::string code;        // stable, for programs: "unknown_key"
  std::string message;     // one clause; never holds a secret
  std::string hint;        // may be empty
  std::size_t length = 1;  // of what is meant, in code points, within its line
  Excerpt excerpt;         // the line; empty where there is none to show

  friend bool operator==(const Problem&, const Problem&) = default;
};

// FILE:LINE:COL: error: MESSAGE, the line with a caret below, the hint; ends with a line feed.
std::string to_text(const Problem& problem);
// All of them, and the summary line when there are any.
std::string to_text(const std::vector<Problem>& problems);
// "2 errors, 1 warning", "1 warning", "no errors".
std::string summary(const std::vector<Problem>& problems);
// [{severity, file, line, column, code, message, hint}], as in the contract of outputs.
Json to_json(const std::vector<Problem>& problems);
bool has_errors(const std::vector<Problem>& problems);

// Gathers; lives as long as one file is read. At most kProblemsMax errors and as many warnings
// are kept: a file with more mistakes is not a configuration.
class Problems {
 public:
  explicit Problems(const Source& source) : source_(source) {}

  void error(std::string_view code, Span where, std::string message, std::string hint = "");
  void warning(std::string_view code, Span where, std::string message, std::string hint = "");
  // Never show this piece of the text.
  void hide(Span secret) { secrets_.push_back(secret); }

  // No more errors are kept; whoever would work hard for a message need not.
  [[nodiscard]] bool full() const { return kept_errors_ == kProblemsMax; }
  // The hint of a duplicate.
  [[nodiscard]] std::string the_first_one_is_at(Span first) const;
  [[nodiscard]] std::size_t errors() const { return errors_; }
  [[nodiscard]] const Source& source() const { return source_; }
  // Sorted by position; each only once.
  [[nodiscard]] std::vector<Problem> finish();

  static constexpr std::size_t kProblemsMax = 200;

 private:
  struct Entry {
    ProblemSeverity severity;
    std::string code;
    Span where;
    std::string message;
    std::string hint;
    std::size_t number = 0;  // in the order of reporting
  };
  void add(Entry entry);
  [[nodiscard]] std::vector<Span> secrets_of(Span line) const;

  const Source& source_;
  std::vector<Entry> entries_;
  std::vector<Span> secrets_;
  std::size_t errors_ = 0;
  std::size_t kept_errors_ = 0;
  std::size_t kept_warnings_ = 0;
};

}  // namespace bascule::config
