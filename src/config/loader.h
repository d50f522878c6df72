// From the text of a configuration file to a validated Configuration. What kinds exist is handed
// in; what the world says (variables, files) is asked through Environment, so that loading is pure
// apart from it.
//
// Strict: what is not understood is an error, never ignored; what is planned and not built yet is
// refused by name. All errors after a successful parse are reported at once. Section 5 of the
// architecture and the two-site example are the contract.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/problem.h"
#include "model/configuration.h"
#include "model/kind.h"

namespace bascule::config {

// Everything that can be named in a configuration of this build.
struct Kinds {
  std::vector<Kind> probes;
  std::vector<Kind> actions;
  std::vector<Kind> front_doors;
  std::vector<Kind> notifiers;
  std::vector<Kind> stores;
  std::vector<Kind> reports;
  // Named by the specification, not in this build: refused by name.
  std::vector<std::string> planned;
};

struct Environment {
  // The value of a variable; nothing when it is not set.
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // The content of a file of at most `size_max` bytes; the error's message says why not ("no such
  // file").
  std::function<Result<std::string>(const std::string& path, std::size_t size_max)> read_file;
  std::string host_name;  // the observer's name where none is written
};

struct Loaded {
  Configuration configuration;  // meaningful only when ok()
  // Secrets written into the file itself, by the KEYPATH of {"$secret": "inline:KEYPATH"}. Never
  // print, log or journal.
  std::map<std::string, std::string> inline_secrets;
  std::vector<Problem> problems;  // errors and warnings, in the order of the file

  [[nodiscard]] bool ok() const { return !has_errors(problems); }
};

// `file_name` is used for messages, and its folder for relative `${file:PATH}`. Never throws.
Loaded load(std::string file_name, std::string_view text, const Kinds& kinds,
            const Environment& environment);

// Reads the file through the environment first; a file that cannot be read is a problem like any
// other.
Loaded load_file(const std::string& path, const Kinds& kinds, const Environment& environment);

}  // namespace bascule::config
