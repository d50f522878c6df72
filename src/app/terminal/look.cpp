#include "app/terminal/look.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace bascule::app {
namespace {

using Twin = std::pair<std::string_view, std::string_view>;
constexpr std::array<Twin, 18> kTwins{{{"✔", "+"},
                                       {"✘", "x"},
                                       {"◐", ">"},
                                       {"○", "o"},
                                       {"●", "*"},
                                       {"‖", "|"},
                                       {"◆", "!"},
                                       {"→", "->"},
                                       {"·", "-"},
                                       {"…", "..."},
                                       {"×", "x"},
                                       {"–", "-"},
                                       {"—", "-"},
                                       {"’", "'"},
                                       {"“", "\""},
                                       {"”", "\""},
                                       {"≤", "<="},
                                       {"≥", ">="}}};

// Bytes of the well-formed UTF-8 sequence that `text` begins with; 0 where there is none
// (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t sequence(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
  const auto follows = [&](std::size_t at) {
    return at < text.size() && (byte(at) & 0xC0U) == 0x80U;
  };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead < 0xF0) {
    if (!follows(1) || !follows(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    return lead == 0xED && byte(1) >= 0xA0 ? 0 : 3;
  }
  if (lead >= 0xF0 && lead < 0xF5) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    return lead == 0xF4 && byte(1) >= 0x90 ? 0 : 4;
  }
  return 0;
}

std::string_view twin_of(std::string_view character) {
  const auto found = std::ranges::find(kTwins, character, &Twin::first);
  return found == kTwins.end() ? "?" : found->second;
}

// C0, DEL, and C1, which some terminals obey.
bool is_control(std::string_view character) {
  const auto first = static_cast<std::uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7F;
  return character.size() == 2 && first == 0xC2 && static_cast<std::uint8_t>(character[1]) < 0xA0;
}

// Marks that reorder the text around them: a name could look like another one.
bool is_bidirectional(std::string_view character) {
  if (character.size() != 3 || character[0] != '\xE2') return false;
  const auto second = static_cast<std::uint8_t>(character[1]);
  const auto third = static_cast<std::uint8_t>(character[2]);
  if (second == 0x80) return third == 0x8E || third == 0x8F || (third >= 0xA8 && third <= 0xAE);
  return second == 0x81 && third >= 0xA6 && third <= 0xA9;
}

}  // namespace

std::size_t width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    text.remove_prefix(std::max<std::size_t>(sequence(text), 1));
    ++columns;
  }
  return columns;
}

std::string fit_to_show(std::string_view text, const Look& look) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t bytes = sequence(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(bytes, 1));
    text.remove_prefix(character.size());
    if (character == "\n" || character == "\t" || character == "\r") {
      shown += ' ';
    } else if (bytes == 0 || is_control(character) || is_bidirectional(character)) {
      shown += '?';
    } else if (bytes > 1 && !look.unicode) {
      shown += twin_of(character);
    } else {
      shown += character;
    }
  }
  return shown;
}

std::string paint(std::string_view text, Tone tone, const Look& look) {
  const auto code = [tone]() -> std::string_view {
    switch (tone) {
      case Tone::plain:
        return "";
      case Tone::good:
        return "32";
      case Tone::warning:
        return "33";
      case Tone::bad:
        return "31";
      case Tone::strong:
        return "1";
      case Tone::faint:
        return "2";
    }
    return "";
  }();
  if (!look.colours || code.empty() || text.empty()) return std::string(text);
  return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

}  // namespace bascule::app
