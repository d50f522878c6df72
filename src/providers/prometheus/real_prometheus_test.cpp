// The probe against Prometheus itself, started for the test with nothing but itself and a dead
// target to scrape.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "async/child_process.h"
#include "net/http_client.h"
#include "providers/prometheus/prometheus_world_for_test.h"

namespace bascule::prometheus {
namespace {

using namespace std::chrono_literals;

struct RealPrometheus : PrometheusWorld {
  TemporaryFolder folder;
  std::uint16_t port = net::closed_port(world.context);
  std::uint16_t dead = net::closed_port(world.context);
  std::string output;
  Scope processes{world.context.get_executor(), nullptr};

  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/prometheus")) {
      GTEST_SKIP() << "Prometheus is not installed: apt-get install prometheus";
    }
    folder.write("prometheus.yml", fmt::format(R"(
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - {{job_name: self, static_configs: [{{targets: ["127.0.0.1:{}"]}}]}}
  - {{job_name: dead, static_configs: [{{targets: ["127.0.0.1:{}"]}}]}}
)",
                                               port, dead));
    Command command;
    command.argv = {"/usr/bin/prometheus", "--config.file=" + folder.path("prometheus.yml"),
                    "--storage.tsdb.path=" + folder.path("data"),
                    fmt::format("--web.listen-address=127.0.0.1:{}", port), "--log.level=warn"};
    processes.spawn("prometheus", run(std::move(command)));
    ASSERT_TRUE(world.becomes(
        [&] { return processes.running() == 0 || ask("vector(1)").health == Health::healthy; },
        60s));
    ASSERT_EQ(processes.running(), 1U) << output;
  }
  void TearDown() override {
    processes.request_stop();
    world.wait(processes.join());
    PrometheusWorld::TearDown();
  }

  awaitable<void> run(Command command) {
    const Result<Exit> exit =
        co_await run_command(clock, std::move(command), Deadline::in(clock, 10min));
    output = exit ? exit->sentence() + ": " + exit->standard_error.text() : exit.error().message;
  }

  Observation ask(const std::string& query, Json settings = Json::object()) {
    settings["url"] = fmt::format("http://127.0.0.1:{}", port);
    settings["query"] = query;
    return look(settings);
  }
  std::string told(const std::string& query, Json settings = Json::object()) {
    const Observation seen = ask(query, std::move(settings));
    return std::string(to_string(seen.health)) + ": " + seen.summary;
  }
};

TEST_F(RealPrometheus, IsUnderstood) {
  const Json below_one = {{"critical", {{"below", "1"}}}};
  EXPECT_EQ(told("vector(3)"), "healthy: 3");
  EXPECT_EQ(told("vector(30)"), "critical: 30, above 10");
  EXPECT_EQ(told("2 * 0.25"), "healthy: 0.5");
  EXPECT_EQ(told("1/0"), "critical: +Inf, above 10");
  EXPECT_EQ(told("-1/0", below_one), "critical: -Inf, below 1");
  EXPECT_EQ(told("0/0"), "unknown: no data: 1 of 1 series have no number");
  EXPECT_EQ(told("no_such_metric"), "unknown: no data: the query gives no series");
  EXPECT_EQ(told("no_such_metric", {{"no_data", "healthy"}}),
            "healthy: no data: the query gives no series");
  EXPECT_EQ(told("absent(no_such_metric) * 11"), "critical: 11, above 10");
  EXPECT_EQ(told("label_replace(vector(11), \"name\", \"gr\xC3\xBC\xC3\x9F\\\"e\", \"\", \"\")"),
            "critical: 11 of {name=\"gr????\"e\"}, above 10");

  const Observation refused = ask("up{");
  EXPECT_EQ(refused.health, Health::unknown);
  EXPECT_TRUE(refused.summary.starts_with("the query is refused: ")) << refused.summary;
  EXPECT_TRUE(refused.summary.contains("parse error")) << refused.summary;
  EXPECT_EQ(told("\"text\""), "unknown: the query gives a text instead of numbers");
  EXPECT_EQ(told("up[1m]"), "unknown: the query gives ranges of values instead of numbers");
}

TEST_F(RealPrometheus, TellsTheLivingFromTheDead) {
  const Json below_one = {{"critical", {{"below", "1"}}}};
  // Both have to be scraped first, and a scrape of a busy machine may come too late.
  const auto becomes = [&](const std::string& query, const std::string& expected) {
    std::string last;
    const auto as_expected = [&] {
      last = told(query, below_one);
      return last == expected;
    };
    EXPECT_TRUE(world.becomes(as_expected, 45s)) << last;
  };
  becomes("up{job=\"self\"}",
          fmt::format("healthy: 1 of up{{instance=\"127.0.0.1:{}\",job=\"self\"}}", port));
  becomes(
      "up{job=\"dead\"}",
      fmt::format("critical: 0 of up{{instance=\"127.0.0.1:{}\",job=\"dead\"}}, below 1", dead));
  EXPECT_EQ(ask("up", below_one).health, Health::critical);
}

}  // namespace
}  // namespace bascule::prometheus
