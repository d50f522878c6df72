// SHA-256 of several pieces of text as if they stood one after the other. Used for the journal's
// chain and for fingerprints; not for passwords.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace bascule {

std::array<std::uint8_t, 32> sha256(std::initializer_list<std::string_view> pieces);

// The first `count` bytes as lower-case hex digits.
std::string hex_of(const std::array<std::uint8_t, 32>& hash, std::size_t count = 32);

}  // namespace bascule
