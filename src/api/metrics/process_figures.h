// What the kernel says of this process: the figures that every exporter serves under the same
// names. Read from /proc, which waits for no device; a figure that cannot be read is nothing.
#pragma once

#include <optional>

namespace bascule::api {

struct ProcessFigures {
  std::optional<double> began_at;         // seconds since 1970
  std::optional<double> processor;        // seconds, user and system
  std::optional<double> resident_memory;  // bytes
  std::optional<double> open_files;
  std::optional<double> open_files_max;
};

// Counts the open descriptors one by one: not for the loop's thread.
ProcessFigures read_process_figures();

}  // namespace bascule::api
