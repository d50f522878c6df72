// Child processes by posix_spawn, watched through a pidfd: no thread, no SIGCHLD handler, no fork
// of our own. A process is reaped only after its group has been dealt with, so that its process
// group id cannot meanwhile belong to somebody else.
#include "async/child_process.h"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "async/capture.h"
#include "async/with_deadline.h"
#include "base/assert.h"

extern char** environ;

namespace bascule {

namespace asio = boost::asio;

namespace {

// How long a process may take to die of SIGKILL before we stop waiting for it.
constexpr Duration kKillPatience{5000};

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

std::string text_of(int error_number) {
  return std::generic_category().message(error_number);
}

std::unexpected<Error> no_resources(std::string_view what, int error_number) {
  const ErrorCode code = lacks_resources(error_number) ? ErrorCode::unable : ErrorCode::unavailable;
  return fail(code, "cannot {}: {}", what, text_of(error_number));
}

// The write end and the read end live in different processes; both ends are ours until the spawn.
struct Pipe {
  Descriptor read;
  Descriptor write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return no_resources("make a pipe", errno);
  Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return no_resources("make a pipe", errno);
  }
  return pipe;
}

// A file in memory: the program may read it or not, at its own pace.
Result<Descriptor> make_input(const std::string& bytes) {
  if (bytes.empty()) {
    Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!nothing.valid()) return no_resources("open /dev/null", errno);
    return nothing;
  }
  Descriptor file(::memfd_create("standard input", MFD_CLOEXEC));
  if (!file.valid()) return no_resources("make the standard input", errno);
  for (std::size_t written = 0; written < bytes.size();) {
    const ssize_t n = ::write(file.get(), bytes.data() + written, bytes.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return no_resources("fill the standard input", errno);
    written += static_cast<std::size_t>(n);
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return no_resources("rewind the input", errno);
  return file;
}

bool is_inherited(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kInherited = {
      "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM"};
  if (name.starts_with("LC_")) return true;
  return std::find(kInherited.begin(), kInherited.end(), name) != kInherited.end();
}

std::vector<std::string> environment_of(const Command& command) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !is_inherited(text.substr(0, equals))) continue;
    merged.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const auto& [name, value] : command.environment) merged[name] = value;
  std::vector<std::string> lines;
  lines.reserve(merged.size());
  for (const auto& [name, value] : merged) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<void> check(const Command& command) {
  if (command.argv.empty() || command.argv.front().empty()) {
    return fail(ErrorCode::invalid, "the command is empty");
  }
  for (const std::string& argument : command.argv) {
    if (argument.contains('\0')) return fail(ErrorCode::invalid, "an argument holds a NUL byte");
  }
  for (const auto& [name, value] : command.environment) {
    if (name.empty() || name.contains('=') || name.contains('\0') || value.contains('\0')) {
      return fail(ErrorCode::invalid, "the environment variable \"{}\" cannot be set", name);
    }
  }
  struct stat about{};
  const std::string& directory = command.working_directory;
  if (!directory.empty() && (::stat(directory.c_str(), &about) != 0 || !S_ISDIR(about.st_mode))) {
    return fail(ErrorCode::not_found, "the working directory {} does not exist", directory);
  }
  return {};
}

// posix_spawn's two option objects, released together.
class SpawnOptions {
 public:
  SpawnOptions() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
  }
  ~SpawnOptions() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  SpawnOptions(const SpawnOptions&) = delete;
  SpawnOptions& operator=(const SpawnOptions&) = delete;

  posix_spawnattr_t attributes{};
  posix_spawn_file_actions_t actions{};
};

Result<pid_t> spawn_process(Command& command, int input, int output, int error_output) {
  SpawnOptions options;
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setpgroup(&options.attributes, 0);
  posix_spawnattr_setsigmask(&options.attributes, &none);
  posix_spawnattr_setsigdefault(&options.attributes, &all);
  posix_spawnattr_setflags(&options.attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_adddup2(&options.actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&options.actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&options.actions, error_output, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&options.actions, STDERR_FILENO + 1);
  if (!command.working_directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&options.actions, command.working_directory.c_str());
  }

  std::vector<std::string> environment = environment_of(command);
  const std::vector<char*> environment_pointers = pointers_to(environment);
  const std::vector<char*> arguments = pointers_to(command.argv);
  pid_t pid = 0;
  const int failed =
      ::posix_spawnp(&pid, command.argv.front().c_str(), &options.actions, &options.attributes,
                     arguments.data(), environment_pointers.data());
  if (failed == 0) return pid;
  const std::string& program = command.argv.front();
  if (failed == ENOENT || failed == ENOTDIR) {
    return fail(ErrorCode::not_found, "{}: no such program (or its interpreter is missing)",
                program);
  }
  if (failed == EACCES || failed == EPERM || failed == ENOEXEC) {
    return fail(ErrorCode::denied, "{} cannot be executed: {}", program, text_of(failed));
  }
  if (failed == E2BIG) return fail(ErrorCode::invalid, "{}: too many arguments", program);
  return no_resources("start " + program, failed);
}

// Reads one pipe as long as somebody writes into it or until close(). Its handlers keep it alive.
class Drain : public std::enable_shared_from_this<Drain> {
 public:
  Drain(const asio::any_io_executor& executor, Descriptor pipe, std::size_t limit)
      : pipe_(executor, pipe.release()), capture_(limit) {}

  void start() {
    pipe_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](boost::system::error_code failed) {
                       if (failed || !self->pipe_.is_open()) return;
                       if (self->read_what_is_there(kTurn)) self->start();
                     });
  }

  // Takes what has been written until now, at most what a pipe holds at a time when somebody keeps
  // writing, and closes.
  Output finish() {
    if (pipe_.is_open()) {
      read_what_is_there(kLast);
      boost::system::error_code ignored;
      pipe_.close(ignored);
    }
    return capture_.output();
  }

 private:
  static constexpr std::size_t kTurn = 256 * 1024;  // then others get their turn
  static constexpr std::size_t kLast = 1024 * 1024;

  // False at the end of the pipe.
  bool read_what_is_there(std::size_t at_most) {
    std::array<char, 16 * 1024> buffer;
    for (std::size_t taken = 0; taken < at_most;) {
      const ssize_t n = ::read(pipe_.native_handle(), buffer.data(), buffer.size());
      if (n > 0) {
        capture_.add(std::string_view(buffer.data(), static_cast<std::size_t>(n)));
        taken += static_cast<std::size_t>(n);
      } else if (n < 0 && errno == EINTR) {
        continue;
      } else {
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      }
    }
    return true;
  }

  asio::posix::stream_descriptor pipe_;
  Capture capture_;
};

// A started program until it has been reaped.
struct Running {
  Running(const asio::any_io_executor& executor, pid_t process, Descriptor pidfd,
          std::shared_ptr<Drain> output, std::shared_ptr<Drain> error_output)
      : pid(process),
        watch(executor, pidfd.release()),
        standard_output(std::move(output)),
        standard_error(std::move(error_output)) {}

  // Only when the io_context is destroyed in the middle: nobody is left to wait.
  ~Running() {
    if (reaped) return;
    ::kill(-pid, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void signal_group(int signal) const { ::kill(-pid, signal); }

  // REQUIRES: the program has ended.
  Exit reap(Microseconds took) {
    siginfo_t info{};
    int waited = 0;
    do {
      waited = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
    } while (waited != 0 && errno == EINTR);
    reaped = true;
    Exit exit;
    exit.process_group = pid;
    exit.took = took;
    exit.standard_output = standard_output->finish();
    exit.standard_error = standard_error->finish();
    exit.code = info.si_status;
    if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
      exit.signal = info.si_status;
      exit.code = 128 + info.si_status;
    }
    return exit;
  }

  pid_t pid;
  asio::posix::stream_descriptor watch;
  std::shared_ptr<Drain> standard_output;
  std::shared_ptr<Drain> standard_error;
  bool reaped = false;
};

Result<std::unique_ptr<Running>> start(const asio::any_io_executor& executor, Command& command) {
  Result<Pipe> output = make_pipe();
  if (!output) return error_of(output);
  Result<Pipe> error_output = make_pipe();
  if (!error_output) return error_of(error_output);
  Result<Descriptor> input = make_input(command.standard_input);
  if (!input) return error_of(input);
  const Result<pid_t> pid =
      spawn_process(command, input->get(), output->write.get(), error_output->write.get());
  if (!pid) return error_of(pid);
  Descriptor pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  if (!pidfd.valid()) {
    const int why = errno;
    ::kill(-*pid, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(*pid), &info, WEXITED);
    return no_resources("watch the program", why);
  }
  const std::size_t limit = command.output_limit;
  auto standard_output = std::make_shared<Drain>(executor, std::move(output->read), limit);
  auto standard_error = std::make_shared<Drain>(executor, std::move(error_output->read), limit);
  standard_output->start();
  standard_error->start();
  return std::make_unique<Running>(executor, *pid, std::move(pidfd), std::move(standard_output),
                                   std::move(standard_error));
}

awaitable<Result<void>> wait_for_end(Running* running) {
  co_await running->watch.async_wait(asio::posix::stream_descriptor::wait_read,
                                     asio::use_awaitable);
  co_return Result<void>();
}

// Ends the whole group; false when the program does not even die of SIGKILL.
awaitable<bool> kill_group(Clock& clock, Running* running, Duration grace) {
  running->signal_group(SIGTERM);
  const Result<void> ended =
      co_await with_deadline(clock, Deadline::in(clock, grace), "", wait_for_end(running));
  // Also when the program itself has ended: others of its group may not have.
  running->signal_group(SIGKILL);
  if (ended) co_return true;
  const Deadline patience = Deadline::in(clock, kKillPatience);
  while (!patience.has_passed(clock)) {
    const Result<void> dead = co_await with_deadline(clock, patience, "", wait_for_end(running));
    if (dead) co_return true;
  }
  co_return false;
}

awaitable<Result<Exit>> run_started(Clock& clock, std::unique_ptr<Running> running,
                                    std::string program, Duration grace, Deadline deadline,
                                    ChildWatcher watcher, MonotonicInstant started,
                                    Duration allowed) {
  if (watcher.on_started) watcher.on_started(running->pid);
  const Result<void> ended =
      co_await with_deadline(clock, deadline, program, wait_for_end(running.get()));
  if (ended) co_return running->reap(elapsed(clock, started));

  const bool died = co_await kill_group(clock, running.get(), grace);
  if (!died) {
    running->reaped = true;  // it stays behind as it is; waiting for it would hang us too
    co_return fail(ErrorCode::timeout, "{}: process {} does not end, even by SIGKILL", program,
                   running->pid);
  }
  const Exit exit = running->reap(elapsed(clock, started));
  if (watcher.on_killed) watcher.on_killed(exit);
  if (ended.error().code != ErrorCode::timeout) co_return error_of(ended);
  co_return fail(ErrorCode::timeout, "{} gave no answer within {}ms and was killed", program,
                 allowed.count());
}

}  // namespace

std::string Exit::sentence() const {
  if (!signal) return fmt::format("ended with code {}", code);
  const char* name = ::sigdescr_np(*signal);
  return fmt::format("was ended by signal {} ({})", *signal, name == nullptr ? "unknown" : name);
}

awaitable<Result<Exit>> run_command(Clock& clock, Command command, Deadline deadline,
                                    ChildWatcher watcher) {
  const Result<void> usable = check(command);
  if (!usable) co_return error_of(usable);
  if (deadline.has_passed(clock)) {
    co_return fail(ErrorCode::timeout, "no time was left to start {}", command.argv.front());
  }
  const MonotonicInstant started = clock.monotonic();
  const Duration allowed = deadline.left(clock);
  Result<std::unique_ptr<Running>> running = start(co_await asio::this_coro::executor, command);
  if (!running) co_return error_of(running);

  // From here on the program exists, and cancellation must not skip its end.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  Result<Exit> exit =
      co_await run_started(clock, std::move(*running), command.argv.front(), command.grace,
                           deadline, std::move(watcher), started, allowed);
  co_await asio::this_coro::throw_if_cancelled(throws);
  co_return exit;
}

}  // namespace bascule
