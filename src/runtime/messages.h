// The table of messages to people: record → severity → text. One place decides who is woken up; a
// test holds it.
#pragma once

#include <optional>

#include "engine/state.h"
#include "model/record.h"
#include "ports/notifier.h"

namespace bascule::runtime {

// The message of a record, or nothing for what no person needs to be told. `state` is the state
// after the record.
std::optional<Message> message_for(const Record& record, const engine::State& state);

}  // namespace bascule::runtime
