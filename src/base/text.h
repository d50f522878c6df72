// Text for people and for those who take only so much of it.
#pragma once

#include <cstddef>
#include <string>

namespace bascule {

// No more than `bytes` of a text in UTF-8, cut between two characters and with "…" where more
// followed. REQUIRES: at least the three bytes of that.
std::string shortened(std::string text, std::size_t bytes);

}  // namespace bascule
