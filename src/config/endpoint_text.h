// ADDRESS:PORT as the configuration writes it; an IPv6 address with a port stands in brackets.
// Only the notation: nothing is looked up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bascule::config {

struct EndpointText {
  std::string host;  // without brackets
  std::optional<std::uint16_t> port;
};

std::optional<EndpointText> parse_endpoint(std::string_view text);
// A literal IPv4 or IPv6 address.
bool is_address(const std::string& host);
// 127.0.0.0/8, ::1 or localhost.
bool is_loopback(const std::string& host);

}  // namespace bascule::config
