// The fake probes keep what every probe promises, so that the runtime is tested with what it will
// meet.
#include <gtest/gtest.h>

#include "ports/probe_contract_for_test.h"
#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

class FakeProbes : public testing::TestWithParam<bool> {};

TEST_P(FakeProbes, KeepTheContract) {
  boost::asio::io_context io;
  SimulatedClock clock(io, engine::test_world::at(0));
  FakeWorld world;
  FakeSite& site = world.sites.at(kAmsterdam);
  const bool database = GetParam();
  ProbeContract contract{.context = io,
                         .clock = clock,
                         .probe = std::make_shared<FakeProbe>(world, clock, kAmsterdam, database)};
  contract.until = [&](const std::function<bool()>& condition) {
    return clock.advance_until(condition, Duration{60'000});
  };
  contract.answers = [&] {
    site.powered = true;
    site.silent = false;
    site.role = DatabaseRole::primary;
  };
  contract.refuses = [&] { site.powered = false; };
  contract.hangs = [&] { site.powered = site.silent = true; };
  if (database) {
    contract.turns = [&] { site.role = DatabaseRole::replica; };
    contract.wakes = contract.refuses;
    contract.samples = true;
  }
  contract.check();
}

INSTANTIATE_TEST_SUITE_P(, FakeProbes, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Database" : "Plain"; });

}  // namespace
}  // namespace bascule::runtime::test
