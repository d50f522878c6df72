// The hashes that chain the records of a journal, and their text.
#include <string>

#include "model/record_codec.h"
#include "model/sha256.h"

namespace bascule {

Hash chain(const Hash& previous, std::string_view bytes) {
  const std::string_view before(reinterpret_cast<const char*>(previous.data()), previous.size());
  return sha256({before, bytes});
}

std::string to_hex(const Hash& hash) {
  return hex_of(hash);
}

Result<Hash> hash_from_hex(std::string_view text) {
  Hash hash{};
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  bool valid = text.size() == 2 * hash.size();
  for (std::size_t i = 0; valid && i < hash.size(); ++i) {
    const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    valid = high >= 0 && low >= 0;
    if (valid) hash[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (!valid) return fail(ErrorCode::invalid, "a hash is written as 64 hex digits");
  return hash;
}

}  // namespace bascule
