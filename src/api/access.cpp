#include "api/access.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bascule::api {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kSecretPrefix = "bsc_";
constexpr std::size_t kSecretBytes = 32;

std::string hexadecimal(const unsigned char* bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

constexpr std::array<std::pair<Role, std::string_view>, 3> kRoles = {
    {{Role::viewer, "viewer"}, {Role::operator_, "operator"}, {Role::admin, "admin"}}};

}  // namespace

std::string_view to_string(Role role) {
  for (const auto& [value, word] : kRoles) {
    if (value == role) return word;
  }
  return "viewer";
}

std::optional<Role> role_from(std::string_view word) {
  for (const auto& [value, text] : kRoles) {
    if (text == word) return value;
  }
  return std::nullopt;
}

std::string token_hash(std::string_view secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return "sha256:" + hexadecimal(digest.data(), digest.size());
}

Result<std::string> make_token_secret() {
  std::array<unsigned char, kSecretBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return fail(ErrorCode::unavailable, "no random bytes for a token");
  }
  return std::string(kSecretPrefix) + hexadecimal(bytes.data(), bytes.size());
}

std::optional<Duration> Access::must_wait(const std::string& address) {
  const auto found = failures_.find(address);
  if (found == failures_.end()) return std::nullopt;
  const auto passed =
      std::chrono::duration_cast<Duration>(clock_.monotonic() - found->second.since);
  if (passed >= kFailuresWithin) {
    failures_.erase(found);
    return std::nullopt;
  }
  if (found->second.count < kFailuresAllowed) return std::nullopt;
  return kFailuresWithin - passed;
}

void Access::remember_failure(const std::string& address) {
  const MonotonicInstant now = clock_.monotonic();
  if (failures_.size() >= kAddressesRemembered && !failures_.contains(address)) {
    const auto oldest = std::ranges::min_element(
        failures_, {}, [](const auto& entry) { return entry.second.since; });
    failures_.erase(oldest);
  }
  Failures& failures = failures_[address];
  if (failures.count == 0) failures.since = now;
  ++failures.count;
}

Result<Identity> Access::admit(const Token& token, const net::Endpoint& peer) const {
  if (token.expires && *token.expires <= clock_.now()) {
    return fail(
        Error{ErrorCode::denied,
              fmt::format("the token {} has expired on {}", token.name, to_rfc3339(*token.expires)),
              "ask for a new one: bascule token create", std::nullopt});
  }
  const bool is_here = peer.address.is_loopback() || peer.address == own_;
  if (token.is_local && !is_here) {
    return fail(Error{ErrorCode::denied,
                      "the token beside the store is good on its own machine alone",
                      "use a token of your own: bascule token create", std::nullopt});
  }
  return Identity{token.name, token.role, token.is_local};
}

Result<Identity> Access::identify(std::optional<std::string_view> authorization,
                                  const net::Endpoint& peer) {
  const bool given = authorization && authorization->starts_with(kScheme);
  const std::string hash =
      token_hash(given ? authorization->substr(kScheme.size()) : std::string_view());
  const Token* found = nullptr;
  for (const Token& token : tokens_) {
    const bool same = token.hash.size() == hash.size() &&
                      CRYPTO_memcmp(token.hash.data(), hash.data(), hash.size()) == 0;
    if (same) found = &token;
  }
  if (given && found != nullptr) return admit(*found, peer);
  const std::string address = peer.address.to_string();
  const auto wait = given ? must_wait(address) : std::nullopt;
  if (wait) {
    return fail(Error{
        ErrorCode::throttled,
        fmt::format("{} wrong tokens came from {} within a minute", kFailuresAllowed, address),
        fmt::format("wait {}", to_rough(*wait)), wait});
  }
  if (given) remember_failure(address);
  return fail(Error{ErrorCode::denied,
                    given ? "the bearer token is not known" : "the bearer token is missing",
                    "on this machine it is read from the file beside the store: STORE.token; "
                    "elsewhere: BASCULE_TOKEN",
                    std::nullopt});
}

}  // namespace bascule::api
