#include "engine/detect/detector.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::database_of;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::look;

DetectPolicy policy_of_demo() {
  return test_world::two_site_configuration().groups.front().policy.detect;
}

struct Look {
  std::int64_t at;
  char health;  // h healthy, d degraded, c critical, f failed, u unknown
};

Health health_of(char letter) {
  switch (letter) {
    case 'h':
      return Health::healthy;
    case 'd':
      return Health::degraded;
    case 'c':
      return Health::critical;
    case 'f':
      return Health::failed;
    default:
      return Health::unknown;
  }
}

// One letter per look: '.' neither, 's' suspect, 'D' down (and suspect).
std::string opinions_of(Detector& detector, const std::vector<Look>& looks) {
  std::string opinions;
  for (const Look& seen : looks) {
    const Opinion opinion =
        detector.observe(look(database_of(kAmsterdam), at(seen.at), health_of(seen.health)));
    EXPECT_EQ(opinion.suspect, detector.suspect());
    EXPECT_EQ(opinion.first_failed_at.has_value(), opinion.suspect);
    opinions += opinion.down ? 'D' : opinion.suspect ? 's' : '.';
  }
  return opinions;
}

struct Case {
  std::string name;
  std::vector<Look> looks;
  std::string opinions;
  ActsOn acts_on = ActsOn::critical;
};

// interval 1s, confirm 200ms, 3 failures in 5s over at least 400ms, 5 recoveries.
void run_cases(const std::vector<Case>& cases) {
  for (const Case& row : cases) {
    Detector detector(policy_of_demo(), row.acts_on);
    EXPECT_EQ(opinions_of(detector, row.looks), row.opinions) << row.name;
  }
}

TEST(Detector, counts_failures_inside_the_window_and_clears_them_by_a_row_of_successes) {
  run_cases({
      {"three failures over 400ms are enough", {{0, 'f'}, {200, 'f'}, {400, 'f'}}, "ssD"},
      {"three failures in a burst are too soon", {{0, 'f'}, {10, 'f'}, {20, 'f'}}, "sss"},
      {"a burst is down once min_duration has passed",
       {{0, 'f'}, {10, 'f'}, {20, 'f'}, {399, 'f'}, {400, 'f'}},
       "ssssD"},
      {"one success among failures does not clear the count",
       {{0, 'f'}, {200, 'f'}, {400, 'h'}, {600, 'f'}},
       "sssD"},
      {"one success is enough not to be down any more",
       {{0, 'f'}, {200, 'f'}, {400, 'f'}, {600, 'h'}},
       "ssDs"},
      {"a flapper falls again at its next failure",
       {{0, 'f'}, {200, 'f'}, {400, 'f'}, {600, 'h'}, {800, 'f'}},
       "ssDsD"},
      {"every second look failing is a failure",
       {{0, 'f'}, {1000, 'h'}, {2000, 'f'}, {3000, 'h'}, {4000, 'f'}},
       "ssssD"},
      {"failures that leave the window do not add up",
       {{0, 'f'}, {3000, 'f'}, {6000, 'f'}, {9000, 'f'}},
       "ssss"},
      {"a failure at the edge of the window still counts",
       {{0, 'f'}, {2500, 'f'}, {5000, 'f'}},
       "ssD"},
      {"five successes in a row clear the count",
       {{0, 'f'}, {200, 'h'}, {400, 'h'}, {600, 'h'}, {800, 'h'}, {1000, 'h'}},
       "sssss."},
      {"four successes do not, and the row starts again after a failure",
       {{0, 'f'}, {200, 'h'}, {400, 'h'}, {600, 'h'}, {800, 'h'}, {1000, 'f'}, {1200, 'h'}},
       "sssssss"},
      {"after a cleared count the next failure starts anew",
       {{0, 'f'},
        {200, 'f'},
        {400, 'h'},
        {600, 'h'},
        {800, 'h'},
        {1000, 'h'},
        {1200, 'h'},
        {1400, 'f'},
        {1600, 'f'}},
       "ssssss.ss"},
  });
}

TEST(Detector, counts_what_acts_on_names_and_leaves_the_rest_alone) {
  run_cases({
      {"degraded neither counts nor clears",
       {{0, 'f'}, {200, 'd'}, {400, 'f'}, {600, 'd'}, {800, 'f'}},
       "ssssD"},
      {"degraded breaks a row of successes",
       {{0, 'f'}, {200, 'h'}, {400, 'h'}, {600, 'h'}, {800, 'h'}, {1000, 'd'}, {1200, 'h'}},
       "sssssss"},
      {"degraded alone is no failure", {{0, 'd'}, {200, 'd'}, {400, 'd'}}, "..."},
      {"unknown is no failure and does not break a row",
       {{0, 'f'}, {200, 'h'}, {400, 'h'}, {600, 'h'}, {800, 'h'}, {1000, 'u'}, {1200, 'h'}},
       "ssssss."},
      {"critical counts", {{0, 'c'}, {200, 'f'}, {400, 'c'}}, "ssD"},
      {"with acts_on failed, critical does not count",
       {{0, 'c'}, {200, 'c'}, {400, 'c'}},
       "...",
       ActsOn::failed},
      {"with acts_on failed, critical does not clear either",
       {{0, 'f'}, {200, 'c'}, {400, 'f'}, {600, 'c'}, {800, 'f'}},
       "ssssD",
       ActsOn::failed},
      {"with acts_on failed, a critical newest look is not down",
       {{0, 'f'}, {200, 'f'}, {400, 'f'}, {600, 'c'}},
       "ssDs",
       ActsOn::failed},
  });
}

TEST(Detector, stays_down_for_as_long_as_looks_fail) {
  Detector detector(policy_of_demo(), ActsOn::critical);
  Opinion opinion;
  for (std::int64_t ms = 0; ms <= 60'000; ms += 200) {
    opinion = detector.observe(look(database_of(kAmsterdam), at(ms), Health::failed));
    EXPECT_EQ(opinion.down, ms >= 400) << ms;
    EXPECT_EQ(opinion.first_failed_at, at(0));
  }
  EXPECT_EQ(opinion.since, at(0));
}

TEST(Detector, measures_a_new_failure_from_its_own_first_look) {
  Detector detector(policy_of_demo(), ActsOn::critical);
  opinions_of(detector, {{0, 'f'}, {1000, 'd'}, {2000, 'd'}, {9000, 'd'}});
  const Opinion opinion =
      detector.observe(look(database_of(kAmsterdam), at(10'000), Health::failed));
  EXPECT_EQ(opinion.first_failed_at, at(10'000));
}

TEST(Detector, says_why_and_until_when_it_may_be_believed) {
  Detector detector(policy_of_demo(), ActsOn::critical);
  const CheckReference check = database_of(kAmsterdam);
  const Opinion fine = detector.observe(look(check, at(-1000), Health::healthy));
  EXPECT_EQ(fine.because, "200");
  EXPECT_EQ(fine.expires_at, at(-1000) + Duration(2 * 1000 + 900));
  EXPECT_EQ(fine.since, at(-1000));

  const Opinion first = detector.observe(look(check, at(0), Health::failed));
  EXPECT_EQ(first.because, "1 of 1 looks failed (connection refused)");
  EXPECT_EQ(first.since, at(0));
  detector.observe(look(check, at(200), Health::failed));
  const Opinion third = detector.observe(look(check, at(400), Health::failed));
  EXPECT_EQ(third.because, "3 of 3 looks failed in 0.4s (connection refused)");
  EXPECT_EQ(third.failures, 3);
  EXPECT_EQ(third.looks, 3);
  EXPECT_EQ(third.since, at(0));

  const Opinion back = detector.observe(look(check, at(1000), Health::healthy));
  EXPECT_EQ(back.because, "200; 1 of 5 successes since it failed");
  EXPECT_EQ(back.since, at(1000));
}

TEST(Detector, meets_a_clock_that_was_set_back_with_the_newest_time_seen) {
  Detector detector(policy_of_demo(), ActsOn::critical);
  const CheckReference check = database_of(kAmsterdam);
  detector.observe(look(check, at(5000), Health::failed));
  const Opinion opinion = detector.observe(look(check, at(1000), Health::failed));
  EXPECT_EQ(opinion.newest_at, at(5000));
  EXPECT_EQ(opinion.first_failed_at, at(5000));
}

struct Judgement {
  ExpectedRole expected;
  DatabaseFacts facts;
  Health raw;
  Health judged;
  std::string summary;
};

TEST(Judge, knows_which_role_is_expected) {
  const DatabaseFacts primary = test_world::primary_facts(at(0), 100);
  DatabaseFacts read_only = primary;
  read_only.accepts_writes = false;
  const DatabaseFacts replica = test_world::replica_facts(at(0), 100);
  const DatabaseFacts cut_off = test_world::replica_facts(at(0), 100, false);
  const std::vector<Judgement> table = {
      {ExpectedRole::primary, primary, Health::healthy, Health::healthy, "seen"},
      {ExpectedRole::primary, read_only, Health::healthy, Health::critical,
       "up, but read-only (seen)"},
      {ExpectedRole::primary, replica, Health::healthy, Health::critical,
       "is a replica, expected the primary (seen)"},
      {ExpectedRole::primary, cut_off, Health::degraded, Health::critical,
       "is a replica, expected the primary (seen)"},
      {ExpectedRole::replica, replica, Health::healthy, Health::healthy, "seen"},
      {ExpectedRole::replica, replica, Health::critical, Health::critical, "seen"},
      {ExpectedRole::replica, cut_off, Health::healthy, Health::degraded,
       "its receiver does not stream (seen)"},
      {ExpectedRole::replica, cut_off, Health::critical, Health::critical,
       "its receiver does not stream (seen)"},
      {ExpectedRole::replica, primary, Health::healthy, Health::critical,
       "is a primary beside the active one (seen)"},
      {ExpectedRole::replica, read_only, Health::healthy, Health::critical,
       "is a primary beside the active one (seen)"},
      {ExpectedRole::any, primary, Health::healthy, Health::healthy, "seen"},
      {ExpectedRole::any, read_only, Health::healthy, Health::healthy, "seen"},
      {ExpectedRole::any, cut_off, Health::healthy, Health::degraded,
       "its receiver does not stream (seen)"},
      {ExpectedRole::primary, replica, Health::failed, Health::failed, "seen"},
  };
  for (const Judgement& row : table) {
    Observation observation = look(database_of(kAmsterdam), at(0), row.raw);
    observation.summary = "seen";
    observation.database = row.facts;
    const Observation judged = judge(observation, row.expected);
    EXPECT_EQ(judged.health, row.judged) << row.summary;
    EXPECT_EQ(judged.summary, row.summary);
  }
}

TEST(Judge, leaves_a_look_without_a_database_alone) {
  const Observation judged =
      judge(look(database_of(kAmsterdam), at(0), Health::healthy), ExpectedRole::replica);
  EXPECT_EQ(judged.health, Health::healthy);
  EXPECT_EQ(judged.summary, "200");
}

TEST(ExpectedRole, follows_the_active_site_and_is_open_during_a_run) {
  State state = test_world::two_site_state(at(0));
  EXPECT_EQ(expected_role(state, database_of(kAmsterdam)), ExpectedRole::primary);
  EXPECT_EQ(expected_role(state, database_of(kBerlin)), ExpectedRole::replica);
  EXPECT_EQ(expected_role(state, {test_world::kShop, SiteName(), CheckName("api")}),
            ExpectedRole::any);

  engine::Run run;
  run.id = RunId("r-0001");
  run.plan.group = test_world::kShop;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  state.runs[run.id] = run;
  EXPECT_EQ(expected_role(state, database_of(kAmsterdam)), ExpectedRole::any);
  EXPECT_EQ(expected_role(state, database_of(kBerlin)), ExpectedRole::any);
  state.runs[run.id].state = RunState::parked;
  EXPECT_EQ(expected_role(state, database_of(kBerlin)), ExpectedRole::replica);

  state.runs.clear();
  test_world::status_in(state).active.reset();
  EXPECT_EQ(expected_role(state, database_of(kAmsterdam)), ExpectedRole::any);
}

TEST(ExpectedRole, at_home_is_primary_where_nothing_else_is_known) {
  const GroupSpec group = test_world::two_site_configuration().groups.front();
  EXPECT_EQ(home_role(group, database_of(kAmsterdam)), ExpectedRole::primary);
  EXPECT_EQ(home_role(group, database_of(kBerlin)), ExpectedRole::replica);
  EXPECT_EQ(home_role(group, {group.name, SiteName(), CheckName("api")}), ExpectedRole::any);
}

}  // namespace
}  // namespace bascule::engine
