// Who may do what: bearer tokens with roles, each known by the hash of its secret alone, and a
// bound on how often somebody may guess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/clock.h"
#include "base/result.h"
#include "net/endpoint.h"

namespace bascule::api {

// Ordered: each may do what those before it may.
enum class Role : std::uint8_t { viewer, operator_, admin };
std::string_view to_string(Role role);
std::optional<Role> role_from(std::string_view word);

struct Token {
  std::string name;  // for the journal: who acted
  Role role = Role::viewer;
  std::string hash;  // as token_hash() makes it
  // The one of the file beside the store: whoever can read it is believed who they say they are.
  // It is good on this machine alone.
  bool is_local = false;
  std::optional<Instant> expires = {};
};

// "sha256:" and 64 hexadecimal digits. A token is 256 random bits, so nothing slower is needed: see
// docs/api.md.
std::string token_hash(std::string_view secret);
// A new secret, printable, with a prefix by which scanners for leaked secrets recognise it.
Result<std::string> make_token_secret();

struct Identity {
  std::string name;
  Role role = Role::viewer;
  bool is_local = false;
};

class Access {
 public:
  // `own`: the address where the API is served; a peer that has it is this machine.
  explicit Access(Clock& clock, net::IpAddress own = net::IpAddress())
      : clock_(clock), own_(std::move(own)) {}

  void replace(std::vector<Token> tokens) { tokens_ = std::move(tokens); }

  // Whose request it is. Errors: denied "the bearer token is missing", "… is not known", "… has
  // expired"; throttled, with a wait, for one more wrong token from an address that has guessed too
  // often (a right one is let in: nobody keeps the operators out by guessing beside them). All
  // comparisons take the same time.
  Result<Identity> identify(std::optional<std::string_view> authorization,
                            const net::Endpoint& peer);

  static constexpr std::size_t kFailuresAllowed = 10;
  static constexpr Duration kFailuresWithin{60'000};
  static constexpr std::size_t kAddressesRemembered = 1'000;

 private:
  [[nodiscard]] Result<Identity> admit(const Token& token, const net::Endpoint& peer) const;
  struct Failures {
    std::size_t count = 0;
    MonotonicInstant since;
  };
  [[nodiscard]] std::optional<Duration> must_wait(const std::string& address);
  void remember_failure(const std::string& address);

  Clock& clock_;
  net::IpAddress own_;
  std::vector<Token> tokens_;
  std::map<std::string, Failures> failures_;
};

}  // namespace bascule::api
