#include "engine/readings.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::app_of;
using test_world::at;
using test_world::database_look;
using test_world::database_of;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::primary_facts;
using test_world::replica_facts;

class Take : public testing::Test {
 protected:
  void see(const Input& input, Instant now) { take(readings_, state_, input, now); }
  void sample(const SiteName& site, const DatabaseFacts& facts) {
    see(PositionsRead{database_of(site), facts}, facts.read_at);
  }
  const DatabaseReading& database(const SiteName& site) {
    return readings_.databases[database_of(site)];
  }

  State state_ = test_world::two_site_state(at(0));
  Readings readings_;
};

TEST_F(Take, keeps_the_newest_opinion_and_the_facts_it_carries) {
  const DatabaseFacts facts = primary_facts(at(0), 500);
  see(OpinionFormed{test_world::well(database_look(database_of(kAmsterdam), facts), at(0))}, at(1));
  EXPECT_EQ(readings_.opinions[database_of(kAmsterdam)][test_world::kLaptop].newest_at, at(0));
  EXPECT_EQ(database(kAmsterdam).newest, facts);
  see(OpinionFormed{test_world::well(
          database_look(database_of(kAmsterdam), primary_facts(at(-500), 400)), at(0))},
      at(2));
  EXPECT_EQ(database(kAmsterdam).newest, facts);
}

TEST_F(Take, drops_old_news) {
  const Opinion opinion =
      test_world::well(test_world::look(app_of(kAmsterdam), at(0), Health::failed), at(0));
  see(OpinionFormed{opinion}, at(1801));
  EXPECT_TRUE(readings_.opinions.empty());
  see(OpinionFormed{opinion}, at(1800));
  EXPECT_EQ(readings_.opinions.size(), 1U);
}

TEST_F(Take, is_deaf_to_what_is_not_configured) {
  Opinion opinion = test_world::well(
      test_world::look(test_world::check_of(kAmsterdam, "other"), at(0), Health::failed), at(0));
  see(OpinionFormed{opinion}, at(0));
  opinion.check = app_of(kAmsterdam);
  opinion.observer = ObserverName("stranger");
  see(OpinionFormed{opinion}, at(0));
  see(SignSeen{test_world::check_of(kAmsterdam, "other"), Sign{at(0), "broke"}}, at(0));
  see(PositionsRead{app_of(kAmsterdam), primary_facts(at(0), 1)}, at(0));
  see(ControllerChecked{ObserverName("stranger"), {}}, at(0));
  see(FrontDoorRead{GroupName("other"), Inspection{}}, at(0));
  see(StepInspected{RunId("r-0009"), StepId("fence/cut"), Inspection{}}, at(0));
  EXPECT_TRUE(readings_.opinions.empty());
  EXPECT_TRUE(readings_.signs.empty());
  EXPECT_TRUE(readings_.databases.empty());
  EXPECT_TRUE(readings_.controllers.empty());
  EXPECT_TRUE(readings_.front_doors.empty());
  EXPECT_TRUE(readings_.inspections.empty());
}

TEST_F(Take, remembers_a_standby_as_it_was_at_the_sources_last_good_reading) {
  sample(kBerlin, replica_facts(at(500), 100));
  sample(kAmsterdam, primary_facts(at(1000), 110));
  EXPECT_EQ(database(kBerlin).before_failure, replica_facts(at(500), 100));

  sample(kBerlin, replica_facts(at(1500), 120));
  EXPECT_EQ(database(kBerlin).before_failure, replica_facts(at(500), 100));
  // The source dies at 1600: no further good reading of it.
  sample(kBerlin, replica_facts(at(2500), 125, false));
  EXPECT_EQ(database(kBerlin).before_failure, replica_facts(at(500), 100));
  EXPECT_EQ(database(kBerlin).newest, replica_facts(at(2500), 125, false));
}

TEST_F(Take, does_not_judge_a_standby_by_what_was_read_after_the_source) {
  sample(kBerlin, replica_facts(at(500), 100));
  sample(kBerlin, replica_facts(at(1500), 120, false));
  see(PositionsRead{database_of(kAmsterdam), primary_facts(at(1000), 110)}, at(1600));
  EXPECT_EQ(database(kBerlin).before_failure, replica_facts(at(500), 100));
}

TEST_F(Take, bounds_what_it_remembers) {
  for (int index = 0; index < 1000; ++index) {
    sample(kAmsterdam, primary_facts(at(index), static_cast<std::uint64_t>(index)));
  }
  EXPECT_EQ(database(kAmsterdam).recent.size(), kRecentFacts);
  EXPECT_EQ(database(kAmsterdam).recent.newest().position, 999U);
}

TEST_F(Take, keeps_inspections_of_open_work_only) {
  engine::Run run;
  run.id = RunId("r-0001");
  run.plan.group = test_world::kShop;
  state_.runs[run.id] = run;
  see(StepInspected{run.id, StepId("fence/cut"), Inspection{}}, at(5));
  see(StepInspected{run.id, StepId("fence/seal"),
                    fail(ErrorCode::timeout, "no answer from rack-1")},
      at(6));
  EXPECT_TRUE((readings_.inspections[{run.id, StepId("fence/cut")}].inspection));
  const InspectionReading failed = readings_.inspections[{run.id, StepId("fence/seal")}];
  EXPECT_EQ(failed.at, at(6));
  EXPECT_EQ(failed.error->message, "no answer from rack-1");

  state_.runs[run.id].state = RunState::done;
  see(StepInspected{RunId("r-0002"), StepId("fence/cut"), Inspection{}}, at(7));
  EXPECT_TRUE(readings_.inspections.empty());
}

TEST_F(Take, forgets_what_a_new_configuration_does_not_name) {
  readings_ = test_world::healthy_readings(at(0));
  Configuration smaller = state_.configuration;
  smaller.groups.front().sites.back().checks.pop_back();
  see(ConfigurationRead{smaller}, at(1));
  EXPECT_FALSE(readings_.opinions.contains(database_of(kBerlin)));
  EXPECT_FALSE(readings_.databases.contains(database_of(kBerlin)));
  EXPECT_TRUE(readings_.opinions.contains(app_of(kBerlin)));
  smaller.groups.clear();
  see(ConfigurationRead{smaller}, at(2));
  EXPECT_TRUE(readings_.opinions.empty());
}

}  // namespace
}  // namespace bascule::engine
