// What the tests of this room share: a folder that goes away, and a child process that does.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/record.h"
#include "model/record_examples.h"

namespace bascule::sqlite {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "bascule-sqlite-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// A process that runs `work` and ends with what it returned. It is killed at the latest with this
// object. REQUIRES: no store is open here, so that the child inherits no lock.
class ChildProcess {
 public:
  explicit ChildProcess(const std::function<int()>& work) {
    // house-rules: allow shell because only a process of its own can be killed like a real writer
    pid_ = ::fork();
    if (pid_ == 0) ::_exit(work());
    EXPECT_GT(pid_, 0);
  }
  ~ChildProcess() { kill_now(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  void kill_now() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    static_cast<void>(exit_code());
  }
  // Waits for its end.
  int exit_code() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t pid_ = -1;
};

inline std::vector<Record> some_records(Sequence first, std::size_t count, Term term) {
  std::vector<Record> records;
  records.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    records.push_back({first + i, examples::moment(static_cast<std::int64_t>(first + i)), term,
                       "ana", fmt::format("reason {} of this record", first + i),
                       examples::example<StepStarted>()});
  }
  return records;
}

}  // namespace bascule::sqlite
