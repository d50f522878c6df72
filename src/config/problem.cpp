#include "config/problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace bascule::config {
namespace {

std::string_view word(ProblemSeverity severity) {
  return severity == ProblemSeverity::error ? "error" : "warning";
}

std::string counted(std::size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string to_text(const Problem& problem) {
  std::string text = fmt::format("{}:{}:{}: {}: {}\n", problem.file, problem.line, problem.column,
                                 word(problem.severity), problem.message);
  if (!problem.excerpt.text.empty()) {
    text += fmt::format("{:>5} | {}\n", problem.line, problem.excerpt.text);
    text += fmt::format("      | {}{}\n", problem.excerpt.indent,
                        std::string(problem.excerpt.length, '^'));
  }
  if (!problem.hint.empty()) text += fmt::format("      hint: {}\n", problem.hint);
  return text;
}

std::string to_text(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += to_text(problem);
  if (!problems.empty()) text += summary(problems) + "\n";
  return text;
}

std::string summary(const std::vector<Problem>& problems) {
  const auto errors = static_cast<std::size_t>(
      std::ranges::count(problems, ProblemSeverity::error, &Problem::severity));
  const std::size_t warnings = problems.size() - errors;
  if (errors == 0 && warnings == 0) return "no errors";
  if (warnings == 0) return counted(errors, "error");
  if (errors == 0) return counted(warnings, "warning");
  return counted(errors, "error") + ", " + counted(warnings, "warning");
}

Json to_json(const std::vector<Problem>& problems) {
  Json list = Json::array();
  for (const Problem& problem : problems) {
    list.push_back({{"severity", word(problem.severity)},
                    {"file", problem.file},
                    {"line", problem.line},
                    {"column", problem.column},
                    {"code", problem.code},
                    {"message", problem.message},
                    {"hint", problem.hint.empty() ? Json(nullptr) : Json(problem.hint)}});
  }
  return list;
}

bool has_errors(const std::vector<Problem>& problems) {
  return std::ranges::any_of(
      problems, [](const Problem& problem) { return problem.severity == ProblemSeverity::error; });
}

void Problems::error(std::string_view code, Span where, std::string message, std::string hint) {
  ++errors_;
  add({ProblemSeverity::error, std::string(code), where, std::move(message), std::move(hint)});
}

void Problems::warning(std::string_view code, Span where, std::string message, std::string hint) {
  add({ProblemSeverity::warning, std::string(code), where, std::move(message), std::move(hint)});
}

void Problems::add(Entry entry) {
  std::size_t& kept = entry.severity == ProblemSeverity::error ? kept_errors_ : kept_warnings_;
  if (kept == kProblemsMax) return;
  ++kept;
  entry.number = entries_.size();
  entries_.push_back(std::move(entry));
}

std::string Problems::the_first_one_is_at(Span first) const {
  if (full()) return {};
  const Location location = source_.locate(first.offset);
  return fmt::format("the first one is at {}:{}", location.line, location.column);
}

std::vector<Span> Problems::secrets_of(Span line) const {
  std::vector<Span> found = source_.guess_secrets(line);
  for (const Span& secret : secrets_) {
    const bool overlaps =
        secret.offset < line.offset + line.length && secret.offset + secret.length > line.offset;
    if (overlaps) found.push_back(secret);
  }
  std::ranges::sort(found);
  return found;
}

std::vector<Problem> Problems::finish() {
  std::ranges::sort(entries_, {}, [](const Entry& entry) {
    return std::tuple(entry.where.offset, entry.number);
  });
  std::vector<Problem> problems;
  Span line{0, 0};
  std::vector<Span> hidden;  // of this line: what is known to be secret, and what looks so
  bool first = true;
  for (const Entry& entry : entries_) {
    const Span of_entry = source_.line_at(entry.where.offset);
    if (first || of_entry != line) {
      line = of_entry;
      hidden = secrets_of(line);
      first = false;
    }
    const Location location = source_.locate(entry.where.offset);
    const Excerpt excerpt = source_.excerpt(entry.where, hidden);
    Problem problem{entry.severity,  source_.file_name(), location.line,
                    location.column, entry.code,          entry.message,
                    entry.hint,      excerpt.length,      excerpt};
    if (std::ranges::find(problems, problem) == problems.end()) {
      problems.push_back(std::move(problem));
    }
  }
  return problems;
}

}  // namespace bascule::config
