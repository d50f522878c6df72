// Decisions of a journal asked again: by the same rules nothing differs, and each other threshold
// differs exactly where it should, in a sentence that says why. What a record does not tell is
// named and never guessed.
#include "engine/replay/redecide.h"

#include <gtest/gtest.h>

#include <functional>

#include "engine/engine.h"
#include "engine/gates/gate_world.h"
#include "engine/plan/planner.h"
#include "model/record_codec.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;

// The world of the gates, and the records that its decisions leave, as the journal holds them.
struct Past : GateWorld {
  Past() {
    status().last_automatic_at = at(0) - Duration(2'400'000);  // 40 minutes ago
    status().acknowledged = false;
    status().flaps = 1;
  }

  Record record(RecordBody body, const std::string& actor = kAutomation) const {
    Record made{state.seq + 1, now, state.term, actor, "", std::move(body)};
    return *decode(encode(made));
  }

  template <typename Body>
  Body with_evidence(Body body) const {
    for (const GateAnswer& gate : ask_gates(state, readings, proposal, now))
      body.gates.push_back(to_json(gate));
    return body;
  }

  RunOpened opened() const {
    RunOpened opened;
    opened.run = RunId("r-0001");
    opened.plan = *plan_move(state, kShop, proposal.move, kAmsterdam, kBerlin);
    opened.trigger = proposal.trigger;
    return with_evidence(opened);
  }

  // The same configuration, but for one thing.
  Configuration other(const std::function<void(GroupSpec&)>& change) const {
    Configuration changed = state.configuration;
    change(changed.groups.front());
    return changed;
  }
};

Redecision ask(const Past& past, const Record& record,
               const std::function<void(GroupSpec&)>& change) {
  const Configuration other = past.other(change);
  const auto answer = redecide(past.state, record, &other);
  EXPECT_TRUE(answer.has_value());
  return answer.value_or(Redecision());
}

TEST(Redecide, ByTheSameRulesAStartedRunIsStartedAgain) {
  const Past past;
  const auto again = redecide(past.state, past.record(past.opened()), nullptr);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->decision,
            "r-0001 (failover of shop, amsterdam → berlin) was started by bascule");
  EXPECT_EQ(again->otherwise, std::vector<std::string>());
  EXPECT_EQ(again->undecided, std::vector<std::string>());
  EXPECT_EQ(again->standing(), Standing::same);
}

struct Case {
  std::string name;
  std::function<void(GroupSpec&)> change;
  std::vector<std::string> otherwise;
  std::vector<std::string> undecided;
};

TEST(Redecide, OtherRulesDifferWhereTheyShould) {
  const std::vector<Case> cases{
      {"nothing", [](GroupSpec&) {}, {}, {}},
      {"a longer cool-down",
       [](GroupSpec& group) { group.policy.cooldown = Duration(7'200'000); },
       {"gate 5 (cooldown) would have refused: last automatic move 40m ago, cooling down for "
        "another 79m: `bascule ack shop --reason TEXT`"},
       {}},
      {"less may be lost",
       [](GroupSpec& group) { group.policy.max_data_loss_time = Duration(50); },
       {"gate 7 (data_loss) would have refused: at most 0.1s and 0 B (limit 50ms, 16 MiB)"},
       {}},
      {"mode manual",
       [](GroupSpec& group) { group.policy.mode = Mode::manual; },
       {"in mode manual nothing would have been done"},
       {}},
      {"mode shadow",
       [](GroupSpec& group) { group.policy.mode = Mode::shadow; },
       {"in mode shadow it would only have been journaled"},
       {}},
      {"a fence that the plan cannot reach",
       [](GroupSpec& group) { group.policy.fence.at_least = Rung::attested; },
       {"gate 9 (fence) would have refused: needs attested, and the fence of amsterdam reaches cut "
        "only"},
       {}},
      {"a longer min_duration",
       [](GroupSpec& group) { group.policy.detect.min_duration = Duration(2'000); },
       {"gate 3 (verdict) would have refused: amsterdam/database is suspect: 3 of 3 looks failed "
        "in "
        "0.4s (connection refused)"},
       {}},
      {"another check beside it",
       [](GroupSpec& group) { group.policy.failover_when = {{"database", "app"}}; },
       {"gate 3 (verdict) would have refused: database is down: 3 of 3 looks failed in 0.4s "
        "(connection refused); amsterdam/app is healthy"},
       {}},
      {"more failures",
       [](GroupSpec& group) { group.policy.detect.failures = 9; },
       {},
       {"gate 3 (verdict): how many looks had failed was not recorded"}},
      {"an item that blocks",
       [](GroupSpec& group) { group.sites.back().preflight.front().blocks = Blocks::always; },
       {},
       {"gate 4 (not_everything): gate 6 of berlin cannot be asked",
        "gate 6 (target): preflight lag did not bind then"}},
      {"another timeout of a step",
       [](GroupSpec& group) { group.sites.back().activate.front().timeout = Duration(1'000); },
       {"its plan would be another: activate/promote has other timeout_ms"},
       {}},
      {"a target that may be none",
       [](GroupSpec& group) { group.sites.back().can_be_target = false; },
       {"it could not be planned: berlin may not be a target (roles)",
        "gate 4 (not_everything) would have refused: no other site may be a target",
        "gate 6 (target) would have refused: berlin may not be a target (roles)"},
       {}},
      {"another group",
       [](GroupSpec& group) { group.name = GroupName("mail"); },
       {},
       {"shop is not in the configuration that is asked"}}};
  const Past past;
  const Record record = past.record(past.opened());
  for (const Case& row : cases) {
    const Redecision again = ask(past, record, row.change);
    EXPECT_EQ(again.otherwise, row.otherwise) << row.name;
    EXPECT_EQ(again.undecided, row.undecided) << row.name;
  }
}

TEST(Redecide, APersonIsBoundByWhatBindsEveryoneAndNotByWhatWasPassed) {
  Past past;
  past.proposal.trigger = Trigger::manual;
  RunOpened opened = past.opened();
  const auto much_stricter = [](GroupSpec& group) {
    group.policy.cooldown = Duration(7'200'000);
    group.policy.mode = Mode::manual;
    group.policy.max_data_loss_time = Duration(50);
  };
  const Redecision bound = ask(past, past.record(opened, "ana"), much_stricter);
  ASSERT_EQ(bound.otherwise.size(), 1U);
  EXPECT_TRUE(bound.otherwise[0].starts_with("gate 7 (data_loss) would have refused"));
  opened.overrides = {"data_loss"};
  EXPECT_EQ(ask(past, past.record(opened, "ana"), much_stricter).standing(), Standing::same);
}

TEST(Redecide, WhatOnlyShadowWouldHaveDoneIsDoneInModeAutomatic) {
  Past past;
  past.policy().mode = Mode::shadow;
  WouldHaveFailedOver would;
  would.group = kShop;
  would.source = kAmsterdam;
  would.target = kBerlin;
  const Record record = past.record(past.with_evidence(would));
  EXPECT_EQ(redecide(past.state, record, nullptr)->standing(), Standing::same);
  const Redecision again =
      ask(past, record, [](GroupSpec& group) { group.policy.mode = Mode::automatic; });
  EXPECT_EQ(again.otherwise,
            (std::vector<std::string>{"in mode automatic it would have been started"}));
}

TEST(Redecide, AVerdictWouldHaveComeLater) {
  const Past past;
  const Record record =
      past.record(VerdictChanged{test_world::database_of(kAmsterdam), Health::failed,
                                 Health::failed, true, "3 of 3 looks failed", at(100)});
  const auto again = redecide(past.state, record, nullptr);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->standing(), Standing::same);
  EXPECT_EQ(again->undecided.size(), 1U);  // the looks
  const Redecision later = ask(
      past, record, [](GroupSpec& group) { group.policy.detect.min_duration = Duration(2'000); });
  EXPECT_EQ(later.otherwise,
            (std::vector<std::string>{"it would have been down at 2026-11-23T16:00:02.100Z at the "
                                      "earliest, 1.6s later"}));
}

TEST(Redecide, WhatForbadeToActMayNotForbidIt) {
  Past past;
  past.policy().cooldown = Duration(7'200'000);
  const auto critical = [&](const std::string& because) {
    return past.record(
        GroupStateChanged{kShop, GroupState::degraded, GroupState::critical, because});
  };
  const Record cooldown = critical("database is down: x; cooldown forbids to act: last move …");
  EXPECT_EQ(redecide(past.state, cooldown, nullptr)->standing(), Standing::same);
  const Redecision again =
      ask(past, cooldown, [](GroupSpec& group) { group.policy.cooldown = Duration(600'000); });
  EXPECT_EQ(again.otherwise, (std::vector<std::string>{
                                 "gate 5 (cooldown) would have held: last automatic move 40m "
                                 "ago; what the gates after it would have said is not known"}));
  const auto loss =
      redecide(past.state, critical("database is down: x; data_loss forbids to act: y"), nullptr);
  ASSERT_TRUE(loss);
  EXPECT_EQ(loss->standing(), Standing::not_decidable);
  EXPECT_FALSE(redecide(past.state, critical("database is down: x; a sentence"), nullptr));
}

TEST(Redecide, AFenceThatWasEnoughMayNotBe) {
  Past past;
  State state = past.state;
  evolve(state, past.record(past.opened()));
  auto& run = state.runs.at(RunId("r-0001"));
  for (const Step& step : run.execution.steps) {
    if (step.phase > Phase::fence) continue;
    run.execution.progress[step.id].state = StepState::done;
    run.execution.progress[step.id].started_at = at(500);
  }
  StepStarted step;
  step.run = RunId("r-0001");
  step.step = StepId("activate/promote");
  const Record started{state.seq + 1, at(600), state.term, kAutomation, "", step};
  EXPECT_EQ(redecide(state, started, nullptr)->standing(), Standing::same);
  const Configuration stricter =
      past.other([](GroupSpec& group) { group.policy.fence.at_least = Rung::attested; });
  const auto again = redecide(state, started, &stricter);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->otherwise, (std::vector<std::string>{"gate 9 (fence) would have refused: needs "
                                                        "attested: amsterdam is cut"}));
  // A second step of the same run is no such decision.
  run.execution.progress[StepId("activate/promote")].started_at = at(600);
  EXPECT_FALSE(redecide(state, started, nullptr));
}

TEST(Redecide, WithoutEvidenceNothingIsGuessed) {
  const Past past;
  RunOpened opened = past.opened();
  opened.gates = Json::array({Json{{"name", "mode"}, {"holds", true}}, 7, "x"});
  const auto again = redecide(past.state, past.record(opened), nullptr);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->otherwise, std::vector<std::string>());
  std::string undecided;
  for (const std::string& line : again->undecided) undecided += line + "\n";
  for (const char* gate :
       {"gate 2 (controller): ", "gate 3 (verdict): ", "gate 6 (target): ", "gate 7 (data_loss): "})
    EXPECT_NE(undecided.find(gate), std::string::npos) << undecided;
}

}  // namespace
}  // namespace bascule::engine
