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
  [[nodiscard]] std::optional<std::string> value(const std::string& series) const {
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
  record(TermOpened{kLaptop, "0.1.0", "demo", ""});
  EXPECT_EQ(value("bascule_build_info{observer=\"laptop\",version=\"0.1.0\"}"), "1");
  EXPECT_EQ(value("bascule_check_looks_total{check=\"app\",group=\"shop\",site=\"berlin\"}"), "0");
  EXPECT_EQ(value("bascule_runs_ended_total{group=\"shop\",move=\"failover\",outcome=\"done\"}"),
            "0");
  EXPECT_EQ(value("bascule_group_active{group=\"shop\",site=\"amsterdam\"}"), "1");
  EXPECT_EQ(value("bascule_group_active{group=\"shop\",site=\"berlin\"}"), "0");
  EXPECT_EQ(value("bascule_obligations{group=\"shop\",kind=\"standby\"}"), "0");
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
