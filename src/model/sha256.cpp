#include "model/sha256.h"

#include <openssl/evp.h>

#include <memory>

#include "base/assert.h"

namespace bascule {

std::array<std::uint8_t, 32> sha256(std::initializer_list<std::string_view> pieces) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  bool works = context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1;
  for (const std::string_view piece : pieces) {
    works = works && EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  }
  std::array<std::uint8_t, 32> hash{};
  works = works && EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1;
  BASCULE_ASSERT(works, "without SHA-256 no record can be written or checked");
  return hash;
}

std::string hex_of(const std::array<std::uint8_t, 32>& hash, std::size_t count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  BASCULE_ASSERT(count <= hash.size(), "a hash has 32 bytes");
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[hash[i] >> 4U];
    text += kDigits[hash[i] & 15U];
  }
  return text;
}

}  // namespace bascule
