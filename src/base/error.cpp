#include "base/error.h"

#include <array>
#include <cerrno>

namespace bascule {
namespace {

constexpr std::array<std::pair<ErrorCode, std::string_view>, 13> kCodes{{
    {ErrorCode::timeout, "timeout"},
    {ErrorCode::unavailable, "unavailable"},
    {ErrorCode::throttled, "throttled"},
    {ErrorCode::conflict, "conflict"},
    {ErrorCode::denied, "denied"},
    {ErrorCode::invalid, "invalid"},
    {ErrorCode::not_found, "not_found"},
    {ErrorCode::superseded, "superseded"},
    {ErrorCode::term_over, "term_over"},
    {ErrorCode::corrupt, "corrupt"},
    {ErrorCode::outcome_unknown, "outcome_unknown"},
    {ErrorCode::canceled, "canceled"},
    {ErrorCode::unable, "unable"},
}};

}  // namespace

std::string_view to_string(ErrorCode code) {
  for (const auto& [value, word] : kCodes) {
    if (value == code) return word;
  }
  return "invalid";
}

std::optional<ErrorCode> error_code_from(std::string_view word) {
  for (const auto& [value, name] : kCodes) {
    if (name == word) return value;
  }
  return std::nullopt;
}

bool lacks_resources(int system_error) {
  switch (system_error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EADDRNOTAVAIL:  // of a connection: no local port is left
      return true;
    default:
      return false;
  }
}

Error in_context(std::string_view context, Error error) {
  error.message = fmt::format("{}: {}", context, error.message);
  return error;
}

}  // namespace bascule
