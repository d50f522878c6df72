// A configuration to start from: two sites, every key that has to be decided on, each with a
// comment that says how.
#pragma once

#include <string>

namespace bascule::app {

enum class StartWith {
  postgres,  // each site has a PostgreSQL server
  http,      // only what answers over HTTP; hooks do what has to be done
};

// Text of a file that validates without an error.
std::string start_configuration(StartWith what);

}  // namespace bascule::app
