// A drill: a switchover with a way back that nobody can forget. When it has arrived, a run home
// waits for its time; if something refuses it then, it goes on waiting, and once the deadline has
// passed an alarm says so. A hold delays the way back, a person may abort it, which leaves the
// drill open, and a real failover meanwhile ends the drill as failed.
#pragma once

#include <optional>
#include <string>

#include "engine/deliberation.h"

namespace bascule::engine {

// Begins, watches and ends the drill of a group. False: nothing follows.
bool advance_drill(Deliberation& deliberation, const GroupName& group);

// What is wrong with the way back that a drill asks for. Nothing for other moves.
std::optional<Answer> refuse_drill(const State& state, const StartMove& move, Instant now);

// Why the way back, which is due, does not begin yet; nothing: it may. REQUIRES: it is waiting.
std::optional<std::string> why_way_back_waits(const State& state, const Readings& readings,
                                              const Run& way_back, Instant now);

// "drill at berlin since 12m: back to amsterdam in 18m (r-0003), deadline in 1h"; "" without one.
std::string drill_sentence(const State& state, const GroupName& group, Instant now);
// "last good drill 12d ago"; "" where there never was one.
std::string last_drill_sentence(const GroupStatus& status, Instant now);

// When a deadline passes.
std::optional<Instant> next_drill_deadline(const State& state);

}  // namespace bascule::engine
