// How text may look where it is shown: colours, characters, width. And text itself, made fit for a
// terminal: what a provider said may hold control characters, which would be obeyed there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bascule::app {

struct Look {
  bool colours = false;
  bool unicode = true;  // false: every icon has an ASCII twin, other characters become ?
  std::size_t columns = 100;
};

// What colour supports, never carries.
enum class Tone { plain, good, warning, bad, strong, faint };

inline constexpr const char* kDone = "✔";
inline constexpr const char* kFailed = "✘";
inline constexpr const char* kUnderWay = "◐";
inline constexpr const char* kWaiting = "○";
inline constexpr const char* kActive = "●";
inline constexpr const char* kBeside = "‖";
inline constexpr const char* kNoWayBack = "◆";

// Columns that the text takes: one per code point.
std::size_t width(std::string_view text);

// One line, valid UTF-8 or ASCII as `look` says: control characters and white space become blanks
// or ?, so that nothing in it can move the cursor or start an escape sequence.
std::string fit_to_show(std::string_view text, const Look& look);

// With the escape sequences of the tone around it, where colours are allowed.
std::string paint(std::string_view text, Tone tone, const Look& look);

}  // namespace bascule::app
