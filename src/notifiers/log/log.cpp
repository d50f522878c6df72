#include "notifiers/log/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "async/pool.h"

namespace bascule {
namespace {

constexpr int kAppend = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr mode_t kMode = 0640;

Json to_json(const Message& message) {
  return Json{{"at", to_rfc3339(message.at)},
              {"severity", std::string(to_string(message.severity))},
              {"group", message.group.empty() ? Json(nullptr) : Json(message.group.text())},
              {"run", message.run.empty() ? Json(nullptr) : Json(message.run.text())},
              {"seq", message.seq},
              {"title", message.title},
              {"text", message.text},
              {"data", message.data}};
}

class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return file_; }

 private:
  int file_;
};

// Whether the file ends in the middle of a line: a full disk took only a part of it.
bool is_torn(const std::string& path, int opened) {
  struct stat status{};
  if (::fstat(opened, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
    return false;
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  char last = '\n';
  return file.get() >= 0 && ::pread(file.get(), &last, 1, status.st_size - 1) == 1 && last != '\n';
}

// One write per line to a file opened for appending: lines of several processes do not mix. Opened
// for each line, so that a rotated file is followed; without blocking, for a pipe that nobody reads
// would hold us up for ever.
Result<void> append_line(const std::string& path, const std::string& line) {
  const Descriptor file(::open(path.c_str(), kAppend, kMode));
  if (file.get() < 0)
    return fail(ErrorCode::unavailable, "{} cannot be opened: {}", path, std::strerror(errno));
  const std::string text = is_torn(path, file.get()) ? "\n" + line : line;
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) return {};
  return fail(ErrorCode::unavailable, "{} cannot be written: {}", path,
              written < 0 ? std::strerror(errno) : "only a part of the line was taken");
}

// Whether a line could be appended, without making a file that is missing.
Result<void> could_append(const std::string& path) {
  const Descriptor file(::open(path.c_str(), kAppend & ~O_CREAT));
  if (file.get() >= 0) return {};
  int why = errno;
  if (why == ENOENT) {
    const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
    if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
    why = errno;
  }
  return fail(ErrorCode::unavailable, "{} cannot be opened: {}", path, std::strerror(why));
}

class LogNotifier final : public Notifier {
 public:
  explicit LogNotifier(std::string path) : path_(std::move(path)), pool_(1, 64) {}

  awaitable<Result<void>> send(Message message, Deadline) override {
    const std::string line = to_text(to_json(message)) + "\n";
    const std::string path = path_;
    const auto append = [path, line] { return append_line(path, line); };
    co_return co_await pool_.run(append);
  }

  awaitable<Result<void>> reach(Deadline) override {
    const std::string path = path_;
    const auto ask = [path] { return could_append(path); };
    co_return co_await pool_.run(ask);
  }

 private:
  std::string path_;
  BlockingPool pool_;
};

}  // namespace

NotifierKind log_notifier() {
  NotifierKind log;
  log.kind.name = "log";
  log.kind.role = KindRole::notifier;
  log.kind.summary = "Appends each message as one line of JSON to a file.";
  log.kind.fields = {
      Field{.name = "path", .summary = "The file; made when it does not exist.", .required = true}};
  log.make = [](Json settings, Services&) -> Result<std::shared_ptr<Notifier>> {
    if (text_or(settings, "path").empty()) return fail(ErrorCode::invalid, "`path` names no file");
    return std::make_shared<LogNotifier>(text_or(settings, "path"));
  };
  return log;
}

}  // namespace bascule
