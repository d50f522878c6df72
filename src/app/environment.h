// What the world around this process says: variables, small files, the host's name.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "config/loader.h"

namespace bascule::app {

config::Environment system_environment();

std::optional<std::string> variable(const std::string& name);
Result<std::string> read_file(const std::string& path, std::size_t size_max);
// What errno says about a file, with its path.
Error file_error(const std::string& path, int problem);
// Writes a new file with mode 0600, or fails when it exists already (`conflict`).
Result<void> write_private_file(const std::string& path, const std::string& content);

}  // namespace bascule::app
