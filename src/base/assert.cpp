#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace bascule {

void assertion_failed(const char* condition, const char* file, int line, const char* why) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s (%s)\n", file, line, condition, why);
  std::abort();
}

}  // namespace bascule
