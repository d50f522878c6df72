// The only numbers that nobody can foretell: the system's.
#pragma once

#include <string>

namespace bascule {

// Eight hex digits, to tell apart what would have the same name. No secret.
std::string random_mark();

}  // namespace bascule
