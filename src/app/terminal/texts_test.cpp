// What a person reads, held by golden files: testdata/NAME.json is a view of the API, and
// testdata/NAME.txt what becomes of it. BASCULE_REWRITE=1 writes the texts anew; read the
// difference before keeping it.
#include "app/terminal/texts.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(__FILE__).parent_path().parent_path() / "testdata";
const Instant kNow = *from_rfc3339("2026-11-23T16:40:00.000Z");

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Json view(const std::string& name) {
  const auto json = parse_json(content(kFolder / (name + ".json")));
  EXPECT_TRUE(json) << name;
  return json.value_or(Json());
}

void expect_golden(const std::string& name, const std::string& text) {
  const std::filesystem::path path = kFolder / (name + ".txt");
  if (std::getenv("BASCULE_REWRITE") != nullptr) std::ofstream(path) << text;
  EXPECT_EQ(content(path), text) << name;
}

void expect_within(const std::string& text, std::size_t columns) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(width(line), columns) << line;
}

using Render = std::function<std::string(const Json&, const Look&)>;

struct Golden {
  std::string name;
  Render render;
};

std::vector<Golden> goldens() {
  const Render status = status_text;
  const Render plan = plan_text;
  const Render explain = [](const Json& json, const Look& look) {
    return explain_text(json, look, kNow);
  };
  const Render show = [](const Json& json, const Look& look) { return run_text(json, look, kNow); };
  const Render live = [](const Json& json, const Look& look) {
    return live_run_text(json, look, kNow, "ctrl-c leaves; the run goes on");
  };
  const Render runs = [](const Json& json, const Look& look) {
    return runs_text(json, look, kNow);
  };
  const Render watch = [](const Json& json, const Look& look) {
    const Watched watched{json, {view("run_live")}, kNow, "2026-11-23T16:40:00Z · ctrl-c leaves"};
    return watch_text(watched, look, 40);
  };
  return {{"status_steady", status},
          {"status_trouble", status},
          {"status_hostile", status},
          {"status_waiting", status},
          {"plan_failover", plan},
          {"plan_blocked", plan},
          {"checklist_ready", Render(checklist_text)},
          {"checklist_stopped", Render(checklist_text)},
          {"explain_refused", explain},
          {"explain_approval", explain},
          {"run_live", live},
          {"run_done", show},
          {"run_parked", show},
          {"run_waiting", show},
          {"runs", runs},
          {"watch_run", watch},
          {"replay_differs", Render(replay_text)},
          {"checks", Render(checks_text)}};
}

TEST(Texts, ViewsReadAsTheGoldenFilesSay) {
  for (const Golden& golden : goldens()) {
    const std::string text = golden.render(view(golden.name), Look());
    expect_golden(golden.name, text);
    expect_within(text, 100);
  }
}

TEST(Texts, ATextFitsANarrowTerminal) {
  Look look;
  look.columns = 80;
  for (const Golden& golden : goldens()) {
    if (golden.name.starts_with("explain")) continue;  // its commands are not broken
    if (golden.name == "checklist_stopped") continue;
    if (golden.name == "runs") continue;  // ten columns
    expect_within(golden.render(view(golden.name), look), 80);
  }
}

TEST(Texts, WithoutUnicodeEveryIconHasATwin) {
  Look look;
  look.unicode = false;
  for (const Golden& golden : goldens()) {
    const std::string text = golden.render(view(golden.name), look);
    for (const char c : text) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7F)) << text;
    expect_within(text, 100);
  }
  expect_golden("plan_failover_ascii", plan_text(view("plan_failover"), look));
}

TEST(Texts, ColoursNeverChangeTheWords) {
  Look look;
  look.colours = true;
  for (const Golden& golden : goldens()) {
    std::string text = golden.render(view(golden.name), look);
    EXPECT_NE(text.find("\x1b["), std::string::npos) << golden.name;
    while (true) {
      const std::size_t at = text.find("\x1b[");
      if (at == std::string::npos) break;
      text.erase(at, text.find('m', at) + 1 - at);
    }
    EXPECT_EQ(text, golden.render(view(golden.name), Look())) << golden.name;
  }
}

TEST(Texts, NothingInAViewCanMoveTheCursor) {
  const std::string text = status_text(view("status_hostile"), Look());
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\a'), std::string::npos);
  EXPECT_EQ(text.find("\u202e"), std::string::npos);
}

TEST(Texts, StrangeViewsMakePoorTextsAndNoHarm) {
  const std::vector<Json> strange{
      nullptr,
      42,
      Json::array(),
      Json::object(),
      Json{{"groups", 7}, {"steps", "x"}, {"gates", Json::array({nullptr, 3})}},
      Json{{"groups", Json::array({1, Json::object(), Json::array()})}},
      Json{{"steps", Json::array({1, Json{{"phase", 3}, {"started_at", "never"}}})},
           {"outage", "x"},
           {"loss", 3}},
      Json::array({Json::array(), "x", Json{{"health", 4}, {"latency_ms", "x"}}})};
  for (const Json& json : strange) {
    for (const Golden& golden : goldens()) (void)golden.render(json, Look());
    (void)run_end_text(json, Look());
    (void)run_head_text(json, Look());
    (void)step_ended_text(json, json, Look());
    (void)refusal_text(json, Look());
    (void)answer_text(json, Look());
  }
}

TEST(Texts, TheEndOfARunSaysOutageLossDebtsAndTheNextCommand) {
  expect_golden("run_done_end", run_end_text(view("run_done"), Look()));
  expect_golden("run_parked_end", run_end_text(view("run_parked"), Look()));
}

TEST(Texts, EachStepsEndIsALine) {
  const Json run = view("run_done");
  std::string lines = run_head_text(run, Look());
  for (const Json& step : list(run, "steps")) lines += step_ended_text(run, step, Look());
  expect_golden("run_done_lines", lines);
}

TEST(Texts, ARefusalNamesTheGateAndTheCommand) {
  const Json body{
      {"accepted", false},
      {"text", ""},
      {"refused_by", "fence"},
      {"error",
       {{"code", "conflict"},
        {"message", "the source cannot be fenced, and the policy says refuse"},
        {"what_to_do", "bascule failover shop --to berlin --override fence --reason TEXT"}}}};
  EXPECT_EQ(refusal_text(body, Look()),
            "bascule: refused by gate fence: the source cannot be fenced, and the policy says "
            "refuse\n         what helps: bascule failover shop --to berlin --override fence "
            "--reason TEXT\n");
  EXPECT_EQ(error_text(Error{ErrorCode::unavailable, "no Bascule answers at 127.0.0.1:8420",
                             "start one: bascule serve -c FILE, or use --local", std::nullopt},
                       Look()),
            "bascule: no Bascule answers at 127.0.0.1:8420; start one: bascule serve -c FILE, or "
            "use --local\n");
}

}  // namespace
}  // namespace bascule::app
