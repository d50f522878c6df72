// Following a run against a backend that plays a script: a run that goes on, ends, is parked, falls
// silent, or never ends.
#include "app/command_line/following.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <deque>

#include "app/terminal/recorder_for_test.h"
#include "async/event.h"

namespace bascule::app {
namespace {

using namespace std::chrono_literals;

Json run_as(const std::string& state, const std::string& step_state) {
  const bool step_ended = step_state == "done";
  return Json{{"run", "r-0042"},
              {"group", "shop"},
              {"move", "failover"},
              {"source", "amsterdam"},
              {"target", "berlin"},
              {"actor", "ana"},
              {"reason", "INC-2041"},
              {"state", state},
              {"started_at", "2026-11-23T16:40:00.000Z"},
              {"ended_at", state == "running" ? Json(nullptr) : Json("2026-11-23T16:40:02.000Z")},
              {"next", "bascule status"},
              {"steps",
               {{{"id", "fence/cut"},
                 {"phase", "fence"},
                 {"name", "cut"},
                 {"change", "power off amsterdam"},
                 {"state", step_state},
                 {"attempts", 1},
                 {"started_at", "2026-11-23T16:40:00.011Z"},
                 {"ended_at", step_ended ? Json("2026-11-23T16:40:00.072Z") : Json(nullptr)}}}}};
}

// Answers the questions for the run from a script, the last answer again and again; each question
// for the journal is one record further, and none is answered twice in the same way.
class Script final : public Backend {
 public:
  explicit Script(std::deque<Result<Reply>> answers) : runs(std::move(answers)) {}

  awaitable<Result<Reply>> ask(std::string, std::string target, Json) override {
    asked.push_back(target);
    if (target.starts_with("/api/v1/journal")) {
      const bool waits = target.find("wait_ms=0") == std::string::npos;
      if (gave_last && waits && interrupts) ::raise(SIGINT);
      if (gave_last && waits) co_await never.wait();
      Json head{{"head", {{"seq", ++seq}}}, {"records", Json::array()}};
      co_return Reply{200, head};
    }
    Result<Reply> reply = runs.front();
    gave_last = runs.size() == 1;
    if (!gave_last) runs.pop_front();
    co_return reply;
  }

  std::deque<Result<Reply>> runs;
  std::vector<std::string> asked;
  int seq = 130;
  bool gave_last = false;
  bool interrupts = false;
  Event never;
};

Result<Reply> reply(const std::string& state, const std::string& step_state) {
  return Reply{200, run_as(state, step_state)};
}

struct Outcome {
  int code = 0;
  std::string data;
  std::string messages;
  std::vector<std::string> asked;
};

Outcome follow(std::deque<Result<Reply>> runs, FollowOptions options = FollowOptions(),
               bool is_terminal = false, Arguments arguments = Arguments(),
               bool interrupts = false) {
  Recorder terminal;
  terminal.is_terminal = is_terminal;
  Session session(terminal, plain_variables, std::move(arguments));
  Script script(std::move(runs));
  script.interrupts = interrupts;
  options.run = "r-0042";
  const ExitCode code = block_on(session.io(), follow_run(session, script, options));
  return {static_cast<int>(code), terminal.data, terminal.messages, script.asked};
}

TEST(Following, PrintsALineForEachStepThatEndsAndThenHowItEnded) {
  const Outcome outcome =
      follow({reply("running", "started"), reply("running", "done"), reply("done", "done")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.data,
            "run r-0042 · failover of shop · amsterdam → berlin · by ana · INC-2041\n"
            "  +72ms  ✔ fence: cut: power off amsterdam (61ms)\n"
            "✔ done after 2.00s: berlin is active\n\nnext: bascule status\n");
  EXPECT_EQ(outcome.messages, "");
}

TEST(Following, TheExitCodeIsTheRunsEnd) {
  const std::vector<std::pair<std::string, int>> ends{
      {"done", 0}, {"aborted", 1}, {"rolled_back", 4}, {"parked", 5}};
  for (const auto& [state, code] : ends)
    EXPECT_EQ(follow({reply(state, "done")}).code, code) << state;
  FollowOptions abort;
  abort.wants_it_taken_back = true;
  EXPECT_EQ(follow({reply("rolled_back", "done")}, abort).code, 0);
  EXPECT_EQ(follow({reply("aborted", "done")}, abort).code, 0);
  EXPECT_EQ(follow({reply("parked", "done")}, abort).code, 5);
  EXPECT_EQ(follow({reply("done", "done")}, abort).code, 1);
}

TEST(Following, WaitsForRecordsInsteadOfAskingAgainAndAgain) {
  const Outcome outcome =
      follow({reply("running", "started"), reply("running", "started"), reply("done", "done")});
  const std::vector<std::string> expected{
      "/api/v1/runs/r-0042", "/api/v1/journal?after=0&limit=1&wait_ms=0", "/api/v1/runs/r-0042",
      "/api/v1/journal?after=131&limit=1&wait_ms=15000", "/api/v1/runs/r-0042"};
  EXPECT_EQ(outcome.asked, expected);
}

TEST(Following, ARunThatDoesNotEndInTimeIsExitCodeSix) {
  FollowOptions options;
  options.limit = 50ms;
  const Outcome outcome = follow({reply("running", "started")}, options);
  EXPECT_EQ(outcome.code, 6);
  EXPECT_NE(outcome.messages.find("has not ended within 50ms"), std::string::npos);
  EXPECT_NE(outcome.messages.find("bascule show r-0042 --follow"), std::string::npos);
}

TEST(Following, CtrlCLeavesTheRunAlone) {
  const Outcome outcome =
      follow({reply("running", "started")}, FollowOptions(), false, Arguments(), true);
  EXPECT_EQ(outcome.code, 6);
  EXPECT_EQ(outcome.messages, "left; run r-0042 goes on: bascule show r-0042 --follow\n");
  for (const std::string& target : outcome.asked)
    EXPECT_EQ(target.find("abort"), std::string::npos) << target;
}

TEST(Following, OutlivesADaemonThatIsStartedAnew) {
  const Error gone{ErrorCode::unavailable, "no Bascule answers at x", "", std::nullopt};
  const Outcome outcome =
      follow({reply("running", "started"), Result<Reply>(std::unexpected(gone)),
              Reply{503, {{"error", {{"message", "Bascule has not opened its term yet"}}}}},
              reply("done", "done")});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.messages.find("no answer at the moment"), std::string::npos);
}

TEST(Following, ARunThatIsNotThereEndsIt) {
  const Outcome outcome =
      follow({Reply{404, {{"error", {{"message", "there is no run `r-0042`"}}}}}});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_NE(outcome.messages.find("there is no run `r-0042`"), std::string::npos);
}

TEST(Following, OnATerminalItIsDrawnInPlace) {
  const Outcome outcome =
      follow({reply("running", "started"), reply("done", "done")}, FollowOptions(), true);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.data.find("\x1b[J"), std::string::npos);
  EXPECT_NE(outcome.data.find("✔ done after 2.00s"), std::string::npos);
}

TEST(Following, AsJsonOnlyTheRunIsData) {
  Arguments arguments;
  arguments.output = "json";
  const Outcome outcome =
      follow({reply("running", "done"), reply("done", "done")}, FollowOptions(), true, arguments);
  EXPECT_EQ(outcome.code, 0);
  const auto body = parse_json(outcome.data);
  ASSERT_TRUE(body) << outcome.data;
  EXPECT_EQ(*body, run_as("done", "done"));
  EXPECT_NE(outcome.messages.find("power off amsterdam"), std::string::npos);
}

}  // namespace
}  // namespace bascule::app
