// Watching against a backend that plays a script: steady groups, a run that opens and ends, a
// daemon that goes away and comes back, or does not.
#include "app/command_line/watching.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <set>
#include <string>
#include <vector>

#include "app/terminal/recorder_for_test.h"
#include "async/event.h"

namespace bascule::app {
namespace {

using namespace std::chrono_literals;

Json status_of(const std::string& state, bool moves) {
  Json run = nullptr;
  if (moves) run = Json{{"run", "r-0042"}, {"move", "failover"}, {"state", "running"}};
  const auto group = [&](const std::string& name, const Json& open) {
    return Json{{"group", name},
                {"state", state},
                {"active", "amsterdam"},
                {"open_run", open},
                {"sites", Json::array()},
                {"protection", "protected"},
                {"automation", "automatic"}};
  };
  return Json{{"cluster", "demo"},
              {"observer", "laptop"},
              {"seq", 130},
              {"now", "2026-11-23T16:40:00.000Z"},
              {"groups", {group("shop", run), group("mail", nullptr)}}};
}

Json run_of(const std::string& state) {
  const bool ended = state != "running";
  return Json{{"run", "r-0042"},
              {"group", "shop"},
              {"move", "failover"},
              {"source", "amsterdam"},
              {"target", "berlin"},
              {"actor", "bascule"},
              {"state", state},
              {"started_at", "2026-11-23T16:40:00.000Z"},
              {"ended_at", ended ? Json("2026-11-23T16:40:02.000Z") : Json(nullptr)},
              {"steps",
               {{{"id", "fence/cut"},
                 {"phase", "fence"},
                 {"name", "cut"},
                 {"state", ended ? "done" : "started"}}}}};
}

Json page_of(std::int64_t seq, const std::string& type) {
  const std::string at = "2026-11-23T16:40:01.000Z";
  return Json{
      {"records", {{{"seq", seq}, {"type", type}, {"data", {{"run", "r-0042"}}}}}},
      {"told",
       {{{"seq", seq}, {"at", at}, {"severity", "critical"}, {"group", "shop"}, {"title", type}},
        {{"seq", seq}, {"at", at}, {"severity", "info"}, {"group", "mail"}, {"title", "of mail"}}}},
      {"head", {{"seq", seq}}}};
}

// One thing after the other, as a daemon would show it: a status, the runs, and what the question
// for the next records brings. After the last the person leaves.
struct Scene {
  Result<Reply> status;
  Json run = nullptr;
  Result<Reply> page;
};

class Script final : public Backend {
 public:
  explicit Script(std::vector<Scene> scenes) : scenes_(std::move(scenes)) {}

  awaitable<Result<Reply>> ask(std::string, std::string target, Json) override {
    asked.push_back(target);
    if (target.starts_with("/api/v1/journal")) {
      if (at_ + 1 == scenes_.size()) {
        ::raise(SIGINT);
        co_await never_.wait();
      }
      Result<Reply> page = scenes_[at_].page;
      ++at_;
      co_return page;
    }
    if (target.starts_with("/api/v1/runs/")) co_return Reply{200, scenes_[at_].run};
    Result<Reply> status = scenes_[at_].status;
    if (!status && at_ + 1 < scenes_.size()) ++at_;
    co_return status;
  }

  std::vector<std::string> asked;

 private:
  std::vector<Scene> scenes_;
  std::size_t at_ = 0;
  Event never_;
};

Result<Reply> answers(Json body) {
  return Reply{200, std::move(body)};
}
Result<Reply> gone() {
  return std::unexpected(
      Error{ErrorCode::unavailable, "no Bascule answers at x", "start one", std::nullopt});
}

// A failover begins and ends while somebody watches.
std::vector<Scene> a_failover() {
  return {
      {answers(status_of("HEALTHY", false)), nullptr, answers(page_of(131, "RunOpened"))},
      {answers(status_of("FAILOVER", true)), run_of("running"), answers(page_of(132, "StepEnded"))},
      {answers(status_of("FAILOVER", true)), run_of("done"), answers(page_of(133, "RunEnded"))},
      {answers(status_of("HEALTHY", false)), run_of("done"), answers(Json::object())}};
}

struct Outcome {
  int code = 0;
  std::string data;
  std::string messages;
  std::vector<std::string> asked;
};

Outcome watch(std::vector<Scene> scenes, bool is_terminal, Arguments arguments = Arguments(),
              Duration silence = 1h) {
  Recorder terminal;
  terminal.is_terminal = is_terminal;
  Session session(terminal, plain_variables, std::move(arguments));
  Script script(std::move(scenes));
  const ExitCode code = block_on(session.io(), watch_groups(session, script, silence));
  return {static_cast<int>(code), terminal.data, terminal.messages, script.asked};
}

TEST(Watching, ElsewhereEveryEventIsALine) {
  const Outcome outcome = watch(a_failover(), false);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.messages, "");
  EXPECT_EQ(outcome.data.find('\x1b'), std::string::npos);
  EXPECT_NE(
      outcome.data.find(" shop is HEALTHY, active amsterdam, protected, automation automatic\n"),
      std::string::npos)
      << outcome.data;
  const std::string rest = outcome.data.substr(outcome.data.find(" mail is HEALTHY"));
  EXPECT_EQ(rest.substr(rest.find('\n') + 1),
            "2026-11-23T16:40:01.000Z critical RunOpened\n"
            "2026-11-23T16:40:01.000Z info     of mail\n"
            "2026-11-23T16:40:01.000Z critical StepEnded\n"
            "2026-11-23T16:40:01.000Z info     of mail\n"
            "2026-11-23T16:40:01.000Z critical RunEnded\n"
            "2026-11-23T16:40:01.000Z info     of mail\n");
}

TEST(Watching, OneGroupHearsNothingOfTheOthers) {
  Arguments arguments;
  arguments.group = "shop";
  const Outcome outcome = watch(a_failover(), false, arguments);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.data.find("mail"), std::string::npos) << outcome.data;
  EXPECT_NE(outcome.data.find("RunEnded"), std::string::npos) << outcome.data;
  arguments.group = "nobody";
  const Outcome nobody = watch(a_failover(), false, arguments);
  EXPECT_EQ(nobody.code, 1);
  EXPECT_NE(nobody.messages.find("there is no group `nobody`"), std::string::npos);
}

TEST(Watching, ATerminalShowsTheRunAndKeepsItsRecord) {
  const Outcome outcome = watch(a_failover(), true);
  EXPECT_EQ(outcome.code, 0);
  const std::size_t record = outcome.data.find("✔ done after 2.00s: berlin is active");
  ASSERT_NE(record, std::string::npos) << outcome.data;
  // The next picture goes below the record: the cursor does not go back over it.
  const std::size_t picture = outcome.data.find("cluster demo", record);
  ASSERT_NE(picture, std::string::npos) << outcome.data;
  EXPECT_EQ(outcome.data.substr(record, picture - record).find('\x1b'), std::string::npos);
  // The last picture does not say how to leave.
  const std::string last = outcome.data.substr(outcome.data.rfind("cluster demo"));
  EXPECT_EQ(last.find("ctrl-c"), std::string::npos) << last;
}

TEST(Watching, AsksForRecordsWhereItStands) {
  const Outcome outcome = watch(a_failover(), false);
  const std::vector<std::string> expected{
      "/api/v1/status", "/api/v1/journal?after=130&limit=100&wait_ms=15000&told=true",
      "/api/v1/status", "/api/v1/runs/r-0042",
      "/api/v1/journal?after=131&limit=100&wait_ms=15000&told=true"};
  ASSERT_GE(outcome.asked.size(), expected.size());
  EXPECT_EQ(std::vector(outcome.asked.begin(), outcome.asked.begin() + 5), expected);
}

TEST(Watching, AsJsonEveryEventRunAndStatusIsALine) {
  Arguments arguments;
  arguments.output = "json";
  const Outcome outcome = watch(a_failover(), true, arguments);
  EXPECT_EQ(outcome.code, 0);
  std::multiset<std::string> kinds;
  std::string last;
  for (std::size_t at = 0; at < outcome.data.size();) {
    const std::size_t end = outcome.data.find('\n', at);
    const auto line = parse_json(outcome.data.substr(at, end - at));
    ASSERT_TRUE(line) << outcome.data;
    last = text_or(*line, "kind");
    EXPECT_TRUE((*line)[last].is_object());
    kinds.insert(last);
    at = end + 1;
  }
  // What is read at once may be shown at once: the events are all there, the status is the newest.
  EXPECT_EQ(kinds.count("told"), 6U);
  EXPECT_GE(kinds.count("run"), 1U);
  EXPECT_EQ(last, "status");
}

TEST(Watching, ADaemonThatIsStartedAnewIsWaitedFor) {
  const std::vector<Scene> scenes{
      {answers(status_of("HEALTHY", false)), nullptr, answers(page_of(131, "AutomationHeld"))},
      {gone(), nullptr, gone()},
      {gone(), nullptr, gone()},
      {answers(status_of("HEALTHY", false)), nullptr, answers(page_of(132, "AutomationReleased"))},
      {answers(status_of("HEALTHY", false)), nullptr, answers(Json::object())}};
  const Outcome lines = watch(scenes, false);
  EXPECT_EQ(lines.code, 0);
  EXPECT_NE(lines.messages.find("no answer (no Bascule answers at x); it is asked again"),
            std::string::npos)
      << lines.messages;
  EXPECT_NE(lines.messages.find("answers again"), std::string::npos) << lines.messages;
  EXPECT_NE(lines.data.find("AutomationHeld"), std::string::npos) << lines.data;
  EXPECT_NE(lines.data.find("AutomationReleased"), std::string::npos) << lines.data;
  const Outcome picture = watch(scenes, true);
  EXPECT_EQ(picture.code, 0);
  EXPECT_NE(picture.data.find("✘ silent for "), std::string::npos) << picture.data;
}

TEST(Watching, ASilenceThatLastsEndsIt) {
  const Outcome outcome = watch(
      {{answers(status_of("HEALTHY", false)), nullptr, answers(page_of(131, "AutomationHeld"))},
       {gone(), nullptr, gone()}},
      false, Arguments(), 300ms);
  EXPECT_EQ(outcome.code, 7);
  EXPECT_NE(outcome.messages.find("Bascule has been silent for"), std::string::npos)
      << outcome.messages;
}

TEST(Watching, WhoNeverAnswersIsNotWaitedFor) {
  const Outcome outcome = watch({{gone(), nullptr, gone()}}, true);
  EXPECT_EQ(outcome.code, 7);
  EXPECT_EQ(outcome.data, "");
  EXPECT_EQ(outcome.messages, "bascule: no Bascule answers at x; start one\n");
}

}  // namespace
}  // namespace bascule::app
