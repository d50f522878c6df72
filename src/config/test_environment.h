// The world as this room's tests see it: some variables, some files, nothing else. Only tests
// include this.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "config/loader.h"

namespace bascule::config::test {

inline Environment environment(std::map<std::string, std::string> variables = {},
                               std::map<std::string, std::string> files = {}) {
  files.emplace("/run/bascule-demo/tsig.secret", "c2VjcmV0\n");
  files.emplace("/run/bascule-demo/monitor.password", "monitor-hunter2\n");
  files.emplace("/run/bascule-demo/admin.password", "admin-hunter2\n");
  Environment world;
  world.variable = [variables](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
  world.read_file = [files](const std::string& path, std::size_t size_max) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return fail(ErrorCode::not_found, "no such file");
    if (found->second.size() > size_max) return fail(ErrorCode::invalid, "too large");
    return found->second;
  };
  world.host_name = "host-7";
  return world;
}

// Replaces the first `what`; the text itself where it does not occur.
inline std::string replaced(std::string text, const std::string& what, const std::string& by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  return text;
}

inline std::string replaced_everywhere(std::string text, const std::string& what,
                                       const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size()) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace bascule::config::test
