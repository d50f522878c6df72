// Keeps the beginning and the end of what a program writes, however much that is, and hands it out
// as valid UTF-8. For child_process.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "async/child_process.h"

namespace bascule {

class Capture {
 public:
  explicit Capture(std::size_t limit) : head_limit_(limit - limit / 2), tail_limit_(limit / 2) {}

  void add(std::string_view bytes);
  [[nodiscard]] Output output() const;

 private:
  std::size_t head_limit_;
  std::size_t tail_limit_;
  std::uint64_t bytes_ = 0;
  std::string head_;
  std::string tail_;  // up to twice its limit, so that it is cut rarely
};

// Every byte that is not part of well-formed UTF-8 (no overlong forms, no surrogates) becomes
// U+FFFD.
std::string to_utf8(std::string_view bytes);

}  // namespace bascule
