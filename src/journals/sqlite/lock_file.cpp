#include "journals/sqlite/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bascule::sqlite {
namespace {

std::string read_holder(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t count = ::pread(descriptor, text.data(), text.size(), 0);
  std::string holder(text.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  holder.resize(std::min(holder.size(), holder.find('\n')));
  return holder.empty() ? "another process" : holder;
}

// For people only; the lock does not depend on it.
void write_holder(int descriptor, std::string_view who) {
  const std::string line = std::string(who) + "\n";
  if (::ftruncate(descriptor, 0) == 0) {
    [[maybe_unused]] const ssize_t written = ::pwrite(descriptor, line.data(), line.size(), 0);
  }
}

}  // namespace

Result<void> LockFile::acquire(std::string_view who) {
  const int descriptor = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    const int error = errno;
    const bool refused = error == EACCES || error == EPERM || error == EROFS;
    return fail(refused ? ErrorCode::denied : ErrorCode::unavailable, "{}: {}", path_.string(),
                std::strerror(error));
  }
  if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const std::string holder = read_holder(descriptor);
    ::close(descriptor);
    if (error != EWOULDBLOCK) {
      return fail(ErrorCode::unavailable, "{}: {}", path_.string(), std::strerror(error));
    }
    return fail(Error{ErrorCode::unavailable, fmt::format("held by {}", holder),
                      "ask that process instead, or stop it first", std::nullopt});
  }
  write_holder(descriptor, who);
  descriptor_ = descriptor;
  return {};
}

void LockFile::release() {
  if (descriptor_ < 0) return;
  write_holder(descriptor_, "");
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace bascule::sqlite
