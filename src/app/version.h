// The version of this build, as records and `bascule version` name it.
#pragma once

namespace bascule::app {

inline constexpr const char* kVersion = "0.1.0";

}  // namespace bascule::app
