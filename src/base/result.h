// Result<T>: a value or an Error. `fail` makes the error side; `error_of` passes one on:
//
//   auto address = parse_address(text);
//   if (!address) return error_of(address);
#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace bascule {

template <typename T>
using Result = std::expected<T, Error>;

template <typename... Args>
[[nodiscard]] std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                          Args&&... args) {
  return std::unexpected(
      Error{code, fmt::format(format, std::forward<Args>(args)...), std::string(), std::nullopt});
}

[[nodiscard]] inline std::unexpected<Error> fail(Error error) {
  return std::unexpected(std::move(error));
}

// The error of a failed result, to be returned from a function with another value type.
template <typename T>
[[nodiscard]] std::unexpected<Error> error_of(const Result<T>& failed) {
  return std::unexpected(failed.error());
}

}  // namespace bascule
