// The world in which gates are tested: amsterdam died, every gate holds; a table changes one thing
// at a time and says what the gate answers then. Only for the tests of engine/gates.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/gates/gate.h"
#include "engine/test_world.h"

namespace bascule::engine {

struct GateWorld {
  // amsterdam was last well at 0, failed its first look at 100 and is down since 500.
  GateWorld()
      : state(test_world::two_site_state(test_world::at(0))),
        readings(test_world::healthy_readings(test_world::at(0))) {
    test_world::lose_amsterdam(readings, test_world::at(100));
  }

  [[nodiscard]] GateAnswer ask(GateName name) const {
    return ask_gate(name, state, readings, proposal, now);
  }
  Policy& policy() { return test_world::policy_in(state); }
  GroupStatus& status() { return test_world::status_in(state); }

  State state;
  Readings readings;
  Proposal proposal{test_world::kShop, Move::failover, test_world::kAmsterdam, test_world::kBerlin,
                    Trigger::automatic};
  Instant now = test_world::at(500);
};

struct GateCase {
  std::string name;
  std::function<void(GateWorld&)> change;
  bool holds = false;
  std::string because;
};

inline void run_table(GateName gate, const std::vector<GateCase>& cases) {
  for (const GateCase& row : cases) {
    GateWorld world;
    row.change(world);
    const GateAnswer answer = world.ask(gate);
    EXPECT_EQ(answer.holds, row.holds) << row.name << ": " << answer.because;
    EXPECT_EQ(answer.because, row.because) << row.name;
  }
}

}  // namespace bascule::engine
