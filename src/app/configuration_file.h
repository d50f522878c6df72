// A configuration file of this machine, loaded with the kinds of this build, and what follows from
// it: where its journal lies, and how the daemon it describes is found.
#pragma once

#include <string>

#include "config/loader.h"

namespace bascule::app {

config::Loaded load_configuration(const std::string& path);

// The store's file; empty where the store is not one.
std::string store_path(const Configuration& configuration);
// The bearer token lies beside the store, readable by its owner alone.
std::string token_path(const Configuration& configuration);
// And so does the note of what notifiers have told, and that of the reports that were written.
std::string told_path(const Configuration& configuration);
std::string reported_path(const Configuration& configuration);

}  // namespace bascule::app
