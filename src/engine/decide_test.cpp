// Properties of the four functions that no single scenario shows; what is decided in which
// situation stands in tests/scenarios.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "engine/engine.h"
#include "engine/plan/planner.h"
#include "engine/test_world.h"
#include "model/record_codec.h"

namespace bascule::engine {
namespace {

using namespace test_world;  // NOLINT: the vocabulary of the tests

std::vector<std::string> texts(const std::vector<Record>& records) {
  std::vector<std::string> texts;
  texts.reserve(records.size());
  for (const Record& record : records) texts.push_back(encode(record));
  return texts;
}

std::vector<std::string> types(const std::vector<Record>& records) {
  std::vector<std::string> types;
  types.reserve(records.size());
  for (const Record& record : records) types.emplace_back(type_name(record.body));
  return types;
}

void evolve_all(State& state, const std::vector<Record>& records) {
  for (const Record& record : records) evolve(state, record);
}

Input command(CommandBody body) {
  return Command{"ana", "a test", std::move(body)};
}

Input failover(const std::string& key = "") {
  StartMove move;
  move.group = kShop;
  move.idempotency_key = key;
  return command(move);
}

// A failover under way: the shop's source is down and a person has started the run.
struct UnderWay {
  State state = two_site_state(at(0));
  Readings readings = healthy_readings(at(0));

  UnderWay() {
    state.configuration.max_concurrent_runs = 5;
    evolve_all(state, decide(state, readings, failover(), at(10)).records);
  }

  Decision give(const Input& input, Instant now) {
    take(readings, state, input, now);
    Decision decision = decide(state, readings, input, now);
    evolve_all(state, decision.records);
    return decision;
  }

  [[nodiscard]] const Run& run() const { return *state.open_run(kShop); }
  [[nodiscard]] StepState step(const std::string& id) const {
    return run().execution.progress.at(StepId(id)).state;
  }
};

Inspection found(Finding finding) {
  Inspection inspection;
  inspection.finding = finding;
  inspection.prior = {{"generation", 41}};
  return inspection;
}

TEST(Decide, gives_the_same_answer_twice_and_changes_nothing) {
  const State state = two_site_state(at(0));
  const Readings readings = healthy_readings(at(0));
  const Decision first = decide(state, readings, failover(), at(10));
  const Decision second = decide(state, readings, failover(), at(10));
  EXPECT_FALSE(first.records.empty());
  EXPECT_EQ(texts(first.records), texts(second.records));
  EXPECT_EQ(state.seq, 20U);
}

TEST(Decide, numbers_its_records_without_gaps_and_never_goes_back_in_time) {
  const State state = two_site_state(at(1'000));
  const Decision decision = decide(state, healthy_readings(at(1'000)), failover(), at(500));
  Sequence expected = state.seq;
  for (const Record& record : decision.records) {
    EXPECT_EQ(record.seq, ++expected);
    EXPECT_EQ(record.at, at(1'000)) << "record time is never before the last record's";
    EXPECT_EQ(record.term, state.term);
  }
}

TEST(Decide, decides_the_same_however_many_runs_have_ended) {
  UnderWay with_history;
  UnderWay without;
  for (int i = 0; i < 50; ++i) {
    engine::Run old = with_history.run();
    old.id = RunId(fmt::format("r-{:04}", 9'000 + i));
    old.state = RunState::done;
    old.ended_at = at(-1'000);
    with_history.state.runs.emplace(old.id, old);
  }
  const Input inspected =
      StepInspected{without.run().id, StepId("claim/generation"), found(Finding::needed)};
  EXPECT_EQ(texts(with_history.give(inspected, at(20)).records),
            texts(without.give(inspected, at(20)).records));
}

TEST(Decide, has_nothing_to_say_to_an_input_that_changes_nothing) {
  const State state = two_site_state(at(0));
  const Readings readings = healthy_readings(at(0));
  EXPECT_TRUE(decide(state, readings, TimePassed{}, at(100)).records.empty());
  const Opinion& opinion = readings.opinions.at(app_of(kBerlin)).at(kLaptop);
  EXPECT_TRUE(decide(state, readings, OpinionFormed{opinion}, at(100)).records.empty());
}

TEST(Decide, ignores_the_late_reply_of_an_earlier_attempt) {
  UnderWay shop;
  const RunId run = shop.run().id;
  const StepId claim("claim/generation");
  shop.give(StepInspected{run, claim, found(Finding::needed)}, at(20));
  const Error lost{ErrorCode::outcome_unknown, "connection lost", "", std::nullopt};
  shop.give(StepFinished{run, claim, 1, StepCallKind::apply, fail(lost)}, at(40));
  shop.give(StepInspected{run, claim, found(Finding::needed)}, at(200));
  ASSERT_EQ(shop.run().execution.progress.at(claim).attempts, 2);
  const Input late = StepFinished{run, claim, 1, StepCallKind::apply, Outputs()};
  EXPECT_TRUE(shop.give(late, at(210)).records.empty());
  EXPECT_EQ(shop.step("claim/generation"), StepState::started);
}

TEST(Decide, takes_the_generation_that_the_claim_gave_out) {
  UnderWay shop;
  const RunId run = shop.run().id;
  const StepId claim("claim/generation");
  shop.give(StepInspected{run, claim, found(Finding::needed)}, at(20));
  shop.give(StepFinished{run, claim, 1, StepCallKind::apply, Outputs{{"generation", Json(42)}}},
            at(40));
  EXPECT_EQ(shop.run().generation, 42U);
  EXPECT_EQ(shop.state.groups.at(kShop).generation, 42U);
  const std::vector<Call> calls = pending(shop.state, at(41));
  ASSERT_EQ(calls.size(), 1U);
  EXPECT_EQ(calls.front().kind, CallKind::inspect);
  EXPECT_EQ(calls.front().generation, 42U);
  EXPECT_EQ(integer_or(calls.front().claimed, "generation"), 42);
}

TEST(Decide, refuses_a_reload_that_would_remove_the_group_of_an_open_run) {
  UnderWay shop;
  Configuration other = shop.state.configuration;
  other.groups.front().name = GroupName("other");
  const Decision decision = decide(shop.state, shop.readings, ConfigurationRead{other}, at(50));
  EXPECT_TRUE(decision.records.empty());
  ASSERT_TRUE(decision.answer && !decision.answer->accepted);
  EXPECT_TRUE(decision.answer->text.ends_with("does not name group shop any more"))
      << decision.answer->text;
  evolve_all(shop.state, decision.records);
  EXPECT_NE(shop.state.configuration.find_group(kShop), nullptr);
}

TEST(Decide, ends_what_is_owed_by_a_group_that_is_not_configured_any_more) {
  State state = two_site_state(at(0));
  Obligation owed;
  owed.id = RunId("o-0001");
  owed.group = kShop;
  owed.site = kBerlin;
  owed.execution.steps = standby_steps(state, kShop, kBerlin, kAmsterdam);
  state.obligations.emplace(owed.id, owed);
  Configuration other = state.configuration;
  other.groups.front().name = GroupName("other");
  const Decision decision = decide(state, Readings(), ConfigurationRead{other}, at(10));
  const std::vector<std::string> expected{"ObligationEnded", "ConfigurationLoaded"};
  EXPECT_EQ(types(decision.records), expected);
}

TEST(Decide, answers_a_command_of_a_lost_reply_with_the_same_run) {
  State state = two_site_state(at(0));
  const Readings readings = healthy_readings(at(0));
  const Decision first = decide(state, readings, failover("K1"), at(10));
  ASSERT_TRUE(first.answer && first.answer->accepted);
  evolve_all(state, first.records);
  const Decision second = decide(state, readings, failover("K1"), at(20));
  EXPECT_TRUE(second.records.empty());
  ASSERT_TRUE(second.answer && second.answer->accepted);
  EXPECT_EQ(second.answer->run, first.answer->run);
}

TEST(Evolve, forgets_the_oldest_ended_runs_and_keeps_open_ones) {
  UnderWay shop;
  const RunId open = shop.run().id;
  const std::size_t many = kEndedRunsKept + 50;
  for (std::size_t i = 0; i < many; ++i) {
    engine::Run old = shop.run();
    old.id = RunId(fmt::format("r-{:04}", 1'000 + i));
    old.state = RunState::done;
    old.ended_at = at(-100'000 + static_cast<std::int64_t>(i));
    shop.state.runs.emplace(old.id, old);
  }
  shop.give(command(AbortRun{open}), at(20));
  EXPECT_EQ(shop.state.runs.size(), kEndedRunsKept);
  EXPECT_TRUE(shop.state.runs.contains(open)) << "the run that ended last";
  EXPECT_FALSE(shop.state.runs.contains(RunId("r-1000")));
}

TEST(NextWake, lies_ahead_and_comes_no_later_than_the_end_of_a_hold) {
  State state = two_site_state(at(0));
  state.hold = Hold{at(0), at(700), "ana", ""};
  const Readings readings = healthy_readings(at(0));
  const auto wake = next_wake(state, readings, at(0));
  ASSERT_TRUE(wake);
  EXPECT_EQ(*wake, at(700));
  EXPECT_GT(*next_wake(state, readings, at(700)), at(700));
}

TEST(NextWake, comes_when_a_step_has_to_end) {
  UnderWay shop;
  const auto wake = next_wake(shop.state, Readings(), at(10));
  ASSERT_TRUE(wake);
  EXPECT_EQ(*wake, at(10) + shop.run().plan.steps.front().timeout);
}

TEST(SameCall, tells_attempts_terms_and_steps_apart_but_not_deadlines) {
  UnderWay shop;
  const std::vector<Call> calls = pending(shop.state, at(10));
  ASSERT_FALSE(calls.empty());
  Call other = calls.front();
  other.deadline += Duration(5'000);
  EXPECT_TRUE(same_call(calls.front(), other));
  ++other.attempt;
  EXPECT_FALSE(same_call(calls.front(), other));
  other = calls.front();
  ++other.term;
  EXPECT_FALSE(same_call(calls.front(), other));
  other = calls.front();
  other.kind = CallKind::apply;
  EXPECT_FALSE(same_call(calls.front(), other));
}

}  // namespace
}  // namespace bascule::engine
