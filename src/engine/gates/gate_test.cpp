// Each gate in a table: a world that is well, one thing changed, and the sentence that follows.
#include "engine/gates/gate.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/gates/gate_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;

TEST(Gates, are_nine_in_their_order_and_all_hold_when_the_primary_has_died) {
  const GateWorld world;
  const auto answers = ask_gates(world.state, world.readings, world.proposal, world.now);
  const std::vector<std::string> names = {"mode",           "controller",    "verdict",
                                          "not_everything", "cooldown",      "target",
                                          "data_loss",      "one_at_a_time", "fence"};
  ASSERT_EQ(answers.size(), names.size());
  for (std::size_t index = 0; index < names.size(); ++index) {
    EXPECT_EQ(to_string(answers[index].name), names[index]);
    EXPECT_EQ(gate_from(names[index]), answers[index].name);
    EXPECT_TRUE(answers[index].holds) << names[index] << ": " << answers[index].because;
    EXPECT_FALSE(answers[index].because.empty());
  }
  EXPECT_FALSE(gate_from("tenth").has_value());
}

TEST(Gates, print_as_the_contract_says) {
  GateWorld world;
  world.policy().mode = Mode::manual;
  const Json json = to_json(world.ask(GateName::mode));
  EXPECT_EQ(to_text(json),
            R"({"because":"the mode is manual: a person starts every move","binds":"automation",)"
            R"("evidence":{"mode":"manual"},"holds":false,"name":"mode","number":1,)"
            R"("since":null,"until":null})");
  EXPECT_EQ(to_json(world.ask(GateName::fence))["binds"], "everyone");
}

TEST(Gates, refuse_what_is_about_no_group) {
  GateWorld world;
  world.proposal.group = GroupName("other");
  for (const GateAnswer& answer :
       ask_gates(world.state, world.readings, world.proposal, world.now)) {
    EXPECT_FALSE(answer.holds);
    EXPECT_EQ(answer.because, "there is no group other");
  }
}

TEST(Gates, bind_persons_where_safety_and_not_patience_is_at_stake) {
  const GateWorld world;
  std::string binding;
  for (const GateAnswer& answer :
       ask_gates(world.state, world.readings, world.proposal, world.now)) {
    binding += answer.binds_everyone ? 'e' : 'a';
  }
  EXPECT_EQ(binding, "aeaaaeeee");
}

TEST(GateMode, holds_for_automation_that_nobody_holds) {
  run_table(
      GateName::mode,
      {{"automatic", [](GateWorld&) {}, true, "automatic"},
       {"manual", [](GateWorld& world) { world.policy().mode = Mode::manual; }, false,
        "the mode is manual: a person starts every move"},
       {"shadow", [](GateWorld& world) { world.policy().mode = Mode::shadow; }, false,
        "the mode is shadow: what would be done is only journaled"},
       {"approve", [](GateWorld& world) { world.policy().mode = Mode::approve; }, false,
        "the mode is approve: a move waits for a person"},
       {"held",
        [](GateWorld& world) {
          world.status().hold = Hold{at(-3'600'000), std::nullopt, "ana", "migration"};
        },
        false, "held by ana since 15:00 UTC (migration): `bascule release shop --reason TEXT`"},
       {"held until",
        [](GateWorld& world) { world.status().hold = Hold{at(0), at(7'200'000), "ana", ""}; },
        false, "held by ana since 16:00 UTC until 18:00 UTC: `bascule release shop --reason TEXT`"},
       {"held until just now",
        [](GateWorld& world) { world.status().hold = Hold{at(-1000), world.now, "ana", ""}; }, true,
        "automatic"},
       {"everything held",
        [](GateWorld& world) { world.state.hold = Hold{at(0), std::nullopt, "bob", ""}; }, false,
        "everything is held by bob since 16:00 UTC: `bascule release --reason TEXT`"}});
}

TEST(GateMode, counts_down_to_the_end_of_a_hold) {
  GateWorld world;
  world.status().hold = Hold{at(0), at(7'200'000), "ana", ""};
  EXPECT_EQ(world.ask(GateName::mode).until, at(7'200'000));
}

ControllerReading& controller(GateWorld& world) {
  return world.readings.controllers[test_world::kLaptop];
}

TEST(GateController, holds_while_this_observer_is_itself_well) {
  run_table(
      GateName::controller,
      {{"well", [](GateWorld&) {}, true,
        "loop 0ms late, clock steady, journal answers in 0.2ms, reference berlin/app answers"},
       {"never looked", [](GateWorld& world) { world.readings.controllers.clear(); }, false,
        "the controller has not looked at itself yet"},
       {"looked long ago",
        [](GateWorld& world) { controller(world).at = world.now - Duration(12'000); }, false,
        "the controller last looked at itself 12s ago"},
       {"late", [](GateWorld& world) { controller(world).loop_late = Duration(1'001); }, false,
        "the loop is 1s late (at most 1s)"},
       {"clock jumped", [](GateWorld& world) { controller(world).clock_steady = false; }, false,
        "the clock was set or jumped"},
       {"journal silent", [](GateWorld& world) { controller(world).store_answers = false; }, false,
        "the journal does not answer"},
       {"out of descriptors",
        [](GateWorld& world) { controller(world).unable = "too many open files"; }, false,
        "this observer cannot look: too many open files"},
       {"a reference answers",
        [](GateWorld& world) { controller(world).reference = "192.0.2.1:53"; }, true,
        "loop 0ms late, clock steady, journal answers in 0.2ms, reference 192.0.2.1:53 answers"},
       {"nobody answers anywhere",
        [](GateWorld& world) {
          test_world::put(world.readings, test_world::down(test_world::app_of(kBerlin), at(100)));
          test_world::put(world.readings,
                          test_world::down(test_world::database_of(kBerlin), at(100)));
        },
        false, "no other site answers: this observer may be the one that is cut off"},
       {"a bad answer is an answer",
        [](GateWorld& world) {
          Observation look =
              test_world::look(test_world::app_of(kBerlin), at(500), Health::critical);
          test_world::put(world.readings, test_world::well(look, at(0)));
        },
        true,
        "loop 0ms late, clock steady, journal answers in 0.2ms, reference berlin/app answers"},
       {"an answer of the past is none",
        [](GateWorld& world) {
          world.readings.opinions.erase(test_world::database_of(kBerlin));
          world.readings.opinions[test_world::app_of(kBerlin)][test_world::kLaptop].expires_at =
              world.now - Duration(1);
          controller(world).references_configured = true;
        },
        false,
        "neither a reference nor another site answers: this observer may be the one that is cut "
        "off"},
       {"a site of the same place is no reference",
        [](GateWorld& world) {
          for (SiteSpec& site : test_world::shop_in(world.state).sites) site.at = "rack-1";
        },
        false, "no other site answers: this observer may be the one that is cut off"}});
}

TEST(GateVerdict, holds_when_what_failover_when_names_is_down) {
  run_table(
      GateName::verdict,
      {{"down", [](GateWorld&) {}, true,
        "database is down: 3 of 3 looks failed in 0.4s (connection refused), since 0.4s"},
       {"healthy",
        [](GateWorld& world) { world.readings = test_world::healthy_readings(world.now); }, false,
        "amsterdam/database is healthy"},
       {"silent is not failed",
        [](GateWorld& world) {
          world.readings.opinions.erase(test_world::database_of(kAmsterdam));
        },
        false,
        "amsterdam/database is unknown, and unknown is not failed: no observer has a fresh look"},
       {"nothing written", [](GateWorld& world) { world.policy().failover_when.clear(); }, false,
        "no failover_when is written: no failure moves this group"},
       {"all of the inner",
        [](GateWorld& world) { world.policy().failover_when = {{"app", "database"}}; }, true,
        "app is down: 3 of 3 looks failed in 0.4s (connection refused); database is down: 3 of 3 "
        "looks failed in 0.4s (connection refused), since 0.4s"},
       {"not all of the inner",
        [](GateWorld& world) {
          world.policy().failover_when = {{"app", "database"}};
          test_world::put(world.readings,
                          test_world::well(test_world::look(test_world::app_of(kAmsterdam), at(500),
                                                            Health::healthy),
                                           at(0)));
        },
        false,
        "amsterdam/app is healthy; database is down: 3 of 3 looks failed in 0.4s (connection "
        "refused)"},
       {"any of the outer",
        [](GateWorld& world) {
          world.policy().failover_when = {{"app"}, {"database"}};
          test_world::put(world.readings,
                          test_world::well(test_world::look(test_world::app_of(kAmsterdam), at(500),
                                                            Health::healthy),
                                           at(0)));
        },
        true, "database is down: 3 of 3 looks failed in 0.4s (connection refused), since 0.4s"},
       {"its standby still hears from it",
        [](GateWorld& world) {
          DatabaseFacts facts = test_world::replica_facts(at(500), 10 * test_world::kMegabyte);
          facts.last_received_at = at(400);
          test_world::put(world.readings, kBerlin, facts);
        },
        false,
        "amsterdam is unreachable, not dead: berlin received from it 0.3s after its first failed "
        "look"},
       {"what its standby heard before proves nothing",
        [](GateWorld& world) {
          DatabaseFacts facts = test_world::replica_facts(at(500), 10 * test_world::kMegabyte);
          facts.last_received_at = at(100);
          test_world::put(world.readings, kBerlin, facts);
        },
        true, "database is down: 3 of 3 looks failed in 0.4s (connection refused), since 0.4s"},
       {"nor what it heard before its connection ended",
        [](GateWorld& world) {
          DatabaseFacts facts =
              test_world::replica_facts(at(500), 10 * test_world::kMegabyte, false);
          facts.last_received_at = at(150);
          test_world::put(world.readings, kBerlin, facts);
        },
        true, "database is down: 3 of 3 looks failed in 0.4s (connection refused), since 0.4s"}});
}

TEST(GateVerdict, never_moves_a_group_by_checks_of_the_group_alone) {
  GateWorld world;
  const CheckReference api{kShop, SiteName(), CheckName("api")};
  CheckSpec spec;
  spec.name = api.check;
  test_world::shop_in(world.state).checks.push_back(spec);
  world.policy().failover_when = {{"api"}};
  test_world::put(world.readings, test_world::down(api, at(100)));
  EXPECT_FALSE(world.ask(GateName::verdict).holds);
  world.policy().failover_when = {{"database", "api"}};
  EXPECT_TRUE(world.ask(GateName::verdict).holds);
}

TEST(GateVerdict, counts_down_while_a_site_is_suspect) {
  GateWorld world;
  Opinion opinion = test_world::down(test_world::database_of(kAmsterdam), at(300));
  opinion.down = false;
  opinion.because = "2 of 2 looks failed in 0.2s (connection refused)";
  test_world::put(world.readings, opinion);
  const GateAnswer answer = world.ask(GateName::verdict);
  EXPECT_FALSE(answer.holds);
  EXPECT_EQ(answer.because,
            "amsterdam/database is suspect: 2 of 2 looks failed in 0.2s (connection refused)");
  EXPECT_EQ(answer.until, at(700));
}

TEST(GateNotEverything, holds_while_one_candidate_could_take_over) {
  run_table(GateName::not_everything,
            {{"one", [](GateWorld&) {}, true, "berlin passes"},
             {"all look dead",
              [](GateWorld& world) {
                test_world::put(world.readings,
                                test_world::down(test_world::database_of(kBerlin), at(100)));
              },
              false,
              "no candidate passes: berlin/database does not answer: 3 of 3 looks failed in 0.4s "
              "(connection refused)"},
             {"no candidate",
              [](GateWorld& world) {
                test_world::shop_in(world.state).sites.back().can_be_target = false;
              },
              false, "no other site may be a target"}});
}

// S16.
TEST(GateCooldown, waits_after_an_automatic_move_longer_with_every_flap) {
  const auto moved = [](std::int64_t ago, std::int64_t flaps) {
    return [=](GateWorld& world) {
      world.status().last_automatic_at = world.now - Duration(ago);
      world.status().flaps = flaps;
      world.status().acknowledged = false;
    };
  };
  run_table(
      GateName::cooldown,
      {{"never moved", [](GateWorld&) {}, true, "no automatic move yet"},
       {"long ago", moved(259'200'000, 1), true, "last automatic move 3d ago"},
       {"just now", moved(60'000, 1), false,
        "last automatic move 60s ago, cooling down for another 9m: `bascule ack shop --reason "
        "TEXT`"},
       {"after 10m", moved(600'000, 1), true, "last automatic move 10m ago"},
       {"the second within a day waits twice as long", moved(600'000, 2), false,
        "last automatic move 10m ago, cooling down for another 10m: `bascule ack shop --reason "
        "TEXT`"},
       {"the hundredth waits for ever", moved(600'000, 100), false,
        "last automatic move 10m ago, cooling down for another 106751d: `bascule ack shop --reason "
        "TEXT`"},
       {"acknowledged",
        [=](GateWorld& world) {
          moved(60'000, 1)(world);
          world.status().acknowledged = true;
        },
        true, "last automatic move 60s ago, acknowledged"},
       {"tried already", [](GateWorld& world) { world.status().tried = {kBerlin}; }, false,
        "berlin was tried already in this failure: one failure starts at most one automatic run "
        "for each candidate"}});
}

TEST(GateCooldown, lets_the_next_candidate_be_tried_after_a_rollback) {
  GateWorld world;
  world.status().last_automatic_at = world.now - Duration(1'000);
  world.status().flaps = 1;
  world.status().acknowledged = false;
  world.status().tried = {kBerlin};
  world.status().last_run = RunId("r-0001");
  engine::Run run;
  run.id = world.status().last_run;
  run.plan.group = kShop;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  run.trigger = Trigger::automatic;
  run.state = RunState::rolled_back;
  world.state.runs[run.id] = run;
  world.proposal.target = SiteName("cologne");
  EXPECT_TRUE(world.ask(GateName::cooldown).holds);
  world.state.runs[run.id].state = RunState::done;
  EXPECT_FALSE(world.ask(GateName::cooldown).holds);
}

}  // namespace
}  // namespace bascule::engine
