// What a reading of the front door says beside what the journal knows.
#include "engine/drift.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kShop;

// As amsterdam, generation 41 of cluster demo, left it.
Inspection as_left() {
  Inspection inspection;
  inspection.finding = Finding::done;
  inspection.facts = {{"address", {"127.0.1.1"}},
                      {"found", true},
                      {"generation", 41},
                      {"cluster", "demo"},
                      {"run", "r-0007"},
                      {"target", "amsterdam"},
                      {"record", "_bascule.www.shop.test"}};
  return inspection;
}

Inspection elsewhere(std::vector<std::string> addresses) {
  Inspection inspection = as_left();
  inspection.finding = Finding::needed;
  inspection.facts["address"] = std::move(addresses);
  return inspection;
}

class DriftTest : public testing::Test {
 protected:
  std::vector<Record> read(Result<Inspection> result, Instant now = at(1'000)) {
    const Input input = FrontDoorRead{kShop, std::move(result)};
    take(readings_, state_, input, now);
    std::vector<Record> records = decide(state_, readings_, input, now).records;
    for (const Record& record : records) evolve(state_, record);
    return records;
  }
  std::optional<FrontDoorDrifted> drift_of(Result<Inspection> result) {
    for (const Record& record : read(std::move(result))) {
      if (const auto* drifted = std::get_if<FrontDoorDrifted>(&record.body)) return *drifted;
    }
    return std::nullopt;
  }
  std::size_t count(const std::vector<Record>& records, std::string_view type) {
    return static_cast<std::size_t>(std::ranges::count_if(
        records, [&](const Record& record) { return type_name(record.body) == type; }));
  }

  State state_ = test_world::two_site_state(at(0));
  Readings readings_ = test_world::healthy_readings(at(1'000));
};

TEST_F(DriftTest, NothingIsSaidOfAFrontDoorThatIsAsItWasLeft) {
  EXPECT_TRUE(read(as_left()).empty());
}

TEST_F(DriftTest, SaysWhoseAddressIsShown) {
  const auto drift = drift_of(elsewhere({"127.0.1.2"}));
  ASSERT_TRUE(drift);
  EXPECT_EQ(drift->kind, Drift::address);
  EXPECT_EQ(drift->expected, "127.0.1.1");
  EXPECT_EQ(drift->found, "127.0.1.2");
  EXPECT_EQ(drift->because, "www.shop.test shows 127.0.1.2 (berlin), not 127.0.1.1 (amsterdam)");
}

TEST_F(DriftTest, SeveralAddressesAreToldInOneOrderHoweverTheyAreTurned) {
  EXPECT_EQ(drift_of(elsewhere({"127.0.1.2", "127.0.1.1"}))->found, "127.0.1.1, 127.0.1.2");
  EXPECT_TRUE(read(elsewhere({"127.0.1.1", "127.0.1.2"})).empty());
}

TEST_F(DriftTest, AnEmptyAnswerIsDrift) {
  EXPECT_EQ(drift_of(elsewhere({}))->found, "nothing");
}

TEST_F(DriftTest, ALostRecordIsDriftOfItsOwnKind) {
  Inspection inspection = as_left();
  inspection.facts["found"] = false;
  const auto drift = drift_of(inspection);
  ASSERT_TRUE(drift);
  EXPECT_EQ(drift->kind, Drift::claim);
  EXPECT_EQ(drift->because, "its record _bascule.www.shop.test is gone");
}

TEST_F(DriftTest, AnOldRecordIsDriftToo) {
  Inspection inspection = as_left();
  inspection.facts["generation"] = 3;
  EXPECT_EQ(drift_of(inspection)->because,
            "its record _bascule.www.shop.test says generation 3, not 41");
}

TEST_F(DriftTest, WhatKeepsNoRecordCannotLoseOne) {
  Inspection inspection = as_left();
  inspection.facts = {{"address", {"127.0.1.1"}}};
  EXPECT_TRUE(read(inspection).empty());
}

TEST_F(DriftTest, AHigherGenerationOrAnotherClusterHoldsAutomation) {
  for (const bool other_cluster : {false, true}) {
    state_ = test_world::two_site_state(at(0));
    Inspection inspection = elsewhere({"127.0.1.2"});
    inspection.facts["generation"] = other_cluster ? 9 : 42;
    if (other_cluster) inspection.facts["cluster"] = "paris";
    const std::vector<Record> records = read(inspection);
    ASSERT_EQ(count(records, "FrontDoorDrifted"), 1U);
    EXPECT_EQ(count(records, "AutomationHeld"), 1U);
    const FrontDoorDrift& drift = *state_.groups.at(kShop).drift;
    EXPECT_EQ(drift.kind, Drift::superseded);
    EXPECT_EQ(drift.because,
              other_cluster
                  ? "generation 9 of www.shop.test was taken by r-0007 of cluster paris, for "
                    "amsterdam"
                  : "generation 42 of www.shop.test was taken by r-0007 of another journal, for "
                    "amsterdam");
    EXPECT_TRUE(read(inspection, at(2'000)).empty());
  }
}

TEST_F(DriftTest, WhatAnotherBasculeHoldsIsNeverSetBack) {
  state_.configuration.groups.front().policy.reassert_front_door = true;
  Inspection inspection = elsewhere({"127.0.1.2"});
  inspection.facts["generation"] = 42;
  EXPECT_EQ(count(read(inspection), "ObligationOpened"), 0U);
}

// S26.
TEST_F(DriftTest, AnErrorIsSilenceAndNoDrift) {
  const Error silent{ErrorCode::timeout, "no answer", "", std::nullopt};
  EXPECT_TRUE(read(fail(silent), at(1'000)).empty());
  EXPECT_TRUE(read(fail(silent), at(60'999)).empty());
  const std::vector<Record> records = read(fail(silent), at(61'000));
  ASSERT_EQ(count(records, "FrontDoorSilent"), 1U);
  EXPECT_FALSE(state_.groups.at(kShop).drift);
  EXPECT_EQ(count(read(as_left(), at(62'000)), "FrontDoorRestored"), 1U);
  EXPECT_FALSE(state_.groups.at(kShop).front_door_silence);
}

TEST_F(DriftTest, ADriftThatOutlivesASilenceIsToldAgainAndKeepsItsBeginning) {
  read(elsewhere({"127.0.1.2"}), at(1'000));
  const Error silent{ErrorCode::timeout, "no answer", "", std::nullopt};
  read(fail(silent), at(2'000));
  EXPECT_EQ(count(read(fail(silent), at(62'000)), "FrontDoorSilent"), 1U);
  EXPECT_EQ(count(read(elsewhere({"127.0.1.2"}), at(63'000)), "FrontDoorDrifted"), 1U);
  EXPECT_EQ(state_.groups.at(kShop).drift->since, at(1'000));
  EXPECT_FALSE(state_.groups.at(kShop).front_door_silence);
}

TEST_F(DriftTest, NothingIsJudgedWhileSomethingIsAboutToBeWritten) {
  Obligation owed;
  owed.id = RunId("o-0001");
  owed.group = kShop;
  owed.kind = ObligationKind::front_door;
  owed.site = kAmsterdam;
  owed.next_at = at(600'000);
  state_.obligations.emplace(owed.id, owed);
  EXPECT_EQ(count(read(elsewhere({"127.0.1.2"})), "FrontDoorDrifted"), 0U);
  const std::vector<Call> calls = pending(state_, at(1'000));
  EXPECT_TRUE(std::ranges::none_of(
      calls, [](const Call& call) { return call.kind == CallKind::read_front_door; }));
}

TEST_F(DriftTest, TheFrontDoorIsReadOnceInEachInterval) {
  for (const Call& call : pending(state_, at(1'000))) {
    ASSERT_EQ(call.kind, CallKind::read_front_door);
    ASSERT_TRUE(call.pace);
    EXPECT_EQ(call.pace->every, Duration{1'000});
    EXPECT_EQ(call.pace->limit, Duration{900});
    EXPECT_EQ(call.generation, 0U) << "whatever is there is told";
    EXPECT_TRUE(call.run.empty());
  }
  EXPECT_EQ(pending(state_, at(1'000)).size(), 1U);
}

}  // namespace
}  // namespace bascule::engine
