// Addresses as people write them. Parsing only: nothing here asks a name server.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bascule::net {

using IpAddress = boost::asio::ip::address;

// Where a packet can go.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Where a person wants to go: a name or an address, and a port.
struct HostPort {
  std::string host;  // without the brackets of an IPv6 address
  std::uint16_t port = 0;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// "127.0.0.1:53", "[::1]:53".
std::string to_string(const Endpoint& endpoint);
std::string to_string(const HostPort& host_port);

// An address without port or brackets; scopes ("fe80::1%eth0") are accepted.
std::optional<IpAddress> parse_address(std::string_view text);

// "host:port", "1.2.3.4:port", "[v6]:port"; with `default_port` also each of them without its port,
// and a bare IPv6 address. Error invalid says what is missing. Ports are 1 to 65535.
Result<HostPort> parse_host_port(std::string_view text,
                                 std::optional<std::uint16_t> default_port = std::nullopt);
// The same where only addresses are allowed.
Result<Endpoint> parse_endpoint(std::string_view text,
                                std::optional<std::uint16_t> default_port = std::nullopt);

// Whether `host` can be asked for as a name: labels of letters, digits, '-' and '_' up to 63 bytes,
// 253 in all, at most one final dot (RFC 1035; '_' because names of services use it).
bool is_host_name(std::string_view host);

}  // namespace bascule::net
