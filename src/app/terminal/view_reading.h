// Reading the views of the API, which another version of Bascule may have made: what is absent or
// of another type reads as nothing, never as an exception. And the phrases that several texts
// share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "app/terminal/look.h"
#include "base/time.h"
#include "model/json.h"

namespace bascule::app {

// A member, or null.
const Json& member(const Json& view, std::string_view key);
// A member that is an array, or an empty one.
const Json& list(const Json& view, std::string_view key);
std::optional<std::int64_t> number(const Json& view, std::string_view key);
std::optional<Instant> instant(const Json& view, std::string_view key);

// "2h" since then; "" where nothing is known. A moment of the future counts as now.
std::string age(const std::optional<Instant>& then, Instant now);
// How long until then; "0ms" when it has passed.
std::string time_left(Instant until, Instant now);
// "0.3ms", "12ms", "1.9s"; "" for none.
std::string latency(const Json& milliseconds);
// "8ms", "0.57s", "4m": an outage as people compare it.
std::string outage(Duration span);
// "3 rows", "1 row".
std::string counted(std::int64_t count, std::string_view what);
// "front_door" → "front door".
std::string spaced(std::string word);
// "INC-2041: the rack is on fire"; one of them, or nothing.
std::string why(const Json& run);

// "at most 0.9s and 48 KiB", "0 rows", "nothing" of a run's loss; empty when the view says
// nothing.
std::string loss(const Json& run);

Tone tone_of_health(std::string_view health);
Tone tone_of_group_state(std::string_view state);
Tone tone_of_run_state(std::string_view state);

// The icon of a run's step, and its tone.
struct Icon {
  std::string_view text;
  Tone tone;
};
Icon icon_of_step(std::string_view state);

// Whether a run in this state waits for nobody and nothing any more, or only for a person.
bool has_come_to_rest(std::string_view state);

}  // namespace bascule::app
