// A webhook whose name does not resolve for an hour, on simulated time, with a real resolver that
// asks a name server: everything is delivered afterwards, in order, each message once.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/test_world.h"
#include "net/http_server.h"
#include "net/name_server_for_test.h"
#include "notifiers/webhook/webhook.h"
#include "ports/plain_world_for_test.h"
#include "runtime/notifications.h"

namespace bascule::runtime {
namespace {

using namespace engine::test_world;  // NOLINT: the vocabulary of these tests

constexpr Duration kHour{3'600'000};
constexpr int kMessages = 20;
constexpr std::chrono::milliseconds kMoment{20};

class LostNameTest : public testing::Test {
 public:
  ~LostNameTest() override {
    bool stopped = false;
    boost::asio::co_spawn(world_.context, stop(&stopped), boost::asio::detached);
    EXPECT_TRUE(becomes([&] { return stopped; }));
  }

 protected:
  LostNameTest() {
    EXPECT_TRUE(receiver_.start());
    notifications_ = std::make_unique<Notifications>(world_.clock, world_.context.get_executor(),
                                                     channels(), "");
    notifications_->count_with(
        [this](const std::string&, const std::string& result) { ++counted_[result]; });
  }

  awaitable<void> stop(bool* stopped) {
    co_await notifications_->stop(world_.in(Duration{0}));
    co_await receiver_.stop(world_.in(Duration{0}));
    co_await names_.stop();
    *stopped = true;
  }
  // Without that simulated time moves.
  bool becomes(const std::function<bool()>& condition,
               std::chrono::milliseconds limit = std::chrono::seconds(60)) {
    const auto patience = std::chrono::steady_clock::now() + limit;
    while (!condition() && std::chrono::steady_clock::now() < patience) {
      world_.context.restart();
      world_.context.run_for(std::chrono::milliseconds(1));
    }
    return condition();
  }
  // Simulated time goes on to the next try, which asks the name server.
  bool tries_again() {
    const int asked = names_.questions;
    const int before = counted_["retried"];
    while (!becomes([&] { return names_.questions > asked; }, kMoment)) {
      if (!world_.clock.advance_to_next()) return false;
    }
    return becomes([&] { return counted_["retried"] > before || !delivered_.empty(); });
  }
  void tell() {
    const Record record{state_.seq + 1,
                        world_.clock.now(),
                        1,
                        "bascule",
                        "",
                        GroupStateChanged{kShop, GroupState::healthy, GroupState::degraded, "ill"}};
    engine::evolve(state_, record);
    notifications_->recorded(record, state_);
  }
  std::vector<Channel> channels() {
    const std::string url = fmt::format("http://hooks.example:{}/in", receiver_.endpoint().port);
    const Json settings{{"url", {{"$secret", url}}}};
    return {{"webhook", *webhook_notifier(*resolver_).make(settings, services_)}};
  }
  net::ServerSettings on_loopback() {
    net::ServerSettings settings;
    settings.listen = {*net::parse_address("127.0.0.1"), 0};
    return settings;
  }
  awaitable<net::ServerResponse> take(net::ServerRequest request) {
    delivered_.emplace_back(request.headers.find("Bascule-Delivery").value_or(""));
    co_return net::ServerResponse{204, "", "text/plain"};
  }

  SimulatedWorld world_;
  PlainTextSecrets secrets_;
  Services services_{world_.context, world_.clock, secrets_};
  net::NameServer names_{world_.context};
  std::unique_ptr<net::Resolver> resolver_ =
      *net::Resolver::make(world_.context, world_.clock, {names_.place()});
  std::vector<std::string> delivered_;
  net::HttpServer receiver_{
      world_.context, world_.clock, on_loopback(),
      [this](net::ServerRequest request) { return take(std::move(request)); }};
  engine::State state_ = two_site_state(at(0));
  std::map<std::string, int> counted_;
  std::unique_ptr<Notifications> notifications_;
};

TEST_F(LostNameTest, AnHourIsOutlastedAndEverythingComesInOrderOnce) {
  state_.cluster = "demo";
  state_.journal = "1f0c77a2";
  for (int i = 0; i < kMessages; ++i) tell();
  const Instant began = world_.clock.now();
  while (world_.clock.now() - began < kHour) ASSERT_TRUE(tries_again());
  EXPECT_TRUE(delivered_.empty());
  EXPECT_LT(counted_["retried"], 80) << "it backs off";
  EXPECT_EQ(counted_["failed"], 0);

  names_.table["hooks.example"] = {*net::parse_address("127.0.0.1")};
  for (int i = 0; i < 5 && delivered_.empty(); ++i) ASSERT_TRUE(tries_again());
  ASSERT_TRUE(becomes([&] { return counted_["sent"] == kMessages; })) << counted_["sent"];
  std::vector<std::string> expected;
  const Sequence first = state_.seq - kMessages + 1;
  for (Sequence seq = first; seq <= state_.seq; ++seq) {
    expected.push_back(fmt::format("demo/1f0c77a2/{}", seq));
  }
  EXPECT_EQ(delivered_, expected);
}

TEST_F(LostNameTest, WhatWaitsIsBounded) {
  for (std::size_t i = 0; i < Notifications::kQueueBound + 100; ++i) tell();
  EXPECT_GE(counted_["dropped"], 99);
}

}  // namespace
}  // namespace bascule::runtime
