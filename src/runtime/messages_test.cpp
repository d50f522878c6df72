// Holds the table of messages: who is woken up by what.
#include "runtime/messages.h"

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/test_world.h"

namespace bascule::runtime {
namespace {

using namespace engine::test_world;  // NOLINT: the vocabulary of these tests

engine::State state_with_run() {
  engine::State state = two_site_state(at(0));
  engine::Run run;
  run.id = RunId("r-0042");
  run.plan.group = kShop;
  run.plan.move = Move::failover;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  Step promote;
  promote.id = StepId("activate/promote");
  promote.phase = Phase::activate;
  promote.reversible = false;
  run.plan.steps = {promote};
  run.execution.steps = run.plan.steps;
  state.runs.emplace(run.id, run);
  return state;
}

std::optional<Message> message_of(RecordBody body) {
  Record record;
  record.seq = 7;
  record.actor = "ana";
  record.body = std::move(body);
  return message_for(record, state_with_run());
}

template <typename Body>
Body of_run() {
  Body body;
  body.run = RunId("r-0042");
  return body;
}

WouldHaveFailedOver would_have() {
  WouldHaveFailedOver would;
  would.group = kShop;
  return would;
}

struct Row {
  RecordBody body;
  std::optional<Severity> severity;
};

std::vector<Row> table() {
  RunOpened automatic = of_run<RunOpened>();
  automatic.trigger = Trigger::automatic;
  RunOpened proposed = automatic;
  proposed.wait = RunWait{WaitFor::approval, Instant(), false};
  RunOpened set_for_later = of_run<RunOpened>();
  set_for_later.wait = RunWait{WaitFor::moment, Instant(), false};
  StepStarted promotion = of_run<StepStarted>();
  promotion.step = StepId("activate/promote");
  RunEnded rolled_back = of_run<RunEnded>();
  rolled_back.state = RunState::rolled_back;
  RunEnded aborted = of_run<RunEnded>();
  aborted.state = RunState::aborted;
  GroupStateChanged critical{kShop, GroupState::healthy, GroupState::critical, "it is"};
  GroupStateChanged degraded{kShop, GroupState::healthy, GroupState::degraded, "it is"};
  GroupStateChanged healthy{kShop, GroupState::degraded, GroupState::healthy, "it is"};
  ObligationOpened owed;
  owed.group = kShop;
  owed.site = kAmsterdam;
  StepEnded ended = of_run<StepEnded>();
  ended.step = StepId("activate/promote");
  FrontDoorDrifted drifted;
  drifted.group = kShop;
  FrontDoorDrifted superseded = drifted;
  superseded.kind = Drift::superseded;
  DrillEnded drilled = of_run<DrillEnded>();
  drilled.succeeded = true;
  return {{automatic, Severity::critical},
          {of_run<RunOpened>(), Severity::info},
          {proposed, Severity::critical},
          {set_for_later, Severity::info},
          {of_run<RunBegun>(), Severity::info},
          {would_have(), Severity::warning},
          {promotion, Severity::critical},
          {ended, Severity::info},
          {of_run<RunEnded>(), Severity::critical},
          {rolled_back, Severity::critical},
          {aborted, Severity::info},
          {of_run<RunParked>(), Severity::critical},
          {of_run<RollbackBegun>(), Severity::warning},
          {TwoWritersSeen{kShop, {kAmsterdam, kBerlin}, "both"}, Severity::critical},
          {RoleChangeSeen{kShop, kBerlin, "it is", 6, 0}, Severity::critical},
          {RoleChangeEnded{kShop, "it is not"}, Severity::info},
          {drifted, Severity::warning},
          {superseded, Severity::critical},
          {FrontDoorSilent{kShop, at(0), "silent"}, Severity::warning},
          {FrontDoorRestored{kShop, "as it was"}, Severity::info},
          {HoldAlarmRaised{kShop, at(0)}, Severity::warning},
          {HoldAlarmRaised{GroupName(), at(0)}, Severity::warning},
          {HomeReadinessChanged{kShop, true, "it streams"}, Severity::info},
          {of_run<DrillBegun>(), Severity::info},
          {of_run<DrillOverdue>(), Severity::critical},
          {drilled, Severity::info},
          {of_run<DrillEnded>(), Severity::warning},
          {AutomationHeld{kShop, std::nullopt}, Severity::critical},
          {AutomationReleased{kShop}, Severity::info},
          {JournalImported{}, Severity::info},
          {critical, Severity::warning},
          {degraded, Severity::warning},
          {healthy, Severity::info},
          {ProtectionChanged{kShop, Protection::exposed, "alone"}, Severity::warning},
          {owed, Severity::warning},
          {MoveAcknowledged{kShop}, Severity::info},
          {SiteAttested{kShop, kAmsterdam}, Severity::info},
          {TermOpened{}, std::nullopt},
          {ConfigurationLoaded{}, std::nullopt},
          {VerdictChanged{}, std::nullopt},
          {of_run<StepApplied>(), std::nullopt},
          {of_run<StepRetried>(), std::nullopt}};
}

TEST(Messages, EveryRecordHasItsSeverity) {
  for (const Row& row : table()) {
    SCOPED_TRACE(type_name(row.body));
    const std::optional<Message> message = message_of(row.body);
    ASSERT_EQ(message.has_value(), row.severity.has_value());
    if (message) EXPECT_EQ(message->severity, *row.severity);
  }
}

TEST(Messages, AMessageNamesTheMoveAndTheCommandThatShowsMore) {
  RunParked parked = of_run<RunParked>();
  parked.because = "the fence is not reached";
  const std::optional<Message> message = message_of(parked);
  ASSERT_TRUE(message);
  for (const char* part : {"shop", "amsterdam", "berlin", "r-0042"}) {
    EXPECT_NE(message->title.find(part), std::string::npos) << message->title;
  }
  EXPECT_NE(message->text.find("the fence is not reached"), std::string::npos);
  EXPECT_NE(message->text.find("bascule show r-0042"), std::string::npos);
}

TEST(Messages, AProposalNamesTheCommandThatLetsItBegin) {
  RunOpened proposed = of_run<RunOpened>();
  proposed.trigger = Trigger::automatic;
  proposed.wait = RunWait{WaitFor::approval, Instant(), true};
  const std::optional<Message> message = message_of(proposed);
  ASSERT_TRUE(message);
  EXPECT_NE(message->title.find("waits for an approval"), std::string::npos) << message->title;
  EXPECT_NE(message->title.find("then it begins by itself"), std::string::npos) << message->title;
  EXPECT_NE(message->text.find("bascule approve r-0042 --reason TEXT"), std::string::npos);
}

TEST(Messages, AMoveThatNobodyAbortedAndThatDidNotBeginIsAWarning) {
  engine::State state = state_with_run();
  state.runs.at(RunId("r-0042")).wait = RunWait{WaitFor::moment, Instant(), false};
  Record record;
  record.body = RunEnded{RunId("r-0042"), RunState::aborted, "target forbids it", {}, {}, false};
  record.actor = engine::kAutomation;
  EXPECT_EQ(message_for(record, state)->severity, Severity::warning);
  record.actor = "ana";
  EXPECT_EQ(message_for(record, state)->severity, Severity::info);
}

TEST(Messages, OnlyTheFirstAttemptOfAPromotionWakesPeople) {
  StepStarted again = of_run<StepStarted>();
  again.step = StepId("activate/promote");
  again.attempt = 2;
  EXPECT_FALSE(message_of(again));
}

}  // namespace
}  // namespace bascule::runtime
