// The gates that look at a move itself: its target, its loss, other moves and its fence.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/gates/gate_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::database_of;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kMegabyte;
using test_world::kShop;
using test_world::primary_facts;
using test_world::replica_facts;

DatabaseReading& database(GateWorld& world, const SiteName& site) {
  return world.readings.databases[database_of(site)];
}

void without_database(GateWorld& world) {
  for (SiteSpec& site : test_world::shop_in(world.state).sites) site.checks.pop_back();
  world.policy().failover_when = {{"app"}};
}

void owe(GateWorld& world, ObligationKind kind, const SiteName& site) {
  Obligation obligation;
  obligation.id = RunId("o-0001");
  obligation.group = kShop;
  obligation.kind = kind;
  obligation.site = site;
  obligation.last_error = "power: no answer from rack-1";
  obligation.next_at = world.now + Duration(14'000);
  world.state.obligations[obligation.id] = obligation;
}

// A third site, promoted by somebody else and seen so at 400.
void let_cologne_write(GateWorld& world) {
  const SiteName cologne("cologne");
  test_world::shop_in(world.state)
      .sites.push_back(test_world::shop_site(cologne, "rack-3", "127.0.1.3"));
  test_world::put(world.readings, cologne, primary_facts(at(400), kMegabyte, 6));
  world.state.verdicts[database_of(cologne)].health = Health::critical;
}

TEST(GateTarget, holds_for_a_standby_that_streamed_until_its_source_was_lost) {
  run_table(
      GateName::target,
      {{"well", [](GateWorld&) {}, true,
        "berlin: in recovery, same system, timeline 5, streamed until 0.5s ago"},
       {"nobody", [](GateWorld& world) { world.proposal.target = SiteName(); }, false,
        "no site can take over"},
       {"unheard of", [](GateWorld& world) { world.proposal.target = SiteName("x"); }, false,
        "there is no site x"},
       {"itself", [](GateWorld& world) { world.proposal.target = kAmsterdam; }, false,
        "amsterdam is the source itself"},
       {"its role",
        [](GateWorld& world) {
          test_world::shop_in(world.state).sites.back().can_be_target = false;
        },
        false, "berlin may not be a target (roles)"},
       {"owes a standby", [](GateWorld& world) { owe(world, ObligationKind::standby, kBerlin); },
        false, "berlin owes a standby: refused until berlin streams from amsterdam"},
       {"owes a fence", [](GateWorld& world) { owe(world, ObligationKind::fence, kBerlin); }, false,
        "berlin owes a fence: refused until berlin streams from amsterdam"},
       {"another site owes",
        [](GateWorld& world) { owe(world, ObligationKind::fence, kAmsterdam); }, true,
        "berlin: in recovery, same system, timeline 5, streamed until 0.5s ago"},
       {"a third site writes", let_cologne_write, false,
        "cologne accepts writes, and berlin would do so beside it: stop cologne first"},
       {"a third site wrote before the last run",
        [](GateWorld& world) {
          let_cologne_write(world);
          engine::Run run;
          run.id = world.status().last_run = RunId("r-0001");
          run.state = RunState::done;
          run.ended_at = at(450);
          world.state.runs[run.id] = run;
        },
        true, "berlin: in recovery, same system, timeline 5, streamed until 0.5s ago"},
       {"attested as stopped", [](GateWorld& world) { world.status().attested[kBerlin] = at(400); },
        false,
        "berlin is stopped, as a person attested 0.1s ago, and was not seen as a standby since"},
       {"attested long before it streamed again",
        [](GateWorld& world) { world.status().attested[kBerlin] = at(-60'000); }, true,
        "berlin: in recovery, same system, timeline 5, streamed until 0.5s ago"}});
}

TEST(GateTarget, judges_the_database_by_what_it_is_and_by_what_it_was) {
  run_table(
      GateName::target,
      {{"silent", [](GateWorld& world) { world.readings.opinions.erase(database_of(kBerlin)); },
        false, "berlin/database is unknown: no observer has a fresh look"},
       {"failed",
        [](GateWorld& world) {
          test_world::put(world.readings, test_world::down(database_of(kBerlin), at(100)));
        },
        false, "berlin/database does not answer: 3 of 3 looks failed in 0.4s (connection refused)"},
       {"a primary",
        [](GateWorld& world) { database(world, kBerlin).newest = primary_facts(at(400), 1); },
        false, "berlin is a primary, not in recovery"},
       {"another system",
        [](GateWorld& world) { database(world, kBerlin).newest->system_identifier = "42"; }, false,
        "berlin is another system than amsterdam (42, not 7300000000000000001)"},
       {"an older timeline",
        [](GateWorld& world) { database(world, kBerlin).newest->timeline = 4; }, false,
        "berlin is on timeline 4, amsterdam on timeline 5"},
       {"did not stream before",
        [](GateWorld& world) { database(world, kBerlin).before_failure->streaming = false; }, false,
        "berlin did not stream when amsterdam was last seen well"},
       {"the source was never seen",
        [](GateWorld& world) {
          world.readings.databases.erase(database_of(kAmsterdam));
          database(world, kBerlin).before_failure.reset();
        },
        true, "berlin: in recovery, timeline 5; amsterdam was never seen by this process"},
       {"a planned move needs it to stream now",
        [](GateWorld& world) { world.proposal.move = Move::switchover; }, false,
        "berlin does not stream from amsterdam"},
       {"a planned move of two healthy sites",
        [](GateWorld& world) {
          world.proposal.move = Move::switchover;
          world.readings = test_world::healthy_readings(world.now);
        },
        true, "berlin: in recovery, same system, timeline 5, streams"},
       {"without a database it has to answer", without_database, true, "berlin answers"},
       {"without a database, and silent",
        [](GateWorld& world) {
          without_database(world);
          world.readings.opinions.erase(test_world::app_of(kBerlin));
        },
        false, "berlin/app is unknown: no observer has a fresh look"}});
}

TEST(ChooseTarget, takes_the_first_site_in_order_that_passes_and_was_not_tried) {
  GateWorld world;
  const auto choose = [&](Move move, Trigger trigger) {
    return choose_target(world.state, world.readings, kShop, move, trigger, world.now);
  };
  EXPECT_EQ(choose(Move::failover, Trigger::automatic), kBerlin);
  EXPECT_EQ(choose(Move::failback, Trigger::manual), std::nullopt);  // it is at home
  world.status().tried = {kBerlin};
  EXPECT_EQ(choose(Move::failover, Trigger::automatic), std::nullopt);
  EXPECT_EQ(choose(Move::failover, Trigger::manual), kBerlin);
  world.status().active.reset();
  EXPECT_EQ(choose(Move::failover, Trigger::manual), std::nullopt);
}

TEST(ChooseTarget, goes_home_in_a_failback) {
  GateWorld world;
  world.readings = Readings();
  world.status().active = kBerlin;
  test_world::put(world.readings, kAmsterdam, replica_facts(at(400), kMegabyte));
  test_world::put(world.readings, kBerlin, primary_facts(at(400), kMegabyte));
  test_world::put(world.readings,
                  test_world::well(test_world::database_look(database_of(kAmsterdam),
                                                             replica_facts(at(400), kMegabyte)),
                                   at(0)));
  EXPECT_EQ(
      choose_target(world.state, world.readings, kShop, Move::failback, Trigger::manual, world.now),
      kAmsterdam);
}

TEST(GateDataLoss, holds_while_the_bound_is_within_the_limit) {
  run_table(
      GateName::data_loss,
      {{"all received", [](GateWorld&) {}, true, "at most 0.1s and 0 B (limit 10s, 16 MiB)"},
       {"a second behind",
        [](GateWorld& world) { database(world, kBerlin).newest->position -= 1'024; }, true,
        "at most 1.1s and 1 KiB (limit 10s, 16 MiB)"},
       {"between two samples",
        [](GateWorld& world) { database(world, kBerlin).newest->position -= 1'025; }, true,
        "at most 2.1s and 1 KiB (limit 10s, 16 MiB)"},
       {"beyond the time",
        [](GateWorld& world) {
          world.policy().max_data_loss_time = Duration(1'000);
          database(world, kBerlin).newest->position -= 1'024;
        },
        false, "at most 1.1s and 1 KiB (limit 1s, 16 MiB)"},
       {"beyond the bytes",
        [](GateWorld& world) {
          world.policy().max_data_loss_bytes = 1'023;
          database(world, kBerlin).newest->position -= 1'024;
        },
        false, "at most 1.1s and 1 KiB (limit 10s, 1023 B)"},
       {"no limit",
        [](GateWorld& world) {
          world.policy().max_data_loss_time.reset();
          world.policy().max_data_loss_bytes.reset();
        },
        true, "at most 0.1s and 0 B (no limit)"},
       {"older than every sample, and too much",
        [](GateWorld& world) {
          world.policy().max_data_loss_bytes = 1 << 20;
          database(world, kBerlin).newest->position = 1;
        },
        false, "an unknown time and 9.9 MiB (limit 10s, 1 MiB)"},
       {"another timeline's positions say nothing",
        [](GateWorld& world) { database(world, kBerlin).newest->timeline = 6; }, false,
        "what would be lost is unknown: no position of amsterdam on timeline 6 was ever read by "
        "this process; the policy gives up in 60s"},
       {"nothing is known of the target",
        [](GateWorld& world) { world.readings.databases.erase(database_of(kBerlin)); }, false,
        "what would be lost is unknown: no position of berlin is known; the policy gives up in "
        "60s"},
       {"a planned move loses nothing",
        [](GateWorld& world) { world.proposal.move = Move::switchover; }, true,
        "nothing may be lost: berlin is proved to have everything before it is made active"},
       {"no database, nothing to lose", without_database, true,
        "the group watches no database: nothing to lose here"},
       {"a living source goes on writing until now",
        [](GateWorld& world) {
          world.readings = test_world::healthy_readings(at(0));
          world.proposal.trigger = Trigger::manual;
          world.now = at(800);
        },
        true, "at most 0.8s and 0 B (limit 10s, 16 MiB)"}});
}

TEST(GateDataLoss, gives_up_or_goes_on_when_the_loss_stays_unknown) {
  GateWorld world;
  world.readings.databases.erase(database_of(kAmsterdam));
  CheckVerdict& verdict = world.state.verdicts[database_of(kAmsterdam)];
  verdict.health = Health::failed;
  verdict.down = true;
  verdict.since = at(500);
  const std::string unknown =
      "what would be lost is unknown: no position of amsterdam was ever read by this process";

  GateAnswer answer = world.ask(GateName::data_loss);
  EXPECT_FALSE(answer.holds);
  EXPECT_EQ(answer.because, unknown + "; the policy gives up in 60s");
  EXPECT_EQ(answer.until, at(60'500));
  EXPECT_EQ(answer.evidence["bound_ms"], nullptr);

  world.now = at(60'500);
  test_world::put(world.readings, test_world::down(database_of(kAmsterdam), at(60'000)));
  answer = world.ask(GateName::data_loss);
  EXPECT_FALSE(answer.holds);
  EXPECT_EQ(answer.because, unknown + "; the policy says to give up");

  world.policy().unknown_data_loss_forces = true;
  answer = world.ask(GateName::data_loss);
  EXPECT_TRUE(answer.holds);
  EXPECT_EQ(answer.because, unknown + "; the policy says to go on in spite of it");
  world.now = at(60'499);
  EXPECT_EQ(world.ask(GateName::data_loss).because,
            unknown + "; the policy goes on in spite of it in 1ms");
}

TEST(LossBound, is_the_time_since_the_newest_position_that_the_target_holds_was_read) {
  GateWorld world;
  database(world, kBerlin).newest->position -= 3 * 1'024;
  const LossBound bound = loss_bound(world.state, world.readings, world.proposal, world.now);
  EXPECT_FALSE(bound.nothing_to_lose);
  EXPECT_EQ(bound.time, Duration(3'100));
  EXPECT_EQ(bound.bytes, 3 * 1'024);
}

Run open_run(RunState state) {
  engine::Run run;
  run.id = RunId("r-0042");
  run.plan.group = kShop;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  run.state = state;
  run.because = "the fence failed";
  for (const SiteSpec& site : test_world::two_site_configuration().groups.front().sites) {
    if (site.name != kAmsterdam) continue;
    for (const StepSpec& spec : site.fence) {
      Step step;
      step.id = StepId("fence/" + spec.name);
      step.phase = Phase::fence;
      step.name = spec.name;
      step.site = site.name;
      step.rung = spec.rung;
      run.execution.steps.push_back(step);
    }
  }
  return run;
}

void open(GateWorld& world, const Run& run) {
  world.state.runs[run.id] = run;
}

TEST(GateOneAtATime, lets_one_run_be_open_in_a_group_and_few_across_groups) {
  run_table(
      GateName::one_at_a_time,
      {{"none", [](GateWorld&) {}, true, "no run is open"},
       {"running", [](GateWorld& world) { open(world, open_run(RunState::running)); }, false,
        "r-0042 is running (failover to berlin): `bascule show r-0042`"},
       {"parked", [](GateWorld& world) { open(world, open_run(RunState::parked)); }, false,
        "r-0042 is parked (the fence failed): `bascule resume r-0042 --reason TEXT` or `bascule "
        "abort r-0042 --reason TEXT`"},
       {"waiting is not open", [](GateWorld& world) { open(world, open_run(RunState::waiting)); },
        true, "no run is open"},
       {"ended", [](GateWorld& world) { open(world, open_run(RunState::done)); }, true,
        "no run is open"},
       {"another group's",
        [](GateWorld& world) {
          engine::Run run = open_run(RunState::running);
          run.plan.group = GroupName("other");
          open(world, run);
        },
        false, "a run is running in other groups (max_concurrent_runs 1)"},
       {"another group's that is parked",
        [](GateWorld& world) {
          engine::Run run = open_run(RunState::parked);
          run.plan.group = GroupName("other");
          open(world, run);
        },
        true, "no run is open"}});
}

void proceed(GateWorld& world) {
  world.policy().fence.proceed_otherwise = true;
}
void only_seal(GateWorld& world) {
  test_world::shop_in(world.state).sites.front().fence.pop_back();
}

TEST(GateFence, says_outside_a_run_which_rung_the_plan_can_reach) {
  run_table(
      GateName::fence,
      {{"cut", [](GateWorld&) {}, true, "the plan can reach cut (needs cut)"},
       {"seals only", only_seal, false,
        "needs cut, and the fence of amsterdam reaches sealed only"},
       {"nothing fences",
        [](GateWorld& world) { test_world::shop_in(world.state).sites.front().fence.clear(); },
        false, "needs cut, and amsterdam has no step that fences it"},
       {"sealed is enough",
        [](GateWorld& world) {
          only_seal(world);
          world.policy().fence.at_least = Rung::sealed;
        },
        true, "the plan can reach sealed (needs sealed)"},
       {"proceeds",
        [](GateWorld& world) {
          only_seal(world);
          proceed(world);
        },
        true, "two writers are possible until amsterdam is fenced"},
       {"attested",
        [](GateWorld& world) {
          only_seal(world);
          world.status().attested[kAmsterdam] = at(0);
        },
        true, "a person attested 0.5s ago that amsterdam is stopped"},
       {"a planned move needs sealed",
        [](GateWorld& world) { world.proposal.move = Move::switchover; }, true,
        "the plan can reach sealed (needs sealed)"},
       {"a planned move never proceeds without it",
        [](GateWorld& world) {
          world.proposal.move = Move::failback;
          test_world::shop_in(world.state).sites.front().fence.clear();
          proceed(world);
        },
        false, "needs sealed, and amsterdam has no step that fences it"},
       {"owed", [](GateWorld& world) { owe(world, ObligationKind::fence, kAmsterdam); }, true,
        "the plan can reach cut (needs cut); the last try ended with \"power: no answer from "
        "rack-1\", the next is in 14s"}});
}

GateCase inside(
    std::string name, StepState seal, StepState cut, bool holds, std::string because,
    void (*change)(GateWorld&) = [](GateWorld&) {}) {
  return GateCase{std::move(name),
                  [=](GateWorld& world) {
                    engine::Run run = open_run(RunState::running);
                    run.execution.progress[StepId("fence/seal")].state = seal;
                    StepProgress& progress = run.execution.progress[StepId("fence/cut")];
                    progress.state = cut;
                    progress.attempts = 3;
                    progress.because = "power: no answer from rack-1";
                    open(world, run);
                    change(world);
                  },
                  holds, std::move(because)};
}

TEST(GateFence, says_inside_a_run_which_rung_it_has_reached) {
  using enum StepState;
  run_table(
      GateName::fence,
      {inside("cut", failed, done, true, "amsterdam is cut"),
       inside("still cutting", done, started, false, "needs cut: amsterdam is being fenced"),
       inside("failed", done, failed, false,
              "needs cut: amsterdam/cut ended with \"power: no answer from rack-1\" (3 attempts)"),
       inside("skipped proves nothing", done, skipped, false, "needs cut: amsterdam is sealed"),
       inside("found in place proves nothing", skipped, unchanged, false,
              "needs cut: amsterdam is not fenced"),
       inside("proceeds when everything was tried", failed, failed, true,
              "two writers are possible until amsterdam is fenced", proceed),
       inside("does not proceed before", failed, started, false,
              "needs cut: amsterdam is being fenced", proceed),
       inside("attested", failed, failed, true,
              "a person attested 0.5s ago that amsterdam is stopped",
              [](GateWorld& world) { world.status().attested[kAmsterdam] = at(0); })});
}

TEST(ReachedRung, counts_only_what_this_run_has_done) {
  GateWorld world;
  engine::Run run = open_run(RunState::running);
  EXPECT_EQ(reached_rung(world.state, run), Rung::none);
  run.execution.progress[StepId("fence/seal")].state = StepState::done;
  EXPECT_EQ(reached_rung(world.state, run), Rung::sealed);
  run.execution.progress[StepId("fence/cut")].state = StepState::unchanged;
  EXPECT_EQ(reached_rung(world.state, run), Rung::sealed);
  run.execution.progress[StepId("fence/cut")].state = StepState::done;
  EXPECT_EQ(reached_rung(world.state, run), Rung::cut);
  world.status().attested[kAmsterdam] = at(0);
  EXPECT_EQ(reached_rung(world.state, run), Rung::attested);
}

}  // namespace
}  // namespace bascule::engine
