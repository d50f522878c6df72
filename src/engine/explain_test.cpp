#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/plan/planner.h"
#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::database_of;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;

class Explain : public testing::Test {
 protected:
  void lose() {
    test_world::lose_amsterdam(readings_, at(100));
    now_ = at(500);
    status().state = GroupState::critical;
    status().state_because = "database is down";
  }
  GroupStatus& status() { return test_world::status_in(state_); }
  Explanation explained() { return explain(state_, readings_, kShop, now_); }
  std::string sentence() { return explained().sentence; }
  std::vector<std::string> help() { return explained().what_helps; }

  // As it is remembered after its end, with the answers of the gates as they are now.
  engine::Run ended_failover(const Proposal& proposal) const {
    engine::Run run;
    run.id = RunId("r-0001");
    run.plan = *plan_move(state_, kShop, proposal.move, proposal.source, proposal.target);
    run.trigger = proposal.trigger;
    run.actor = kAutomation;
    run.state = RunState::done;
    run.opened_at = now_;
    run.began_at = now_;
    run.ended_at = now_ + Duration(1'000);
    run.outage_began_at = at(100);
    run.verdict_at = now_;
    run.outage_ended_at = at(1'300);
    for (const GateAnswer& gate : ask_gates(state_, readings_, proposal, now_))
      run.gates.push_back(to_json(gate));
    return run;
  }
  void remember(const engine::Run& run) {
    state_.runs[run.id] = run;
    status().last_run = run.id;
  }

  State state_ = test_world::two_site_state(at(0));
  Readings readings_ = test_world::healthy_readings(at(0));
  Instant now_ = at(0);
};
using Help = std::vector<std::string>;

TEST_F(Explain, says_that_there_is_nothing_to_do) {
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.sentence, "shop is HEALTHY; nothing to do");
  EXPECT_FALSE(explanation.would);
  EXPECT_EQ(explanation.active, kAmsterdam);
  EXPECT_TRUE(explanation.automation_on);
  EXPECT_EQ(explanation.gates.size(), 9U);
  EXPECT_TRUE(explanation.what_helps.empty());
}

TEST_F(Explain, says_why_it_is_degraded_and_nothing_is_done) {
  status().state = GroupState::degraded;
  status().state_because = "amsterdam/app is critical: 503";
  EXPECT_EQ(sentence(),
            "shop is DEGRADED and nothing is being done: amsterdam/app is critical: 503; "
            "amsterdam/database is healthy");
}

TEST_F(Explain, says_what_would_be_done_now) {
  lose();
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.sentence,
            "shop is CRITICAL and would fail over to berlin now: database is down: 3 of 3 looks "
            "failed in 0.4s (connection refused), since 0.4s");
  ASSERT_TRUE(explanation.would);
  EXPECT_EQ(explanation.would->target, kBerlin);
}

TEST_F(Explain, counts_down_to_what_would_be_done) {
  Opinion opinion = test_world::down(database_of(kAmsterdam), at(0));
  opinion.down = false;
  opinion.because = "2 of 2 looks failed in 0.2s (connection refused)";
  test_world::put(readings_, opinion);
  now_ = at(200);
  EXPECT_EQ(sentence(),
            "shop is HEALTHY: amsterdam/database is suspect: 2 of 2 looks failed in 0.2s "
            "(connection refused); would fail over to berlin in 0.2s");
  EXPECT_FALSE(explained().would);
  EXPECT_TRUE(help().empty());
  test_world::policy_in(state_).mode = Mode::manual;
  EXPECT_EQ(sentence(),
            "shop is HEALTHY: amsterdam/database is suspect: 2 of 2 looks failed in 0.2s "
            "(connection refused); nothing would be done: the mode is manual: a person starts "
            "every move");
  EXPECT_FALSE(explained().automation_on);
}

TEST_F(Explain, names_the_gate_that_refuses_and_the_command_that_helps) {
  lose();
  test_world::shop_in(state_).sites.front().fence.pop_back();
  EXPECT_EQ(sentence(),
            "shop is CRITICAL and nothing is being done: the source cannot be fenced: needs cut, "
            "and the fence of amsterdam reaches sealed only");
  EXPECT_EQ(help(), (Help{R"(bascule attest shop --site amsterdam --reason "…")"}));
}

TEST_F(Explain, offers_the_same_move_by_a_person_with_what_has_to_be_passed) {
  lose();
  status().hold = Hold{at(-60'000), std::nullopt, "ana", "migration"};
  EXPECT_EQ(sentence(),
            "shop is CRITICAL and nothing is being done: held by ana since 15:59 UTC (migration): "
            "`bascule release shop --reason TEXT`");
  EXPECT_EQ(help(), (Help{R"(bascule release shop --reason "…")",
                          R"(bascule failover shop --to berlin --reason "…")"}));
  EXPECT_FALSE(explained().automation_on);

  status().hold.reset();
  test_world::policy_in(state_).max_data_loss_time = Duration(50);
  EXPECT_EQ(sentence(),
            "shop is CRITICAL and nothing is being done: too much could be lost, at most 0.1s and "
            "0 B (limit 50ms, 16 MiB)");
  EXPECT_EQ(help(),
            (Help{R"(bascule failover shop --to berlin --override data_loss --reason "…")"}));
}

TEST_F(Explain, tells_unreachable_from_dead) {
  lose();
  DatabaseFacts facts = test_world::replica_facts(at(500), 10 * test_world::kMegabyte);
  facts.last_received_at = at(450);
  test_world::put(readings_, kBerlin, facts);
  EXPECT_EQ(sentence(),
            "shop is CRITICAL and nothing is being done: amsterdam is unreachable, not dead: "
            "berlin received from it 0.3s after its first failed look");
  EXPECT_EQ(help(), (Help{R"(bascule failover shop --to berlin --reason "…")"}));
}

TEST_F(Explain, asks_who_is_active_where_nobody_has_said_so) {
  status().active.reset();
  status().state = GroupState::unknown;
  const Explanation explanation = explained();
  EXPECT_EQ(explanation.sentence,
            "shop is UNKNOWN and nothing is being done: nobody has said yet which site is active");
  EXPECT_EQ(explanation.what_helps, (Help{R"(bascule adopt shop --active amsterdam --reason "…")",
                                          R"(bascule adopt shop --active berlin --reason "…")"}));
  EXPECT_EQ(to_json(explanation)["active"], nullptr);
}

TEST_F(Explain, follows_a_run) {
  lose();
  engine::Run run;
  run.id = RunId("r-0042");
  run.plan.group = kShop;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  run.actor = "bascule";
  state_.runs[run.id] = run;
  status().state = GroupState::failover;
  EXPECT_EQ(sentence(), "shop is FAILOVER: r-0042 (failover by bascule) is moving it to berlin");
  EXPECT_EQ(help(), (Help{"bascule show r-0042"}));
  EXPECT_TRUE(explained().would);

  state_.runs[run.id].rolling_back = true;
  EXPECT_EQ(sentence(),
            "shop is FAILOVER: r-0042 (failover by bascule) is being taken back to amsterdam");

  state_.runs[run.id].state = RunState::parked;
  state_.runs[run.id].because = "amsterdam could not be fenced";
  EXPECT_EQ(sentence(),
            "shop is FAILOVER and r-0042 is parked: amsterdam could not be fenced; a person must "
            "act");
}

TEST_F(Explain, prints_as_the_contract_says) {
  lose();
  const Json json = to_json(explained());
  for (const char* key :
       {"group", "active", "state", "protection", "automation", "would", "sentence", "gates"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(to_text(json["would"]), R"({"move":"failover","target":"berlin"})");
  EXPECT_EQ(json["automation"], "on");
  EXPECT_EQ(json["state"], "CRITICAL");
  EXPECT_EQ(json["gates"][2]["evidence"]["checks"]["amsterdam/database"]["down"], true);
  readings_ = test_world::healthy_readings(at(500));
  EXPECT_EQ(to_json(explained())["would"], "nothing");
}

TEST_F(Explain, knows_nothing_of_another_group) {
  EXPECT_EQ(explain(state_, readings_, GroupName("x"), now_).sentence, "there is no group x");
}

TEST_F(Explain, gives_the_same_answer_to_the_byte) {
  lose();
  EXPECT_EQ(to_text(to_json(explained())), to_text(to_json(explained())));
}

TEST_F(Explain, tells_the_drift_of_the_front_door_and_the_command_that_undoes_it) {
  status().drift = FrontDoorDrift{Drift::address, at(-120'000), "127.0.1.1", "127.0.1.2",
                                  "www.shop.test shows 127.0.1.2"};
  EXPECT_EQ(explained().notes,
            Help{"the front door drifted 2m ago: www.shop.test shows 127.0.1.2; left as it is: the "
                 "policy announces drift and does not undo it"});
  EXPECT_EQ(help(), Help{"bascule adopt shop --active amsterdam --reason \"…\""});
  test_world::policy_in(state_).reassert_front_door = true;
  EXPECT_EQ(explained().notes, Help{"the front door drifted 2m ago: www.shop.test shows 127.0.1.2; "
                                    "it is set back"});
  EXPECT_TRUE(help().empty());
}

TEST_F(Explain, tells_when_the_group_goes_home) {
  Policy& policy = test_world::policy_in(state_);
  policy.automatic_failback_after = Duration{7'200'000};
  EXPECT_TRUE(explained().notes.empty()) << "it is at home";
  status().active = kBerlin;
  status().home_readiness = HomeReadiness{false, at(0), "amsterdam owes a standby"};
  EXPECT_EQ(explained().notes,
            Help{"amsterdam is no confirmed standby yet: amsterdam owes a standby"});
  status().home_readiness = HomeReadiness{true, at(-3'600'000), ""};
  EXPECT_EQ(explained().notes,
            Help{"goes home to amsterdam in 60m, if it stays a confirmed standby"});
  status().flaps = 3;
  status().last_automatic_at = at(-60'000);
  EXPECT_EQ(explained().notes,
            Help{"the way home is manual again: 3 automatic moves, each within 24h of the one "
                 "before (`bascule failback shop --reason TEXT`)"});
}

TEST_F(Explain, says_why_the_last_move_was_made_and_what_it_cost) {
  lose();
  Proposal proposal{kShop, Move::failover, kAmsterdam, kBerlin, Trigger::automatic};
  auto run = ended_failover(proposal);
  run.reason = "database is down: 3 of 3 looks failed in 0.4s (connection refused)";
  run.loss_bound = Duration(500);
  run.loss_bound_bytes = 0;
  Obligation owed;
  owed.id = RunId("o-0002");
  owed.group = kShop;
  owed.site = kAmsterdam;
  owed.run = run.id;
  state_.obligations[owed.id] = owed;
  remember(run);
  now_ = at(61'500);
  EXPECT_EQ(
      explained().last_move,
      (std::vector<std::string>{
          "r-0001 (failover, amsterdam → berlin) was started 61s ago by Bascule, by itself: "
          "database is down: 3 of 3 looks failed in 0.4s (connection refused)",
          "it rested on: database is down: 3 of 3 looks failed in 0.4s (connection refused), since "
          "0.4s; berlin: in recovery, same system, timeline 5, streamed until 0.5s ago; at most "
          "0.1s and 0 B (limit 10s, 16 MiB)",
          "it was done after 1s: berlin is active; clients were without it for 1.2s (0.4s until it "
          "was sure, 0ms until it was decided, 0.8s for the steps)",
          "it lost at most 0.5s and 0 B; how much exactly is known once amsterdam is back and "
          "compared",
          "still owed: standby of amsterdam"}));
  run.exact_rows = 0;
  remember(run);
  EXPECT_EQ(explained().last_move[3], "it lost exactly 0 rows");
}

TEST_F(Explain, says_who_passed_a_gate_and_why_a_move_was_taken_back) {
  lose();
  test_world::policy_in(state_).max_data_loss_time = Duration(50);
  Proposal proposal{kShop, Move::failover, kAmsterdam, kBerlin, Trigger::manual};
  auto run = ended_failover(proposal);
  run.actor = "ana";
  run.reason = "INC-7";
  run.overrides = {"data_loss"};
  run.state = RunState::rolled_back;
  run.because = "activate/promote failed: no answer";
  remember(run);
  const std::vector<std::string> story = explained().last_move;
  ASSERT_EQ(story.size(), 4U);
  EXPECT_EQ(story[0], "r-0001 (failover, amsterdam → berlin) was started 0ms ago by ana: INC-7");
  EXPECT_EQ(
      story[2],
      "ana passed gate data_loss by name, which refused: at most 0.1s and 0 B (limit 50ms, 16 "
      "MiB)");
  EXPECT_EQ(story[3],
            "it was taken back after 1s, and amsterdam stayed active: activate/promote failed: no "
            "answer");
}

TEST_F(Explain, says_who_approved_a_move_that_was_proposed) {
  lose();
  auto run = ended_failover({kShop, Move::failover, kAmsterdam, kBerlin, Trigger::automatic});
  run.reason = "database is down";
  run.wait = RunWait{WaitFor::approval, at(600'000), false};
  run.begun_by = "ana";
  run.begun_because = "go";
  remember(run);
  EXPECT_EQ(explained().last_move.front(),
            "r-0001 (failover, amsterdam → berlin) was proposed 0ms ago by Bascule, by itself: "
            "database is down; ana approved it: go");
}

TEST_F(Explain, says_nothing_of_a_last_move_where_there_was_none) {
  EXPECT_TRUE(explained().last_move.empty());
}

}  // namespace
}  // namespace bascule::engine
