// What `watch` draws fits the terminal, whatever its height and however much there is to show, and
// says what it left out; and a piece of a terminal is drawn again where it was.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "app/terminal/live_area.h"
#include "app/terminal/recorder_for_test.h"
#include "app/terminal/texts.h"

namespace bascule::app {
namespace {

const Instant kNow = *from_rfc3339("2026-11-23T16:40:00.000Z");

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

Json group(const std::string& name, const std::string& state, bool moves = false) {
  const Json check{{"check", "database"}, {"health", "healthy"}, {"detail", "primary"}};
  return Json{{"group", name},
              {"state", state},
              {"active", "amsterdam"},
              {"protection", "protected"},
              {"automation", "automatic"},
              {"because", "database is down"},
              {"since", "2026-11-23T16:39:00.000Z"},
              {"open_run", moves ? Json{{"run", "r-" + name}} : Json(nullptr)},
              {"sites",
               {{{"site", "amsterdam"}, {"active", true}, {"checks", {check}}},
                {{"site", "berlin"}, {"active", false}, {"checks", {check}}}}}};
}

Json step(const std::string& phase, const std::string& name, const std::string& state) {
  return Json{{"id", phase + "/" + name}, {"phase", phase}, {"name", name}, {"state", state}};
}

// Thirty steps; the first ten have ended and the eleventh is under way.
Json long_run(const std::string& name) {
  Json steps = Json::array();
  for (int i = 0; i < 30; ++i) {
    steps.push_back(step("activate", fmt::format("s{:02}", i),
                         i < 10    ? "done"
                         : i == 10 ? "started"
                                   : "waiting"));
  }
  return Json{{"run", "r-" + name},
              {"group", name},
              {"move", "failover"},
              {"source", "amsterdam"},
              {"target", "berlin"},
              {"state", "running"},
              {"started_at", "2026-11-23T16:39:58.000Z"},
              {"outage", {{"began_at", "2026-11-23T16:39:57.000Z"}}},
              {"steps", steps}};
}

Watched much() {
  Json groups = Json::array();
  for (int i = 0; i < 40; ++i)
    groups.push_back(group(fmt::format("g{:02}", i), i == 30 ? "CRITICAL" : "HEALTHY"));
  groups.push_back(group("shop", "FAILOVER", true));
  groups.push_back(group("mail", "FAILOVER", true));
  return Watched{Json{{"cluster", "demo"}, {"observer", "laptop"}, {"groups", groups}},
                 {long_run("shop"), long_run("mail")},
                 kNow,
                 "ctrl-c leaves"};
}

TEST(WatchText, IsNeverHigherThanTheTerminal) {
  const Watched watched = much();
  for (std::size_t most = 1; most < 220; ++most) {
    const std::string text = watch_text(watched, Look(), most);
    EXPECT_LE(lines_of(text), most) << text;
    EXPECT_TRUE(text.ends_with("ctrl-c leaves\n")) << most << text;
  }
}

TEST(WatchText, WhatDoesNotFitIsCountedAndWhatIsUrgentComesFirst) {
  const std::string text = watch_text(much(), Look(), 30);
  EXPECT_NE(text.find("\nshop   FAILOVER"), std::string::npos) << text;
  EXPECT_NE(text.find("\nmail   FAILOVER"), std::string::npos) << text;
  EXPECT_NE(text.find("\ng30    CRITICAL"), std::string::npos) << text;
  EXPECT_NE(text.find("more groups\n"), std::string::npos) << text;
  EXPECT_NE(text.find("run r-shop · failover of shop"), std::string::npos) << text;
  EXPECT_NE(text.find("s10"), std::string::npos) << text;  // what is under way
  EXPECT_NE(text.find("✔ … "), std::string::npos) << text;
  EXPECT_NE(text.find("outage so far 3.00s"), std::string::npos) << text;
}

TEST(WatchText, WithRoomEverythingIsThere) {
  const std::string text = watch_text(much(), Look(), 0);
  EXPECT_EQ(text.find("… "), std::string::npos) << text;
  for (const char* there : {"g00", "g39", "run r-mail", "s29", "CHECK"})
    EXPECT_NE(text.find(there), std::string::npos) << there;
}

TEST(WatchText, AStepSaysWhatItWaitsFor) {
  Json run = long_run("shop");
  Json seal = step("fence", "seal", "started");
  seal["seen"] = {{"because", "3 sessions are still open"}};
  Json cut = step("fence", "cut", "waiting");
  cut["needs"] = {"fence/seal"};
  run["steps"] = {seal, cut, step("activate", "promote", "waiting"),
                  step("front_door", "www", "waiting")};
  const std::string text = live_run_text(run, Look(), kNow, "");
  std::istringstream lines(text);
  std::vector<std::string> shown;
  for (std::string line; std::getline(lines, line);) shown.push_back(line);
  ASSERT_GE(shown.size(), 6U) << text;
  EXPECT_TRUE(shown[2].ends_with("3 sessions are still open")) << text;
  EXPECT_TRUE(shown[3].ends_with("waits for seal")) << text;
  EXPECT_TRUE(shown[4].ends_with("waits for fence")) << text;
  EXPECT_TRUE(shown[5].ends_with("waits for activate")) << text;
}

TEST(WatchText, AnEventIsOneLineThatNothingCanBreak) {
  const Json told{{"at", "2026-11-23T16:40:00.000Z"},
                  {"severity", "critical"},
                  {"title", "r-0001 started\nby itself"},
                  {"text", std::string(300, 'x') + "\x1b[2J"}};
  const std::string line = told_line(told, Look());
  EXPECT_EQ(lines_of(line), 1U);
  EXPECT_TRUE(line.starts_with("2026-11-23T16:40:00.000Z critical r-0001 started by itself: xxx"));
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(LiveArea, GoesBackOverLinesThatANarrowerTerminalHasBroken) {
  Recorder terminal;
  terminal.is_terminal = true;
  LiveArea area;
  area.draw(terminal, "\x1b[1m" + std::string(90, 'x') + "\x1b[0m\nshort\n");
  terminal.data.clear();
  terminal.width = 40;
  area.draw(terminal, "now\n");
  EXPECT_TRUE(terminal.data.starts_with("\x1b[4F")) << terminal.data;
}

TEST(LiveArea, NeverDrawsMoreThanCanBeDrawnAgain) {
  Recorder terminal;
  terminal.is_terminal = true;
  terminal.height = 3;
  LiveArea area;
  area.draw(terminal, "1\n2\n3\n4\n");
  EXPECT_EQ(lines_of(terminal.data), 2U);
  terminal.data.clear();
  terminal.height = 2;  // and what has left the screen is not drawn over
  area.draw(terminal, "1\n");
  EXPECT_TRUE(terminal.data.starts_with("\x1b[1F")) << terminal.data;
}

TEST(LiveArea, WhatIsLeftStaysAboveTheNextDrawing) {
  Recorder terminal;
  terminal.is_terminal = true;
  LiveArea area;
  area.draw(terminal, "picture\n");
  terminal.data.clear();
  area.leave(terminal, "record\n");
  area.draw(terminal, "picture\n");
  EXPECT_EQ(terminal.data, "\x1b[1F\x1b[Jrecord\npicture\x1b[K\n\x1b[J");
}

}  // namespace
}  // namespace bascule::app
