// HTTP/1.1 as plain values: addresses, headers, requests, responses. No I/O and no library types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/endpoint.h"
#include "net/stream.h"

namespace bascule::net {

// http://HOST[:PORT][/PATH][?QUERY]; a fragment is dropped.
struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 addresses without brackets
  std::uint16_t port = 0;
  std::string target = "/";  // path and query, as they go onto the wire

  [[nodiscard]] bool secure() const { return scheme == "https"; }
  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string_view query() const;  // without '?'
  // For the Host header: without the port where it is the scheme's own.
  [[nodiscard]] std::string authority() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] bool same_origin(const Url& other) const;

  friend bool operator==(const Url&, const Url&) = default;
};

// Error invalid says what is wrong: no scheme, another scheme, user or password inside (write a
// header instead), no host, a port out of range, blanks or control characters, bytes above 127
// (write %XX; write names in their xn-- form).
Result<Url> parse_url(std::string_view text);
// What a Location header means when it was found at `base`: absolute, //host, /path, path or
// ?query.
Result<Url> resolve_reference(const Url& base, std::string_view reference);

// Bytes other than A-Z a-z 0-9 - . _ ~ become %XX.
std::string percent_encode(std::string_view bytes);
// Nothing when a % is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);
// The pairs of a query or form, decoded, '+' as a blank; malformed ones are left out.
std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

// Name and value pairs in their order; names are compared without case.
class Headers {
 public:
  using Pair = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Pair> pairs) : pairs_(pairs) {}

  void add(std::string name, std::string value) {
    pairs_.emplace_back(std::move(name), std::move(value));
  }
  // Replaces all of that name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);

  // The first of that name.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return find(name).has_value(); }
  [[nodiscard]] const std::vector<Pair>& pairs() const { return pairs_; }
  [[nodiscard]] auto begin() const { return pairs_.begin(); }
  [[nodiscard]] auto end() const { return pairs_.end(); }
  [[nodiscard]] std::size_t size() const { return pairs_.size(); }

  // Nothing in it could break out of its line: names are tokens, values without CR, LF and NUL.
  [[nodiscard]] Result<void> check() const;

  friend bool operator==(const Headers&, const Headers&) = default;

 private:
  std::vector<Pair> pairs_;
};

bool equal_without_case(std::string_view a, std::string_view b);

// The beginning of what a stranger sent, fit to be shown: its first line in printable ASCII, '?'
// for every other byte, "..." where more followed than `longest`.
std::string excerpt(std::string_view bytes, std::size_t longest = 40);

struct Request {
  Request() = default;
  Request(std::string verb, Url whose) : method(std::move(verb)), url(std::move(whose)) {}

  std::string method = "GET";
  Url url;
  Headers headers;  // Host, Content-Length and Connection are written by the client itself
  std::string body;
  // Where to connect instead of to the host of `url`, which stays what is asked for and verified:
  // one site of several that serve the same name. Port 0: the port of the url. It holds for that
  // host only, also after redirects.
  std::optional<HostPort> connect;
  // May use and leave a connection of the pool. False: a fresh one, closed afterwards (probes).
  bool reuse_connection = false;
  // Whether doing it twice does no harm; default: GET, HEAD and OPTIONS. See fetch().
  std::optional<bool> safe_to_repeat;

  [[nodiscard]] bool is_safe_to_repeat() const;
};

// How long each part took. Lookup, connect and tls are sums over all requests of a redirect chain,
// and zero where a connection was reused; first_byte counts from sending the last request to the
// first byte of its answer; total from the start to the last byte.
struct Timing {
  Microseconds lookup{0};
  Microseconds connect{0};
  Microseconds tls{0};
  Microseconds first_byte{0};
  Microseconds total{0};
};

struct Response {
  int status = 0;
  std::string reason;
  Headers headers;
  std::string body;
  bool body_truncated = false;  // only where Limits allowed it
  Timing timing;
  Url url;  // whose answer this is, after redirects
  int redirects = 0;
  bool connection_reused = false;
  std::optional<Endpoint> peer;
  std::optional<TlsDetails> tls;
};

// "OK", "Not Found"; "Unknown" for a number that has no text of its own.
std::string_view reason_phrase(int status);

}  // namespace bascule::net
