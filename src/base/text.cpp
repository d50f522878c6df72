#include "base/text.h"

#include <string_view>

#include "base/assert.h"

namespace bascule {

std::string shortened(std::string text, std::size_t bytes) {
  constexpr std::string_view kMore = "…";
  BASCULE_ASSERT(bytes >= kMore.size(), "there is room for the sign that more followed");
  if (text.size() <= bytes) return text;
  std::size_t end = bytes - kMore.size();
  const auto continues = [&](std::size_t at) { return (text[at] & '\xC0') == '\x80'; };
  while (end > 0 && continues(end)) --end;
  text.resize(end);
  return text.append(kMore);
}

}  // namespace bascule
