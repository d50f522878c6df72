#include "notifiers/log/log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "async/pool.h"

namespace bascule {
namespace {

std::string_view word_of(Severity severity) {
  switch (severity) {
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  return "info";
}

Json to_json(const Message& message) {
  return Json{{"at", to_rfc3339(message.at)},
              {"severity", std::string(word_of(message.severity))},
              {"group", message.group.empty() ? Json(nullptr) : Json(message.group.text())},
              {"run", message.run.empty() ? Json(nullptr) : Json(message.run.text())},
              {"seq", message.seq},
              {"title", message.title},
              {"text", message.text},
              {"data", message.data}};
}

// One write per line to a file opened for appending: lines of several processes do not mix. Opened
// for each line, so that a rotated file is followed.
Result<void> append_line(const std::string& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0)
    return fail(ErrorCode::unavailable, "{} cannot be opened: {}", path, std::strerror(errno));
  const ssize_t written = ::write(file, line.data(), line.size());
  const int problem = errno;
  ::close(file);
  if (written == static_cast<ssize_t>(line.size())) return {};
  return fail(ErrorCode::unavailable, "{} cannot be written: {}", path,
              written < 0 ? std::strerror(problem) : "the disk is full");
}

class LogNotifier final : public Notifier {
 public:
  explicit LogNotifier(std::string path) : path_(std::move(path)), pool_(1, 64) {}

  awaitable<Result<void>> send(Message message, Deadline) override {
    const std::string line = to_text(to_json(message)) + "\n";
    const std::string path = path_;
    co_return co_await pool_.run([path, line] { return append_line(path, line); });
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
    return std::make_shared<LogNotifier>(text_or(settings, "path"));
  };
  return log;
}

}  // namespace bascule
