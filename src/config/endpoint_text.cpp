#include "config/endpoint_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace bascule::config {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

std::optional<EndpointText> parse_endpoint(std::string_view text) {
  EndpointText endpoint;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    endpoint.host = std::string(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    if (text.empty()) return endpoint;
    if (!text.starts_with(':')) return std::nullopt;
  } else if (std::ranges::count(text, ':') == 1) {
    endpoint.host = std::string(text.substr(0, text.find(':')));
    text.remove_prefix(endpoint.host.size());
  } else {
    endpoint.host = std::string(text);
    if (endpoint.host.empty()) return std::nullopt;
    return endpoint;
  }
  endpoint.port = parse_port(text.substr(1));
  if (!endpoint.port || endpoint.host.empty()) return std::nullopt;
  return endpoint;
}

bool is_address(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_loopback(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return bytes[0] == 127;
  return host == "::1" || host == "localhost";
}

}  // namespace bascule::config
