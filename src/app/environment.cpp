#include "app/environment.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace bascule::app {
namespace {

ErrorCode code_of(int problem) {
  switch (problem) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::not_found;
    case EACCES:
    case EPERM:
      return ErrorCode::denied;
    case EEXIST:
      return ErrorCode::conflict;
    default:
      return lacks_resources(problem) ? ErrorCode::unable : ErrorCode::unavailable;
  }
}

// What strerror says, beginning with a small letter, to follow a colon.
std::string reason(int problem) {
  std::string text = std::strerror(problem);
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z')
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

struct File {
  int descriptor;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

}  // namespace

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<std::string> read_file(const std::string& path, std::size_t size_max) {
  const File file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.descriptor < 0) return fail(code_of(errno), "{}", reason(errno));
  std::string content;
  std::array<char, 16'384> piece{};
  while (true) {
    const ssize_t count = ::read(file.descriptor, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(code_of(errno), "{}", reason(errno));
    if (count == 0) return content;
    content.append(piece.data(), static_cast<std::size_t>(count));
    if (content.size() > size_max)
      return fail(ErrorCode::invalid, "larger than {} bytes", size_max);
  }
}

Error file_error(const std::string& path, int problem) {
  return Error{code_of(problem), path + ": " + reason(problem), "", std::nullopt};
}

Result<void> write_private_file(const std::string& path, const std::string& content) {
  const File file{::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (file.descriptor < 0) return fail(file_error(path, errno));
  const ssize_t written = ::write(file.descriptor, content.data(), content.size());
  if (written == static_cast<ssize_t>(content.size())) return {};
  return fail(ErrorCode::unavailable, "{}: {}", path,
              written < 0 ? reason(errno) : "the disk is full");
}

config::Environment system_environment() {
  config::Environment environment;
  environment.variable = [](const std::string& name) { return variable(name); };
  environment.read_file = [](const std::string& path, std::size_t size_max) {
    return read_file(path, size_max);
  };
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) environment.host_name = name.data();
  return environment;
}

}  // namespace bascule::app
