// People are told of a run and never in its way: with a channel that hangs, a failover takes
// exactly as long as with none, and whoever listens on another channel hears all of it at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::two_site_configuration;

class FakeChannel final : public Notifier {
 public:
  awaitable<Result<void>> send(Message message, Deadline) override {
    ++tries;
    if (hangs) co_await Event().wait();
    told.push_back(std::move(message));
    co_return Result<void>();
  }
  awaitable<Result<void>> reach(Deadline) override { co_return Result<void>(); }

  [[nodiscard]] bool was_told(std::string_view type) const {
    return std::ranges::any_of(
        told, [&](const Message& message) { return text_or(message.data, "type") == type; });
  }

  bool hangs = false;
  int tries = 0;
  std::vector<Message> told;
};

struct Failover {
  Duration outage{0};
  Duration until_told{0};  // from its record to the newest message
  Duration stopping{0};
};

Failover fail_over(const std::vector<Channel>& channels, const FakeChannel* listener) {
  FakeWorld world;
  FakeBascule bascule(world, std::make_shared<MemoryStore>(), at(0), two_site_configuration(),
                      channels);
  EXPECT_TRUE(bascule.until([&] { return bascule.steady(); })) << bascule.story();
  world.sites[kAmsterdam].powered = false;
  EXPECT_TRUE(bascule.until([&] { return bascule.run_is(RunState::done); })) << bascule.story();
  Failover seen;
  const engine::Run& run = *bascule.newest_run();
  seen.outage = *run.outage_ended_at - *run.outage_began_at;
  EXPECT_TRUE(bascule.until([&] { return listener == nullptr || listener->was_told("RunEnded"); }))
      << "the listener is told";
  seen.until_told = bascule.clock.now() - *run.ended_at;
  const Instant began = bascule.clock.now();
  bascule.stop();
  seen.stopping = bascule.clock.now() - began;
  return seen;
}

TEST(DeadChannel, DelaysNeitherARunNorAnotherChannelNorTheEnd) {
  const Failover alone = fail_over({}, nullptr);
  const auto dead = std::make_shared<FakeChannel>();
  dead->hangs = true;
  const auto good = std::make_shared<FakeChannel>();
  const Failover beside = fail_over({{"dead", dead}, {"good", good}}, good.get());
  EXPECT_EQ(beside.outage, alone.outage);
  EXPECT_EQ(beside.until_told, Duration{0});
  for (const char* type : {"RunOpened", "StepStarted", "StepEnded", "ActiveSiteChanged"}) {
    EXPECT_TRUE(good->was_told(type)) << type;
  }
  EXPECT_GT(dead->tries, 0);
  EXPECT_TRUE(dead->told.empty());
  EXPECT_LE(beside.stopping, alone.stopping + Duration{3'500}) << "what is queued gets 3s";
}

TEST(DeadChannel, TheMessagesOfARunComeInTheOrderOfTheirRecords) {
  const auto good = std::make_shared<FakeChannel>();
  fail_over({{"good", good}}, good.get());
  EXPECT_TRUE(std::ranges::is_sorted(good->told, {}, &Message::seq));
  std::vector<std::string> names;
  for (const Message& message : good->told) names.push_back(message.delivery);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end()) << "each has a name of its own";
}

// A preflight item of the standby fails for long: people hear of it once, in working hours.
TEST(DeadChannel, PeopleHearOfAPreflightThatBeganToFail) {
  FakeWorld world;
  const auto good = std::make_shared<FakeChannel>();
  FakeBascule bascule(world, std::make_shared<MemoryStore>(), at(0), two_site_configuration(),
                      {{"good", good}});
  ASSERT_TRUE(bascule.until([&] { return bascule.steady(); })) << bascule.story();
  world.lag = "45s behind";
  ASSERT_TRUE(
      bascule.until([&] { return bascule.count("PreflightChanged") == 1; }, Duration{300'000}))
      << bascule.story();
  world.lag.clear();
  ASSERT_TRUE(
      bascule.until([&] { return bascule.count("PreflightChanged") == 2; }, Duration{300'000}))
      << bascule.story();
  std::vector<Message> told;
  std::ranges::copy_if(good->told, std::back_inserter(told), [](const Message& message) {
    return text_or(message.data, "type") == "PreflightChanged";
  });
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].severity, Severity::warning);
  EXPECT_NE(told[0].text.find("45s behind — bascule preflight shop --to berlin"), std::string::npos)
      << told[0].text;
  EXPECT_EQ(told[1].severity, Severity::info);
}

}  // namespace
}  // namespace bascule::runtime::test
