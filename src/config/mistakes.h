// One row per mistake: what is changed in a good configuration, and everything that is said then.
// Only tests include this.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "config/loader.h"
#include "config/sample_kinds.h"
#include "config/test_environment.h"
#include "config/test_files.h"

namespace bascule::config::test {

struct Mistake {
  const char* what;  // replaced, once, in testdata/shop.yaml
  const char* by;
  const char* said;  // see brief
};

// NOLINTNEXTLINE(readability-identifier-naming): GoogleTest calls it by this name
inline void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.what << " → " << mistake.by;
}

// LINE:COL: SEVERITY: MESSAGE [HINT], a line each.
inline std::string brief(const Loaded& loaded) {
  std::string text;
  for (const Problem& problem : loaded.problems) {
    text += fmt::format("{}:{}: {}: {}{}\n", problem.line, problem.column,
                        problem.severity == ProblemSeverity::error ? "error" : "warning",
                        problem.message, problem.hint.empty() ? "" : " [" + problem.hint + "]");
  }
  if (!text.empty()) text.pop_back();
  return text;
}

inline std::string said_about(const std::string& text) {
  return brief(load("shop.yaml", text, sample::kinds(), environment()));
}

inline void expect_said(const Mistake& mistake) {
  const std::string good = shop();
  const std::string bad = replaced(good, mistake.what, mistake.by);
  ASSERT_NE(good, bad) << "the row changes nothing";
  EXPECT_EQ(said_about(bad), mistake.said);
}

}  // namespace bascule::config::test
