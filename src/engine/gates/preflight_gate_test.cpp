// Gate 6 and the target's preflight items.
#include <gtest/gtest.h>

#include "engine/gates/gate.h"
#include "engine/test_world.h"

namespace bascule::engine {
namespace {

using test_world::at;
using test_world::kAmsterdam;
using test_world::kBerlin;
using test_world::kShop;

struct Row {
  Blocks blocks;
  Move move;
  std::optional<Finding> found;  // nothing: it was not asked
  bool holds;
};

TEST(GatePreflight, WhatBlocksIsAskedOfEveryMoveThatItBlocks) {
  const std::vector<Row> rows{{Blocks::planned, Move::switchover, Finding::done, true},
                              {Blocks::planned, Move::switchover, Finding::blocked, false},
                              {Blocks::planned, Move::switchover, std::nullopt, true},
                              {Blocks::planned, Move::failover, Finding::blocked, true},
                              {Blocks::always, Move::failover, Finding::blocked, false},
                              {Blocks::always, Move::failover, Finding::done, true},
                              {Blocks::always, Move::failover, std::nullopt, false},
                              {Blocks::never, Move::switchover, Finding::blocked, true}};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(i);
    const Row& row = rows[i];
    State state = test_world::two_site_state(at(0));
    state.configuration.groups.front().sites[1].preflight.front().blocks = row.blocks;
    Readings readings = test_world::healthy_readings(at(0));
    if (row.found) {
      PreflightReading reading;
      reading.newest.at = at(0);
      reading.newest.inspection = Inspection();
      reading.newest.inspection->finding = *row.found;
      reading.newest.inspection->because = "45s behind";
      readings.preflights[{kShop, kBerlin, "lag"}] = reading;
    }
    const Proposal proposal{kShop, row.move, kAmsterdam, kBerlin, Trigger::manual};
    const GateAnswer answer = ask_gate(GateName::target, state, readings, proposal, at(10));
    EXPECT_EQ(answer.holds, row.holds) << answer.because;
  }
}

}  // namespace
}  // namespace bascule::engine
