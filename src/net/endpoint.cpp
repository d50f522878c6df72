#include "net/endpoint.h"

#include <charconv>
#include <utility>

namespace bascule::net {

namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  if (text.empty() || text.front() == '0') return std::nullopt;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::string bracketed(std::string_view host, std::uint16_t port) {
  if (host.contains(':')) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

bool looks_like_an_address(std::string_view text) {
  return text.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  return bracketed(endpoint.address.to_string(), endpoint.port);
}

std::string to_string(const HostPort& host_port) {
  return bracketed(host_port.host, host_port.port);
}

std::optional<IpAddress> parse_address(std::string_view text) {
  boost::system::error_code failed;
  IpAddress address = boost::asio::ip::make_address(std::string(text), failed);
  if (failed) return std::nullopt;
  return address;
}

Result<HostPort> parse_host_port(std::string_view text, std::optional<std::uint16_t> default_port) {
  std::string_view host = text;
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return fail(ErrorCode::invalid, "\"{}\": the bracket is not closed", text);
    }
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') {
      return fail(ErrorCode::invalid, "\"{}\": only :PORT may follow the bracket", text);
    }
    if (!rest.empty()) port = rest.substr(1);
    const std::optional<IpAddress> address = parse_address(host);
    if (!address || !address->is_v6()) {
      return fail(ErrorCode::invalid, "\"{}\": brackets are for IPv6 addresses", text);
    }
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (colon == text.rfind(':')) {
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
    } else if (!default_port || !parse_address(text)) {
      return fail(ErrorCode::invalid,
                  "\"{}\": write an IPv6 address and its port as [ADDRESS]:PORT", text);
    }
  }

  HostPort result;
  result.host = std::string(host);
  if (port) {
    const std::optional<std::uint16_t> number = parse_port(*port);
    if (!number) return fail(ErrorCode::invalid, "\"{}\": the port is 1 to 65535", text);
    result.port = *number;
  } else if (default_port) {
    result.port = *default_port;
  } else {
    return fail(ErrorCode::invalid, "\"{}\": the port is missing; write HOST:PORT", text);
  }
  if (!parse_address(host) && (!is_host_name(host) || looks_like_an_address(host))) {
    return fail(ErrorCode::invalid, "\"{}\": \"{}\" is neither a name nor an address", text, host);
  }
  return result;
}

Result<Endpoint> parse_endpoint(std::string_view text, std::optional<std::uint16_t> default_port) {
  const Result<HostPort> parsed = parse_host_port(text, default_port);
  if (!parsed) return error_of(parsed);
  const std::optional<IpAddress> address = parse_address(parsed->host);
  if (!address) {
    return fail(ErrorCode::invalid, "\"{}\": an address is needed here, not a name", text);
  }
  return Endpoint{*address, parsed->port};
}

bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (letter || digit || c == '-' || c == '_') {
      if (++label > 63) return false;
    } else {
      return false;
    }
  }
  return label > 0;
}

}  // namespace bascule::net
