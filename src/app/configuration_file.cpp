#include "app/configuration_file.h"

#include "app/catalog.h"
#include "app/environment.h"

namespace bascule::app {

config::Loaded load_configuration(const std::string& path) {
  return config::load_file(path, known_kinds(), system_environment());
}

std::string store_path(const Configuration& configuration) {
  return text_or(configuration.store_settings, "path");
}

std::string token_path(const Configuration& configuration) {
  return store_path(configuration) + ".token";
}

std::string told_path(const Configuration& configuration) {
  return store_path(configuration) + ".told";
}

std::string reported_path(const Configuration& configuration) {
  return store_path(configuration) + ".reported";
}

}  // namespace bascule::app
