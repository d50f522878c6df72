#include "async/random.h"

#include <fmt/format.h>

#include <random>

namespace bascule {

std::string random_mark() {
  return fmt::format("{:08x}", std::random_device()());
}

}  // namespace bascule
