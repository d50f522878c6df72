// A file that is there as a whole or not at all: it is written beside its place under another name
// and renamed when it is complete and on the disk. Without commit() nothing remains of it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace bascule::app {

class AtomicFile {
 public:
  // Readable by its owner alone. Errors name the path.
  static Result<AtomicFile> create(const std::string& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Result<void> write(std::string_view text);
  // Takes the place of whatever was there.
  Result<void> commit();

 private:
  AtomicFile(std::string path, std::string temporary, int descriptor);

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
};

}  // namespace bascule::app
