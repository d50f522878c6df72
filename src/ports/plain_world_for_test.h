// What the tests of probes, actions and notifiers need around them: a loop, a clock, secrets that
// are written in plain text, and a folder that goes with the test. Only tests include this.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "async/world_for_test.h"
#include "ports/services.h"

namespace bascule {

// A literal is itself; {"$secret": TEXT} is TEXT.
class PlainTextSecrets final : public Secrets {
 public:
  [[nodiscard]] Result<std::string> reveal(const Json& setting) const override {
    if (is_secret_reference(setting)) return setting["$secret"].get<std::string>();
    if (setting.is_string()) return setting.get<std::string>();
    return fail(ErrorCode::invalid, "not a text");
  }
};

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bascule-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  // Nothing when the file does not exist.
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream file(path(name), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  // A script that can be run.
  [[nodiscard]] std::string script(const std::string& name, const std::string& text) const {
    write(name, "#!/bin/sh\n" + text + "\n");
    std::filesystem::permissions(path(name), std::filesystem::perms::owner_all);
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

struct PlainWorld : RealWorld {
  PlainTextSecrets secrets;
  Services services{context, clock, secrets};
};

}  // namespace bascule
