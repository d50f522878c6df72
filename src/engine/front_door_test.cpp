// Holds who may displace whose claim, and which line is whose.
#include "engine/front_door.h"

#include <gtest/gtest.h>

#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using namespace test_world;  // NOLINT: the vocabulary of these tests

DoorLine line_of(Generation generation, const std::string& run, const SiteName& target,
                 const std::string& cluster = "demo") {
  return DoorLine{generation, cluster, run, target};
}

class FrontDoor : public testing::Test {
 protected:
  FrontDoor() { state_.groups[kShop].claimed_by = "r-0003@7f3a9c21"; }

  // An open adoption of amsterdam.
  Work adoption(const std::string& actor) {
    Obligation& owed = state_.obligations[RunId("o-0001")];
    owed.id = RunId("o-0001");
    owed.group = kShop;
    owed.kind = ObligationKind::front_door;
    owed.site = kAmsterdam;
    owed.takes_over = true;
    owed.actor = actor;
    owed.mark = "7f3a9c21";
    return *find_work(state_, owed.id);
  }
  Work run_to(const SiteName& target) {
    engine::Run& run = state_.runs[RunId("r-0004")];
    run.id = RunId("r-0004");
    run.plan.group = kShop;
    run.plan.source = kAmsterdam;
    run.plan.target = target;
    run.mark = "7f3a9c21";
    return *find_work(state_, run.id);
  }

  State state_ = two_site_state(at(0));
};

TEST_F(FrontDoor, ALineIsOursByGenerationAndClaimant) {
  EXPECT_TRUE(wrote_line(state_, kShop, line_of(41, "r-0003@7f3a9c21", kAmsterdam)));
  EXPECT_FALSE(wrote_line(state_, kShop, line_of(41, "r-0003@00000000", kAmsterdam)));
  EXPECT_FALSE(wrote_line(state_, kShop, line_of(42, "r-0003@7f3a9c21", kAmsterdam)));
  EXPECT_FALSE(wrote_line(state_, kShop, line_of(41, "r-0003@7f3a9c21", kAmsterdam, "paris")));
}

TEST_F(FrontDoor, WhatAnOpenRunWritesIsOursBeforeItIsKnown) {
  run_to(kBerlin);
  EXPECT_TRUE(wrote_line(state_, kShop, line_of(42, "r-0004@7f3a9c21", kBerlin)));
  EXPECT_FALSE(wrote_line(state_, kShop, line_of(42, "r-0004@00000000", kBerlin)));
}

TEST_F(FrontDoor, ARunDisplacesNobody) {
  const Work work = run_to(kBerlin);
  for (const SiteName& target : {kAmsterdam, kBerlin}) {
    EXPECT_TRUE(why_not_displace(state_, work, line_of(42, "r-0001@00000000", target)));
  }
}

TEST_F(FrontDoor, AnAdoptionByItselfDisplacesOnlyWhoIsNotUnderWay) {
  const Work work = adoption(kAutomation);
  EXPECT_FALSE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kAmsterdam)));
  EXPECT_TRUE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kBerlin)));
  EXPECT_TRUE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kAmsterdam, "paris")));
}

TEST_F(FrontDoor, APersonsAdoptionDisplacesAnybody) {
  const Work work = adoption("ana");
  EXPECT_FALSE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kBerlin)));
  EXPECT_FALSE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kBerlin, "paris")));
}

TEST_F(FrontDoor, ARunInPlaceOfAnAdoptionLeavesNoThirdSiteUnfenced) {
  const SiteName carthage("carthage");
  adoption("ana");
  const Work work = run_to(carthage);
  EXPECT_FALSE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", carthage)));
  EXPECT_FALSE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kAmsterdam)));
  EXPECT_TRUE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kBerlin)));
  state_.groups[kShop].attested[kBerlin] = at(0);
  EXPECT_FALSE(why_not_displace(state_, work, line_of(9, "r-0001@00000000", kBerlin)));
}

TEST_F(FrontDoor, WhomAnAdoptionDisplacedForbidsMovesToAnybodyElse) {
  const SiteName carthage("carthage");
  GroupStatus& shop = state_.groups[kShop];
  EXPECT_EQ(unfenced_claim(shop, carthage), nullptr);
  shop.displaced[kBerlin] = ForeignLine{9, "demo", "r-0001@00000000", kBerlin, at(0)};
  EXPECT_NE(unfenced_claim(shop, carthage), nullptr);
  EXPECT_EQ(unfenced_claim(shop, kBerlin), nullptr);
  shop.active = kBerlin;
  EXPECT_EQ(unfenced_claim(shop, carthage), nullptr);
}

}  // namespace
}  // namespace bascule::engine
