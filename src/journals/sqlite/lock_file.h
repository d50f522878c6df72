// One holder at a time, by an exclusive flock on a file that says who it is. The kernel gives the
// lock back when the process ends, however it ends; the file itself stays. It works between
// processes of one machine; it does not replace the term in the store.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bascule::sqlite {

class LockFile {
 public:
  explicit LockFile(std::filesystem::path path) : path_(std::move(path)) {}
  ~LockFile() { release(); }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // Never waits. `unavailable` "held by WHO" while anybody has it, this object included.
  Result<void> acquire(std::string_view who);
  void release();
  [[nodiscard]] bool held() const { return descriptor_ >= 0; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace bascule::sqlite
