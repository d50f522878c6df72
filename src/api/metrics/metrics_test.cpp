#include "api/metrics/metrics.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "api/metrics/definitions.h"
#include "engine/engine.h"
#include "engine/test_world.h"

namespace bascule::api {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test

class MetricsTest : public testing::Test {
 protected:
  void record(RecordBody body, std::int64_t milliseconds = 0) {
    Record made{state_.seq + 1, at(milliseconds), state_.term, "bascule", "", std::move(body)};
    engine::evolve(state_, made);
    metrics_.recorded(made, state_);
  }

  // The value of one series; nothing when it is not there.
  [[nodiscard]] std::optional<std::string> value(const std::string& series) {
    const std::string text = "\n" + metrics_.text();
    const std::size_t found = text.find("\n" + series + " ");
    if (found == std::string::npos) return std::nullopt;
    const std::size_t begin = found + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  engine::State state_ = two_site_state(at(0));
  Metrics metrics_{"0.1.0", kLaptop};
};

TEST_F(MetricsTest, EverySeriesThatCanBeExistsFromTheBeginning) {
  state_.configuration.notifiers = {NotifierSpec{"log"}, NotifierSpec{"log"}};
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  EXPECT_EQ(value("bascule_build_info{observer=\"laptop\",version=\"0.1.0\"}"), "1");
  EXPECT_EQ(value("bascule_check_looks_total{check=\"app\",group=\"shop\",site=\"berlin\"}"), "0");
  EXPECT_EQ(value("bascule_runs_ended_total{group=\"shop\",move=\"failover\",outcome=\"done\"}"),
            "0");
  EXPECT_EQ(value("bascule_group_active{group=\"shop\",site=\"amsterdam\"}"), "1");
  EXPECT_EQ(value("bascule_group_active{group=\"shop\",site=\"berlin\"}"), "0");
  EXPECT_EQ(value("bascule_obligations{group=\"shop\",kind=\"standby\"}"), "0");
  EXPECT_EQ(value("bascule_look_duration_seconds_count{kind=\"http\"}"), "0");
  EXPECT_EQ(value("bascule_notifications_total{channel=\"log\",result=\"failed\"}"), "0");
  EXPECT_EQ(value("bascule_notification_retries_total{channel=\"log-2\"}"), "0");
  EXPECT_EQ(value("bascule_api_requests_total{code=\"503\"}"), "0");
  EXPECT_EQ(value("bascule_leader"), "0");
}

TEST_F(MetricsTest, WhatNobodyKnowsIsUnknownAndNotDown) {
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  const std::string labels = "{check=\"database\",group=\"shop\",site=\"berlin\"}";
  record(VerdictChanged{database_of(kBerlin), Health::unknown, Health::healthy, false, "", at(0)});
  EXPECT_EQ(value("bascule_check_unknown" + labels), "0");
  record(VerdictChanged{database_of(kBerlin), Health::healthy, Health::unknown, false, "", at(0)});
  EXPECT_EQ(value("bascule_check_unknown" + labels), "1");
  EXPECT_EQ(value("bascule_check_down" + labels), "0");
}

TEST_F(MetricsTest, AProposalIsShownUntilItBegins) {
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  Plan plan;
  plan.group = kShop;
  plan.source = kAmsterdam;
  plan.target = kBerlin;
  RunOpened proposed;
  proposed.run = RunId("r-0001");
  proposed.plan = plan;
  proposed.wait = RunWait{WaitFor::moment, at(60'000)};
  record(proposed);
  EXPECT_EQ(value("bascule_run_awaits_approval{group=\"shop\"}"), "0");
  proposed.run = RunId("r-0002");
  proposed.wait = RunWait{WaitFor::approval, at(60'000)};
  record(proposed);
  EXPECT_EQ(value("bascule_run_awaits_approval{group=\"shop\"}"), "1");
  RunEnded refused;
  refused.run = proposed.run;
  refused.state = RunState::aborted;
  record(refused);
  EXPECT_EQ(value("bascule_run_awaits_approval{group=\"shop\"}"), "0");
}

TEST_F(MetricsTest, ALimitOfTheLossIsShownWhereThereIsOne) {
  Configuration limited = state_.configuration;
  limited.groups.front().policy.max_data_loss_time = Duration{2'500};
  record(ConfigurationLoaded{"limited", to_json(limited)});
  EXPECT_EQ(value("bascule_loss_limit_seconds{group=\"shop\"}"), "2.5");
  limited.groups.front().policy.max_data_loss_time.reset();
  record(ConfigurationLoaded{"unlimited", to_json(limited)});
  EXPECT_EQ(value("bascule_loss_limit_seconds{group=\"shop\"}"), std::nullopt);
}

TEST_F(MetricsTest, TheProcessIsMeasured) {
  const auto figure = [&](const std::string& name) { return std::stod(value(name).value_or("0")); };
  EXPECT_GT(figure("process_resident_memory_bytes"), 1'000'000);
  EXPECT_GT(figure("process_open_fds"), 2);
  EXPECT_GE(figure("process_max_fds"), figure("process_open_fds"));
  EXPECT_GT(figure("process_start_time_seconds"), 1'000'000'000);
  const double used = figure("process_cpu_seconds_total");
  EXPECT_GE(figure("process_cpu_seconds_total"), used);
}

TEST_F(MetricsTest, LatenessAttemptsAndRefusalsAreCounted) {
  engine::ControllerReading reading;
  reading.loop_late = Duration{30};
  metrics_.looked_at_itself(reading);
  EXPECT_EQ(value("bascule_lateness_seconds_bucket{le=\"0.025\"}"), "0");
  EXPECT_EQ(value("bascule_lateness_seconds_bucket{le=\"0.05\"}"), "1");
  metrics_.notified("slack", "retried");
  EXPECT_EQ(value("bascule_notification_retries_total{channel=\"slack\"}"), "1");
  EXPECT_EQ(value("bascule_notifications_total{channel=\"slack\",result=\"retried\"}"),
            std::nullopt);
  metrics_.configuration_read(false);
  EXPECT_EQ(value("bascule_configuration_refused"), "1");
  metrics_.configuration_read(true);
  EXPECT_EQ(value("bascule_configuration_refused"), "0");
}

TEST_F(MetricsTest, LooksAreCounted) {
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  const CheckSpec& check = shop_in(state_).sites.front().checks.front();
  Observation seen = look(app_of(kAmsterdam), at(1'000), Health::healthy);
  seen.latency = Microseconds{2'500};
  metrics_.observed(seen, check);
  metrics_.observed(look(app_of(kAmsterdam), at(2'000), Health::failed), check);
  const std::string labels = "{check=\"app\",group=\"shop\",site=\"amsterdam\"}";
  EXPECT_EQ(value("bascule_check_looks_total" + labels), "2");
  EXPECT_EQ(value("bascule_check_failed_looks_total" + labels), "1");
  EXPECT_EQ(value("bascule_check_up" + labels), "0");
  EXPECT_EQ(value("bascule_look_duration_seconds_bucket{kind=\"http\",le=\"0.0025\"}"), "1");
  EXPECT_EQ(value("bascule_look_duration_seconds_bucket{kind=\"http\",le=\"0.001\"}"), "0");
}

TEST_F(MetricsTest, WhatHappensToAGroupIsShown) {
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  record(GroupStateChanged{kShop, GroupState::healthy, GroupState::critical, ""});
  EXPECT_EQ(value("bascule_group_state{group=\"shop\",state=\"CRITICAL\"}"), "1");
  EXPECT_EQ(value("bascule_group_state{group=\"shop\",state=\"HEALTHY\"}"), "0");
  EXPECT_EQ(value("bascule_group_automatic{group=\"shop\"}"), "1");
  record(AutomationHeld{GroupName(), std::nullopt});
  EXPECT_EQ(value("bascule_automation_held"), "1");
  EXPECT_EQ(value("bascule_group_automatic{group=\"shop\"}"), "0");
  record(VerdictChanged{database_of(kAmsterdam), Health::healthy, Health::failed, true, "", at(0)});
  EXPECT_EQ(value("bascule_check_down{check=\"database\",group=\"shop\",site=\"amsterdam\"}"), "1");
}

TEST_F(MetricsTest, WhatIsNotConfiguredAnyMoreIsGone) {
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  Configuration smaller = state_.configuration;
  smaller.groups.front().sites.front().checks.erase(
      smaller.groups.front().sites.front().checks.begin());
  record(ConfigurationLoaded{"other", to_json(smaller)});
  EXPECT_EQ(value("bascule_check_up{check=\"app\",group=\"shop\",site=\"amsterdam\"}"),
            std::nullopt);
  EXPECT_EQ(value("bascule_check_up{check=\"app\",group=\"shop\",site=\"berlin\"}"), "0");
}

TEST_F(MetricsTest, NothingIsServedThatTheTableDoesNotName) {
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  metrics_.answered(200);
  metrics_.notified("log", "sent");
  std::set<std::string> families;
  std::istringstream lines(metrics_.text());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) families.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  std::set<std::string> named;
  for (const MetricDefinition& metric : metric_definitions()) named.insert(metric.name);
  EXPECT_TRUE(std::ranges::includes(named, families));
}

// BASCULE_REWRITE=1 writes the page.
TEST(MetricReference, IsThePageOfTheDocumentation) {
  const auto page = std::filesystem::path(__FILE__).parent_path() / "../../../docs/metrics.md";
  if (std::getenv("BASCULE_REWRITE") != nullptr) std::ofstream(page) << metric_reference();
  std::ostringstream text;
  text << std::ifstream(page).rdbuf();
  EXPECT_EQ(text.str(), metric_reference()) << "BASCULE_REWRITE=1 writes it anew";
}

}  // namespace
}  // namespace bascule::api
