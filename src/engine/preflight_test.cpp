// People hear once of a preflight item that began to fail, and once that it is well again.
#include "engine/preflight.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;

constexpr std::int64_t kMinute = 60'000;

class PreflightTest : public testing::Test {
 protected:
  using Changes = std::vector<PreflightChanged>;

  // What is journaled of an answer, with its effect on the state.
  Changes answer(std::int64_t milliseconds, Result<Inspection> result,
                 const SiteName& site = kBerlin, const std::string& item = "lag") {
    const Input input = PreflightRead{kShop, site, item, std::move(result)};
    take(readings_, state_, input, at(milliseconds));
    const Decision decision = decide(state_, readings_, input, at(milliseconds));
    Changes changes;
    for (const Record& record : decision.records) {
      evolve(state_, record);
      if (const auto* changed = std::get_if<PreflightChanged>(&record.body)) {
        changes.push_back(*changed);
      }
    }
    return changes;
  }
  static Result<Inspection> well() {
    Inspection found;
    found.finding = Finding::done;
    found.because = "0s behind";
    return found;
  }
  static Result<Inspection> behind() {
    Inspection found;
    found.finding = Finding::blocked;
    found.because = "45s behind";
    return found;
  }

  State state_ = test_world::two_site_state(at(0));
  Readings readings_ = test_world::healthy_readings(at(0));
};

TEST_F(PreflightTest, WhatFailsForAWhileIsToldOnceAndOnceThatItIsWellAgain) {
  EXPECT_TRUE(answer(0, well()).empty());
  EXPECT_TRUE(answer(kMinute, behind()).empty()) << "a single question may go wrong";
  const Changes failed = answer(2 * kMinute, behind());
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_FALSE(failed[0].ready);
  EXPECT_EQ(failed[0].site, kBerlin);
  EXPECT_EQ(failed[0].item, "lag");
  EXPECT_EQ(failed[0].because, "45s behind");
  EXPECT_EQ(state_.groups.at(kShop).unready.at({kBerlin, "lag"}).because, "45s behind");
  EXPECT_TRUE(answer(3 * kMinute, behind()).empty()) << "once";
  const Changes recovered = answer(4 * kMinute, well());
  ASSERT_EQ(recovered.size(), 1U);
  EXPECT_TRUE(recovered[0].ready);
  EXPECT_TRUE(state_.groups.at(kShop).unready.empty());
  EXPECT_TRUE(answer(5 * kMinute, well()).empty());
}

TEST_F(PreflightTest, WhatCannotBeAskedFailsToo) {
  const Error silent{ErrorCode::timeout, "berlin gave no answer within 5000ms", "", {}};
  EXPECT_TRUE(answer(0, fail(silent)).empty());
  const Changes failed = answer(kMinute, fail(silent));
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed[0].because, silent.message);
}

TEST_F(PreflightTest, AHiccupIsNotTold) {
  for (std::int64_t i = 0; i < 6; i += 2) {
    EXPECT_TRUE(answer(i * kMinute, behind()).empty());
    EXPECT_TRUE(answer((i + 1) * kMinute, well()).empty());
  }
}

TEST_F(PreflightTest, TwoQuestionsAtOnceAreNoWhile) {
  EXPECT_TRUE(answer(0, behind()).empty());
  EXPECT_TRUE(answer(1'000, behind()).empty()) << "a person asked, too";
}

TEST_F(PreflightTest, OfTheActiveSiteAndOfWhatIsNotConfiguredNothingIsTold) {
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(answer(i * kMinute, behind(), kAmsterdam).empty());
    EXPECT_TRUE(answer(i * kMinute, behind(), kBerlin, "no-such-item").empty());
  }
  EXPECT_FALSE(readings_.preflights.contains({kShop, kBerlin, "no-such-item"}));
}

TEST_F(PreflightTest, ASiteThatOwesAStandbyIsKnownNotToBeReady) {
  Obligation owed;
  owed.id = RunId("o-0001");
  owed.group = kShop;
  owed.site = kBerlin;
  state_.obligations.emplace(owed.id, owed);
  // Whether it is settled is not what is asked here.
  const Input input = PreflightRead{kShop, kBerlin, "lag", behind()};
  take(readings_, state_, input, at(0));
  Deliberation deliberation(state_, readings_, input, at(kMinute));
  notice_preflight(deliberation, std::get<PreflightRead>(input));
  EXPECT_TRUE(deliberation.take_records().empty());
}

TEST_F(PreflightTest, WhileARunIsOpenNothingIsTold) {
  engine::Run run;
  run.id = RunId("r-0001");
  run.plan.group = kShop;
  run.plan.source = kAmsterdam;
  run.plan.target = kBerlin;
  state_.runs.emplace(run.id, run);
  const Input input = PreflightRead{kShop, kBerlin, "lag", behind()};
  take(readings_, state_, input, at(0));
  Deliberation deliberation(state_, readings_, input, at(kMinute));
  notice_preflight(deliberation, std::get<PreflightRead>(input));
  EXPECT_TRUE(deliberation.take_records().empty());
}

TEST_F(PreflightTest, AnotherActiveSiteAndAnotherConfigurationForgetWhatFailed) {
  const auto happens = [&](RecordBody body) {
    evolve(state_, Record{state_.seq + 1, state_.last_at, 1, "ana", "", std::move(body)});
  };
  const PreflightChanged failed{kShop, kBerlin, "lag", false, "45s behind"};
  happens(failed);
  happens(ActiveSiteChanged{kShop, kBerlin, RunId(), "adopted"});
  EXPECT_TRUE(state_.groups.at(kShop).unready.empty());
  happens(failed);
  answer(0, behind());
  Configuration smaller = state_.configuration;
  smaller.groups.front().sites[1].preflight.clear();
  happens(ConfigurationLoaded{"other", to_json(smaller)});
  EXPECT_TRUE(state_.groups.at(kShop).unready.empty());
  take(readings_, state_, ConfigurationRead{smaller}, at(kMinute));
  EXPECT_TRUE(readings_.preflights.empty());
}

}  // namespace
}  // namespace bascule::engine
