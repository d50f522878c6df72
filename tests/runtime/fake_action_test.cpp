// The fakes of shop_world.h keep the promises that the real actions keep: what is tested over them
// means something only as long as they do.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "ports/action_contract_for_test.h"
#include "ports/plain_world_for_test.h"
#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

struct Fakes : testing::Test {
  PlainWorld real;  // in real time, so that nobody has to move the clock
  FakeWorld world;

  std::shared_ptr<Action> action(const std::string& kind, const SiteName& site) {
    const Catalog catalog = fake_catalog(world);
    const Json settings{{"address", world.addresses[site]}};
    return catalog.find_action(kind)
        ->make(ActionContext{nullptr, "demo", site, settings}, real.services)
        .value();
  }

  StepCall call(const std::string& operation, Generation generation) {
    StepCall made(real.in(Duration{20'000}));
    made.group = kShop;
    made.source = kAmsterdam;
    made.target = kBerlin;
    made.run = RunId("r-0001");
    made.step = StepId("phase/step");
    made.operation = operation;
    made.generation = generation;
    return made;
  }

  // Everything but the list of what was done, which grows with every repetition.
  Json seen() {
    Json sites = Json::object();
    for (const auto& [name, site] : world.sites) {
      sites[name.text()] = {{"powered", site.powered},
                            {"role", std::string(to_string(site.role))},
                            {"sealed", site.sealed},
                            {"position", site.position},
                            {"timeline", site.timeline}};
    }
    return {{"sites", sites},
            {"address", world.door.address},
            {"generation", world.door.generation},
            {"run", world.door.run}};
  }

  void keeps_the_promises(const std::string& kind, const SiteName& site, bool reversible = true,
                          const std::string& operation = "", Generation generation = 0) {
    const bool door = !operation.empty();
    const ActionContract contract{
        .context = real.context,
        .clock = real.clock,
        .action = action(kind, site),
        .call = [this, operation, generation] { return call(operation, generation); },
        .world = [this] { return seen(); },
        // A generation is never given back.
        .restored = [door](const Json& shown) { return door ? shown["address"] : shown; },
        .reversible = reversible};
    contract.check();
    EXPECT_TRUE(world.violations.empty());
  }
};

TEST_F(Fakes, ASealKeepsThePromisesOfEveryAction) {
  keeps_the_promises("postgres.fence", kAmsterdam);
}

TEST_F(Fakes, ACutKeepsThePromisesOfEveryAction) {
  keeps_the_promises("hook", kAmsterdam);
}

TEST_F(Fakes, APromotionKeepsThePromisesOfEveryAction) {
  world.sites[kAmsterdam].powered = false;
  keeps_the_promises("postgres.promote", kBerlin, false);
}

TEST_F(Fakes, ARejoinKeepsThePromisesOfEveryAction) {
  world.sites[kBerlin].role = DatabaseRole::primary;
  world.sites[kBerlin].timeline = 6;
  world.sites[kAmsterdam].sealed = true;
  keeps_the_promises("postgres.rejoin", kAmsterdam, false);
}

TEST_F(Fakes, AClaimKeepsThePromisesOfEveryAction) {
  keeps_the_promises("dns.record", kBerlin, true, "claim");
}

TEST_F(Fakes, ASwitchKeepsThePromisesOfEveryActionAndALateOneIsRefused) {
  world.door = FakeDoor{world.addresses[kAmsterdam], 1, "r-0001", "berlin"};
  keeps_the_promises("dns.record", kBerlin, true, "switch", 1);
  EXPECT_EQ(world.door.generation, 2) << "so that a late write is refused";
  StepCall late = call("switch", 1);
  late.attempt = 1;
  late.prior = {{"address", {world.addresses[kAmsterdam]}}};
  const auto door = action("dns.record", kBerlin);
  const Result<Outputs> refused = real.wait(door->apply(std::move(late)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::superseded);
}

}  // namespace
}  // namespace bascule::runtime::test
