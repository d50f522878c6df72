#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/detect/detector.h"
#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::database_of;
using test_world::kAmsterdam;

const std::vector<std::string> kObservers = {"a", "b", "c"};

State state_of_three(const Json& quorum = "majority") {
  State state = test_world::two_site_state(at(0));
  state.configuration.observers = {ObserverSpec{ObserverName("a"), "rack-1"},
                                   ObserverSpec{ObserverName("b"), "rack-2"},
                                   ObserverSpec{ObserverName("c"), "elsewhere"}};
  test_world::policy_in(state).quorum = quorum;
  return state;
}

// One letter per observer: h, d, c, f, D (failed and down), '-' silent, 'x' expired and down.
Readings heard(const std::string& letters) {
  Readings readings;
  for (std::size_t index = 0; index < letters.size(); ++index) {
    const char letter = letters[index];
    if (letter == '-') continue;
    const bool is_down = letter == 'D' || letter == 'x';
    Opinion opinion =
        is_down ? test_world::down(database_of(kAmsterdam), at(-400))
                : test_world::well(
                      test_world::look(database_of(kAmsterdam), at(0), Health::healthy), at(-900));
    if (letter == 'd') opinion.health = Health::degraded;
    if (letter == 'c') opinion.health = Health::critical;
    if (letter == 'f') opinion.health = Health::failed;
    if (letter == 'x') opinion.expires_at = at(-1);
    opinion.observer = ObserverName(kObservers[index]);
    test_world::put(readings, opinion);
  }
  return readings;
}

struct Case {
  std::string letters;
  Health health;
  bool down;
  Json quorum = "majority";
};

TEST(Verdict, is_the_worst_that_a_quorum_of_the_configured_observers_reports_or_exceeds) {
  const std::vector<Case> cases = {
      {"hhh", Health::healthy, false},
      {"hhD", Health::healthy, false},
      {"hDD", Health::failed, true},
      {"DDD", Health::failed, true},
      {"hdD", Health::degraded, false},
      {"cfh", Health::critical, false},
      {"D--", Health::unknown, false},
      {"DD-", Health::failed, true},
      {"Dx-", Health::unknown, false},
      {"hx-", Health::unknown, false},
      {"---", Health::unknown, false},
      {"hh-", Health::healthy, false},
      {"DD-", Health::unknown, false, 3},
      {"DDD", Health::failed, true, 3},
      {"--D", Health::failed, true, 1},
      {"DD-", Health::failed, true, {{"outside_site", 1}}},
      {"D-D", Health::unknown, false, {{"outside_site", 2}}},
      {"-DD", Health::failed, true, {{"outside_site", 2}}},
  };
  for (const Case& row : cases) {
    const State state = state_of_three(row.quorum);
    const CheckVerdict verdict =
        verdict_of(state, heard(row.letters), database_of(kAmsterdam), at(0));
    EXPECT_EQ(verdict.health, row.health) << row.letters << " " << to_text(row.quorum);
    EXPECT_EQ(verdict.down, row.down) << row.letters << " " << to_text(row.quorum);
  }
}

TEST(Verdict, says_how_many_observers_agree) {
  const State state = state_of_three();
  EXPECT_EQ(verdict_of(state, heard("hDD"), database_of(kAmsterdam), at(0)).because,
            "2 of 3 observers: 3 of 3 looks failed in 0.4s (connection refused)");
  EXPECT_EQ(verdict_of(state, heard("---"), database_of(kAmsterdam), at(0)).because,
            "no observer has a fresh look");
}

TEST(Verdict, of_one_observer_speaks_in_its_words_and_keeps_since_when_it_holds) {
  State state = test_world::two_site_state(at(0));
  Readings readings = test_world::healthy_readings(at(0));
  EXPECT_EQ(verdict_of(state, readings, database_of(kAmsterdam), at(10)).since,
            test_world::status_in(state).active_since);
  test_world::lose_amsterdam(readings, at(100));
  const CheckVerdict verdict = verdict_of(state, readings, database_of(kAmsterdam), at(500));
  EXPECT_TRUE(verdict.down);
  EXPECT_EQ(verdict.since, at(500));
  EXPECT_EQ(verdict.first_failed_at, at(100));
  EXPECT_EQ(verdict.because, "3 of 3 looks failed in 0.4s (connection refused)");
}

TEST(Verdict, of_an_observer_that_fell_silent_is_unknown) {
  const State state = test_world::two_site_state(at(0));
  Readings readings = test_world::healthy_readings(at(0));
  test_world::lose_amsterdam(readings, at(100));
  EXPECT_TRUE(verdict_of(state, readings, database_of(kAmsterdam), at(3400)).down);
  const CheckVerdict late = verdict_of(state, readings, database_of(kAmsterdam), at(3401));
  EXPECT_FALSE(late.down);
  EXPECT_EQ(late.health, Health::unknown);
}

TEST(Verdict, about_something_that_is_not_configured_is_unknown) {
  const State state = test_world::two_site_state(at(0));
  const CheckVerdict verdict =
      verdict_of(state, Readings(), test_world::check_of(kAmsterdam, "nothing"), at(0));
  EXPECT_EQ(verdict.health, Health::unknown);
}

TEST(Quorum, is_of_the_configured_observers) {
  const State three = state_of_three();
  EXPECT_EQ(quorum_size(three, three.configuration.groups.front()), 2U);
  const State one = test_world::two_site_state(at(0));
  EXPECT_EQ(quorum_size(one, one.configuration.groups.front()), 1U);
  const State number = state_of_three(3);
  EXPECT_EQ(quorum_size(number, number.configuration.groups.front()), 3U);
}

}  // namespace
}  // namespace bascule::engine
