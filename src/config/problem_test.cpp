// How mistakes read: the text form to the letter, the JSON form, and what is never shown.
#include "config/problem.h"

#include <gtest/gtest.h>

#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

std::string text_about(const std::string& text) {
  return to_text(load("shop.yaml", text, sample::kinds(), environment()).problems);
}

TEST(AProblem, ReadsLikeTheSketch) {
  std::string text =
      replaced(shop(), "      mode: automatic\n", "      cooldwon: 10m\n      mode: automatic\n");
  text = replaced(text, "user: monitor\n", "user: monitor\n              degraded_lag: 30\n");
  text = replaced(text, "interval: 5s", "interval: 1s, timeout: 1s");
  text = replaced(text, "timeout: 1s, timeout: 2s", "timeout: 1s");
  EXPECT_EQ(text_about(text),
            "shop.yaml:7:7: error: unknown key `cooldwon` in policy\n"
            "    7 |       cooldwon: 10m\n"
            "      |       ^^^^^^^^\n"
            "      hint: did you mean `cooldown`?\n"
            "shop.yaml:8:13: warning: 3 × 1s is a threshold of 3s: under 5s an automatic failover "
            "may answer a passing hiccup\n"
            "    8 |       mode: automatic\n"
            "      |             ^^^^^^^^^\n"
            "      hint: raise detect.interval or detect.failures unless that is meant\n"
            "shop.yaml:21:29: error: `30` has no unit\n"
            "   21 |               degraded_lag: 30\n"
            "      |                             ^^\n"
            "      hint: write 30s, 500ms or 5m\n"
            "2 errors, 1 warning\n");
}

TEST(AProblem, IsServedAsJson) {
  const Loaded loaded = load("shop.yaml", replaced(shop(), "version: 1", "version: 3"),
                             sample::kinds(), environment());
  EXPECT_EQ(to_json(loaded.problems),
            (Json::array({{{"severity", "error"},
                           {"file", "shop.yaml"},
                           {"line", 1},
                           {"column", 10},
                           {"code", "version"},
                           {"message", "this build reads version 1, not 3"},
                           {"hint", "write version: 1"}}})));
  const Loaded without = load("shop.yaml", "\x01", sample::kinds(), environment());
  EXPECT_EQ(to_json(without.problems)[0].at("hint"), "store the file as UTF-8");
}

TEST(AProblem, CountsColumnsInCodePoints) {
  EXPECT_EQ(said_about(replaced(shop(), "{name: laptop, at: elsewhere}",
                                "{name: \"äöü\", at: elsewhere, x: 1}"))
                .substr(0, 30),
            "2:18: error: the name of an ob");
  EXPECT_NE(said_about(replaced(shop(), "{name: laptop, at: elsewhere}",
                                "{name: \"äöü\", at: elsewhere, x: 1}"))
                .find("2:40: error: unknown key `x`"),
            std::string::npos);
}

TEST(AProblem, IsShownInItsPartOfALongLine) {
  const std::string text =
      text_about("version: 1\nobserver: {name: laptop, at: elsewhere, " + std::string(150, 'a') +
                 ": 1, " + "surprise: 2}\nstore: memory\ngroups: []\n");
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = text.find('\n', from);
    const std::string line = text.substr(from, end - from);
    if (line.find(" | ") != std::string::npos) {
      EXPECT_LE(count_code_points(line), 102U) << line;
    }
    from = end + 1;
  }
  EXPECT_NE(text.find("    2 | …"), std::string::npos) << text;
  EXPECT_NE(text.find("surprise: 2}\n"), std::string::npos) << text;
}

TEST(AProblem, NeverShowsASecretOfItsLine) {
  const std::string bad = replaced(shop(), "admin: {user: boss, password: hunter3}",
                                   "admin: {user: boss, password: hunter3, x: 1}");
  EXPECT_EQ(text_about(bad),
            "shop.yaml:21:54: error: unknown key `x` in admin\n"
            "   21 |               admin: {user: boss, password: <secret>, x: 1}\n"
            "      |                                                       ^\n"
            "      hint: known here: user, password\n"
            "1 error\n");
  const std::string misspelt = replaced(shop(), "password: hunter2", "passwrod: hunter2");
  EXPECT_EQ(text_about(misspelt).find("hunter"), std::string::npos) << text_about(misspelt);
  EXPECT_NE(text_about(misspelt).find("passwrod: <secret>"), std::string::npos);
}

TEST(AProblem, ShowsWhereASecretWouldComeFrom) {
  EXPECT_NE(text_about(replaced(shop(), "password: hunter2", "password: ${env:PASSWORD}"))
                .find("password: ${env:PASSWORD}\n"),
            std::string::npos);
  EXPECT_EQ(text_about(replaced(shop(), "password: hunter2", "password: ${env:X:-hunter9}, y: [}"))
                .find("hunter9"),
            std::string::npos);
}

TEST(AProblem, NeverShowsASecretBesideAMistakeInTheYamlItself) {
  for (const std::string line :
       {"password: hunter2: x", "password: \"hunter2\" x", "{password: hunter2, x: @}",
        "api_token: hunter2: x", "client-secret: 'hunter2' x"}) {
    const std::string text = text_about("a: 1\n" + line + "\nb: 2\n");
    EXPECT_NE(text, "") << line;
    EXPECT_EQ(text.find("hunter"), std::string::npos) << text;
  }
}

TEST(AProblem, ShowsNothingThatATerminalObeys) {
  const std::string text = text_about("version: \"\\e[31m\\u009b\"\n");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
}

TEST(Problems, AreCounted) {
  const auto counted = [](int errors, int warnings) {
    std::vector<Problem> problems(static_cast<std::size_t>(errors + warnings));
    for (int i = 0; i < warnings; ++i) {
      problems[static_cast<std::size_t>(i)].severity = ProblemSeverity::warning;
    }
    return summary(problems);
  };
  EXPECT_EQ(counted(0, 0), "no errors");
  EXPECT_EQ(counted(1, 0), "1 error");
  EXPECT_EQ(counted(0, 1), "1 warning");
  EXPECT_EQ(counted(2, 1), "2 errors, 1 warning");
  EXPECT_EQ(counted(1, 2), "1 error, 2 warnings");
}

TEST(Problems, AreBoundedAndErrorsAreNotCrowdedOut) {
  std::string text = "version: 1\nstore: memory\ngroups: []\n";
  for (int i = 0; i < 1'000; ++i) text += fmt::format("key{}: 1\n", i);
  const Loaded loaded = load("x.yaml", text, sample::kinds(), environment());
  EXPECT_EQ(loaded.problems.size(), Problems::kProblemsMax);
  EXPECT_FALSE(loaded.ok());
}

}  // namespace
}  // namespace bascule::config::test
