// What the tests of hooks share: processes as a Bascule leaves them behind that was killed, and
// whether a process lives. Only tests include this.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace bascule::hook {

// A process that has ended but was not reaped yet (whoever inherited it may take its time) is dead.
inline bool is_alive(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const std::size_t state = line.rfind(')');
  return state != std::string::npos && line.substr(state, 3) != ") Z";
}

// A process in a group of its own with this environment ("NAME=VALUE").
struct LeftBehind {
  explicit LeftBehind(std::vector<std::string> environment) {
    std::vector<char*> variables;
    variables.reserve(environment.size() + 1);
    for (std::string& entry : environment) variables.push_back(entry.data());
    variables.push_back(nullptr);
    std::string program = "/bin/sleep";
    std::string seconds = "600";
    const std::array<char*, 3> words = {program.data(), seconds.data(), nullptr};
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    // house-rules: allow shell because it has to look as if its Bascule had died
    EXPECT_EQ(::posix_spawn(&process, program.c_str(), nullptr, &attributes, words.data(),
                            variables.data()),
              0);
    ::posix_spawnattr_destroy(&attributes);
  }
  ~LeftBehind() { end(); }
  LeftBehind(const LeftBehind&) = delete;
  LeftBehind& operator=(const LeftBehind&) = delete;
  void end() {
    if (process == 0) return;
    ::kill(process, SIGKILL);
    ::waitpid(process, nullptr, 0);
    process = 0;
  }
  pid_t process = 0;
};

}  // namespace bascule::hook
