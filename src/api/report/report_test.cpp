#include "api/report/report.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "engine/test_world.h"

namespace bascule::api {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test

Step step_of(Phase phase, const std::string& name, std::vector<StepId> needs = {}) {
  Step step;
  step.phase = phase;
  step.name = name;
  step.id = StepId(std::string(to_string(phase)) + "/" + name);
  step.needs = std::move(needs);
  return step;
}

engine::StepProgress done(std::int64_t from, std::int64_t to) {
  engine::StepProgress progress;
  progress.state = StepState::done;
  progress.started_at = at(from);
  progress.ended_at = at(to);
  return progress;
}

// A failover whose cut took longer than its seal, and whose two activate steps follow each other.
engine::Run example_run() {
  engine::Run run;
  run.id = RunId("r-0042");
  run.plan.group = kShop;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  run.actor = "ana";
  run.reason = "<script>alert(1)</script>";
  run.state = RunState::done;
  run.opened_at = at(400);
  run.first_failed_at = at(0);
  run.verdict_at = at(400);
  run.outage_began_at = at(0);
  run.outage_ended_at = at(900);
  run.ended_at = at(950);
  const Step seal = step_of(Phase::fence, "seal");
  const Step cut = step_of(Phase::fence, "cut");
  const Step warm = step_of(Phase::activate, "warm");
  const Step promote = step_of(Phase::activate, "promote", {warm.id});
  const Step address = step_of(Phase::front_door, "address");
  const Step answers = step_of(Phase::verify, "answers");
  run.execution.steps = {seal, cut, warm, promote, address, answers};
  run.plan.steps = run.execution.steps;
  auto& progress = run.execution.progress;
  progress[seal.id] = done(410, 450);
  progress[cut.id] = done(410, 500);
  progress[warm.id] = done(500, 600);
  progress[promote.id] = done(600, 800);
  progress[address.id] = done(800, 900);
  progress[answers.id] = done(900, 940);
  return run;
}

Json example_report() {
  return report_view(two_site_state(at(0)), example_run(), JournalRange{7, 31, {}, {}}, at(2'000));
}

TEST(Report, TheCriticalPathIsWhatTheEndOfTheOutageWaitedFor) {
  EXPECT_EQ(example_report()["critical_path"],
            (Json{"fence/cut", "activate/warm", "activate/promote", "front_door/address"}));
}

TEST(Report, BarsBeginWithTheDetectionAndCountFromTheBeginningOfTheOutage) {
  const Json bars = example_report()["bars"];
  ASSERT_EQ(bars.size(), 7U);
  EXPECT_EQ(bars[0]["step"], "detection");
  EXPECT_EQ(bars[0]["lasts_ms"], 400);
  EXPECT_EQ(bars[2]["step"], "fence/cut");
  EXPECT_EQ(bars[2]["begins_ms"], 410);
  EXPECT_EQ(bars[1]["critical"], false) << "the seal was over before the cut";
}

TEST(Report, TheTimelineIsInOrder) {
  std::int64_t last = -1;
  for (const Json& moment : example_report()["timeline"]) {
    EXPECT_GE(moment["offset_ms"].get<std::int64_t>(), last);
    last = moment["offset_ms"];
  }
  EXPECT_EQ(last, 950);
}

TEST(Report, ThePageShowsWhatOthersWroteAsText) {
  const std::string page = report_page(example_report());
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt;"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos) << "it loads nothing";
  for (const char* part : {"0.900 s", "0.400 s", "activate/promote", "Records 7 to 31"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

// Every text of the report, as somebody who wants to harm its readers would write it.
void make_hostile(Json& value) {
  if (value.is_string()) value = R"("><img src=x onerror=alert(1)></svg><style>'&)";
  if (!value.is_structured()) return;
  for (Json& inner : value) make_hostile(inner);
}

TEST(Report, NoTextOfTheReportBecomesAPartOfThePage) {
  Json report = example_report();
  make_hostile(report);
  const std::string page = report_page(report);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("</svg><"), std::string::npos);
  const auto count = [&](std::string_view part) {
    std::size_t times = 0;
    for (std::size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1))
      ++times;
    return times;
  };
  EXPECT_EQ(count("<style"), 1U);
  EXPECT_EQ(count("<svg"), count("</svg>"));
}

TEST(Report, ThePageLoadsNothing) {
  const std::string page = report_page(example_report());
  for (const char* loads : {"src=", "href", "url(", "@import", "<link", "<script", "<iframe",
                            "<object", "<embed", "srcset", "http"})
    EXPECT_EQ(page.find(loads), std::string::npos) << loads;
}

TEST(Report, TheDrawingHasAnAxisAndMarksTheDecisionAndTheEndOfTheOutage) {
  const std::string page = report_page(example_report());
  for (const char* part : {">0</text>", ">200 ms</text>", ">800 ms</text>", ">decision</text>",
                           ">end of the outage</text>"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
}

TEST(Report, AStepBeforeTheOutageIsDrawnBeforeItsBeginning) {
  // A switchover: the claim comes before the fence, with which the outage begins.
  Json report = example_report();
  report["bars"] = {{{"step", "claim/generation"}, {"begins_ms", -100}, {"lasts_ms", 50}},
                    {{"step", "fence/seal"}, {"begins_ms", 0}, {"lasts_ms", 300}}};
  report["run"]["outage"]["measured_ms"] = 400;
  const std::string page = report_page(report);
  // 190 to 770 are 500 ms: the claim begins at the left edge, the fence after a fifth.
  EXPECT_NE(page.find("<rect x=190.0 y=24.0 width=58.0"), std::string::npos) << page;
  EXPECT_NE(page.find("<rect x=306.0 y=46.0 width=348.0"), std::string::npos) << page;
  EXPECT_NE(page.find(">-100 ms</text>"), std::string::npos);
}

TEST(Report, ANameThatIsTooLongIsShortenedBetweenCharacters) {
  Json report = example_report();
  report["bars"] = {{{"step", "activate/größtmögliche-überraschung"}, {"lasts_ms", 10}}};
  const std::string page = report_page(report);
  EXPECT_NE(page.find(">activate/größtmögliche-üb…</text>"), std::string::npos) << page;
  EXPECT_NE(page.find("<title>activate/größtmögliche-überraschung</title>"), std::string::npos);
}

TEST(Report, APageCanBeMadeOfWhateverAFileHolds) {
  for (const Json& odd : {Json(nullptr), Json(7), Json::array(), Json::object(),
                          Json{{"run", 1}, {"bars", {{{"begins_ms", "x"}}}}, {"timeline", {1, 2}}},
                          Json{{"bars", {{{"begins_ms", -5}, {"lasts_ms", -9}}}}},
                          Json{{"bars",
                                {{{"begins_ms", INT64_MAX}, {"lasts_ms", INT64_MAX}},
                                 {{"begins_ms", INT64_MIN}, {"lasts_ms", INT64_MIN}}}},
                               {"run", {{"outage", {{"measured_ms", INT64_MAX}}}}}}}) {
    EXPECT_NE(report_page(odd).find("</html>"), std::string::npos);
  }
}

}  // namespace
}  // namespace bascule::api
