// What must be ready before a site takes over, asked all at once: the preflight items of its
// description, and each step of the moves to it, inspected as `plan` does. Nothing is changed.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <optional>
#include <string>
#include <vector>

#include "engine/plan/planner.h"
#include "model/plan.h"
#include "ports/kinds.h"
#include "runtime/loop.h"
#include "runtime/step_runner.h"

namespace bascule::runtime {

enum class ItemState : std::uint8_t { ok, failed, unknown };
std::string_view to_string(ItemState state);

struct ChecklistItem {
  Step step;                 // of an item: "preflight/lag"
  bool is_item = false;      // of the description; else a step of a move's plan
  bool of_failover = false;  // a step of the failover's plan; of the switchover's
  bool of_planned = false;
  // Which moves it can keep from starting or from ending. Of a fence step only planned ones: in a
  // failover gate 9 judges all fences together.
  Blocks blocks = Blocks::never;
  ItemState state = ItemState::unknown;
  std::string because;
  std::string what_to_do;  // of what is not ok
  Json evidence = Json::object();
  Duration took{0};
  // Whether, as it is now, it keeps such a move from being made.
  bool stops_failover = false;
  bool stops_planned = false;
};

struct Checklist {
  GroupName group;
  SiteName source;
  SiteName target;
  std::vector<ChecklistItem> items;  // as described, then in the order of the plan
  // Why there is no plan at all: what a role forbids.
  std::optional<Error> no_failover;
  std::optional<Error> no_planned;
};

// Asks as a person who waits for it, within the deadline. What the items say is also told to the
// loop: gate 6 then knows it too. Errors: not_found (the group, the site), invalid (nobody knows
// who is active, the target is it).
awaitable<Result<Checklist>> go_through_checklist(boost::asio::any_io_executor executor, Loop& loop,
                                                  StepRunner& runner, GroupName group,
                                                  SiteName target, Deadline deadline);

// The items alone, of every site that could take over from the active one, for the loop: quietly,
// as Bascule asks by itself.
awaitable<void> ask_preflight(boost::asio::any_io_executor executor, Loop& loop, StepRunner& runner,
                              GroupName group, Deadline deadline);

}  // namespace bascule::runtime
