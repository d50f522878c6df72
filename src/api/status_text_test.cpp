// What is kept is the same, to the byte, as what would be written anew.
#include "api/status_text.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/test_world.h"

namespace bascule::api {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test

struct StatusTextTest : testing::Test {
  // Asked twice: the second time from what was kept.
  void expect_the_same(std::int64_t milliseconds) {
    const Speaker speaker{kLaptop, true, ""};
    for (int i = 0; i < 2; ++i) {
      const Instant now = at(milliseconds + i);
      EXPECT_EQ(kept.write(state, readings, speaker, now),
                to_text(status_view(state, readings, speaker, now)));
    }
  }
  void record(RecordBody body, std::int64_t milliseconds) {
    engine::evolve(
        state, Record{state.seq + 1, at(milliseconds), state.term, "bascule", "", std::move(body)});
  }
  void see(const CheckReference& check, std::int64_t milliseconds, const std::string& summary) {
    Opinion opinion;
    opinion.check = check;
    opinion.observer = kLaptop;
    opinion.health = Health::healthy;
    opinion.newest_at = at(milliseconds);
    opinion.expires_at = at(milliseconds + 3'000);
    opinion.newest.summary = summary;
    engine::take(readings, state, engine::OpinionFormed{opinion}, at(milliseconds));
  }

  engine::State state = two_site_state(at(0));
  engine::Readings readings;
  StatusText kept;
};

TEST_F(StatusTextTest, IsWhatWouldBeWrittenAnew) {
  expect_the_same(0);
  see(app_of(kBerlin), 1'000, "200 in 3ms");
  expect_the_same(1'000);
  see(app_of(kBerlin), 2'000, "200 in 4ms, \"groups\":[]");
  expect_the_same(2'000);
  record(GroupStateChanged{kShop, GroupState::healthy, GroupState::critical, "app is down"}, 3'000);
  expect_the_same(3'000);
  record(AutomationHeld{kShop, std::nullopt}, 4'000);
  expect_the_same(4'000);
}

TEST_F(StatusTextTest, OneOfTwoGroupsChanges) {
  Configuration two = state.configuration;
  GroupSpec other = two.groups.front();
  other.name = GroupName("blog");
  two.groups.push_back(other);
  record(ConfigurationLoaded{"two", to_json(two)}, 0);
  expect_the_same(0);
  see({GroupName("blog"), kBerlin, CheckName("app")}, 1'000, "200");
  expect_the_same(1'000);
  two.groups.erase(std::as_const(two.groups).begin());
  record(ConfigurationLoaded{"one", to_json(two)}, 2'000);
  expect_the_same(2'000);
}

TEST_F(StatusTextTest, WhatDependsOnTheTimeIsWrittenAnew) {
  state.groups.at(kShop).last_drill =
      engine::EndedDrill{RunId("r-0001"), at(0), true, "it has come back"};
  state.groups.at(kShop).last_good_drill_at = at(0);
  expect_the_same(0);
  expect_the_same(86'400'000);
  expect_the_same(10 * 86'400'000LL);
}

TEST_F(StatusTextTest, WithoutGroupsItIsAListOfNone) {
  state.configuration.groups.clear();
  expect_the_same(0);
}

}  // namespace
}  // namespace bascule::api
