#include "providers/postgres/vigils.h"

#include <gtest/gtest.h>

#include "async/block_on.h"
#include "async/scope.h"

namespace bascule::postgres {
namespace {

using namespace std::chrono_literals;

constexpr const char* kServer = "127.0.1.1:5432";
constexpr Duration kLook{800};

// A seal that waits, and one who wants to go in, on simulated time.
struct Door {
  boost::asio::io_context context;
  SimulatedClock clock{context, Instant(0ms)};
  Vigils vigils;
  std::vector<std::string> order;
  bool up = false;

  awaitable<void> keep(Duration attempt_takes) {
    Vigils::Vigil vigil = vigils.keep(kServer);
    for (;;) {
      vigil.begin_turn();
      const bool was_up = up;
      if (attempt_takes > 0ms) co_await wait_for(clock, attempt_takes);
      order.emplace_back(was_up ? "seal" : "knock");
      if (was_up) co_return;
      Failure refused;
      refused.error.message = "refused";
      vigil.end_turn(refused);
      co_await vigil.rest(clock, 10'000ms);
    }
  }
  awaitable<void> look(std::string server) {
    const auto met = co_await vigils.met_at(clock, std::move(server), Deadline::in(clock, kLook));
    order.emplace_back(met ? met->error.message : "look");
  }
};

Scope scope_of(Door& door) {
  return Scope(door.context.get_executor(), [](const std::string& name, const std::string& why) {
    ADD_FAILURE() << name << ": " << why;
  });
}

using Order = std::vector<std::string>;

TEST(Vigils, WhatTheSealMeetsIsWhatEverybodySees) {
  Door door;
  Scope scope = scope_of(door);
  scope.spawn("seal", door.keep(0ms));
  door.clock.advance(1ms);
  scope.spawn("look", door.look(kServer));
  door.clock.advance(0ms);
  EXPECT_EQ(door.order, (Order{"knock", "knock", "refused"}));
  door.up = true;
  scope.spawn("look", door.look(kServer));
  door.clock.advance(0ms);
  EXPECT_EQ(door.order, (Order{"knock", "knock", "refused", "seal", "look"}));
  // The vigil is over.
  scope.spawn("look", door.look(kServer));
  door.clock.advance(0ms);
  EXPECT_EQ(door.order.size(), 6U);
  EXPECT_EQ(door.order.back(), "look");
}

TEST(Vigils, AnAttemptThatWasUnderWayIsNotEnough) {
  Door door;
  Scope scope = scope_of(door);
  scope.spawn("seal", door.keep(20ms));
  door.clock.advance(10ms);
  // It found the server down; now it is up.
  door.up = true;
  scope.spawn("look", door.look(kServer));
  door.clock.advance(60ms);
  EXPECT_EQ(door.order, (Order{"knock", "seal", "look"}));
}

TEST(Vigils, WhereTheSealGetsNoAnswerNobodyDoes) {
  Door door;
  Scope scope = scope_of(door);
  scope.spawn("seal", door.keep(900ms));
  scope.spawn("look", door.look(kServer));
  door.clock.advance(kLook);
  EXPECT_EQ(door.order, Order{"127.0.1.1:5432 gave no answer to a connection within 800ms"});
  door.up = true;
  door.clock.advance(20'000ms);
  EXPECT_EQ(door.order.back(), "seal");
}

TEST(Vigils, OtherServersAreNotConcerned) {
  Door door;
  Scope scope = scope_of(door);
  scope.spawn("seal", door.keep(900ms));
  scope.spawn("look", door.look("127.0.1.2:5432"));
  door.clock.advance(0ms);
  EXPECT_EQ(door.order, Order{"look"});
  door.up = true;
  door.clock.advance(20'000ms);
}

}  // namespace
}  // namespace bascule::postgres
