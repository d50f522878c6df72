// `bascule serve`: monitors, engine and API in one process, until it is told to stop.
#pragma once

#include <string>

namespace bascule::app {

struct ServeOptions {
  std::string configuration;  // path
};

// Returns the exit code: 0 after a clean stop, 2 for a configuration that is refused, 7 when
// another process holds the store, 1 otherwise. Says on standard error what it does.
int serve(const ServeOptions& options);

}  // namespace bascule::app
