#include "providers/hook/check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "async/event.h"
#include "async/pool.h"
#include "providers/hook/command_line.h"
#include "providers/hook/orphan.h"

namespace bascule::hook {
namespace {

constexpr std::size_t kSummaryBytes = 300;
constexpr std::size_t kTextBytes = 2 * 1024;
// Of the time for one look this part is kept for ending a command that does not end by itself.
constexpr int kPartToEnd = 5;
constexpr Duration kLongestEnd{2'000};

Health health_of(const Exit& exit) {
  if (exit.signal) return Health::unknown;
  switch (exit.code) {
    case 0:
      return Health::healthy;
    case 1:
      return Health::degraded;
    case 2:
      return Health::critical;
    default:
      return Health::unknown;
  }
}

// "TEXT | PERFORMANCE DATA" in the first line, more text below.
struct Said {
  std::string summary, performance, more;
};

Said read(const std::string& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string first = text.substr(0, end);
  const std::size_t bar = std::min(first.find('|'), first.size());
  const auto trimmed = [](std::string part) {
    const std::size_t begin = part.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) return std::string();
    return part.substr(begin, part.find_last_not_of(" \t\r\n") - begin + 1);
  };
  Said said;
  said.summary = one_line(trimmed(first.substr(0, bar)), kSummaryBytes);
  if (bar < first.size()) said.performance = one_line(trimmed(first.substr(bar + 1)), kTextBytes);
  if (end < text.size()) said.more = one_line(trimmed(text.substr(end + 1)), kTextBytes);
  return said;
}

class HookProbe final : public Probe {
 public:
  HookProbe(CommandLine command, CheckReference check, Clock& clock)
      : command_(std::move(command)), check_(std::move(check)), clock_(clock) {}

  awaitable<Observation> look(Deadline deadline) override {
    while (looking_) {
      if (co_await ended_.wait(clock_, deadline)) continue;
      co_return without_answer({ErrorCode::timeout, "the look before it did not end", "", {}});
    }
    const Turn turn(*this);
    if (!alone_) {
      const Result<void> ended = co_await end_what_was_left();
      if (!ended) co_return unknown(ended.error());
      alone_ = true;
    }
    const Duration to_end = std::min(deadline.left(clock_) / kPartToEnd, kLongestEnd);
    const Result<Exit> exit = co_await execute(clock_, command_, environment(), to_end / 2,
                                               Deadline(deadline.at() - to_end));
    if (exit) co_return judge(*exit);
    const bool late = exit.error().code == ErrorCode::timeout;
    co_return late ? without_answer(exit.error()) : unknown(exit.error());
  }

  // There is nothing to hold.
  awaitable<void> watch(Watcher&) override {
    constexpr Duration kLong{3'600'000};
    while (true) co_await wait_for(clock_, kLong);
  }

 private:
  // While it lives no other look runs the command; also when its frame is destroyed in the middle.
  class Turn {
   public:
    explicit Turn(HookProbe& probe) : probe_(probe) { probe_.looking_ = true; }
    ~Turn() {
      probe_.looking_ = false;
      probe_.ended_.notify_all();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    HookProbe& probe_;
  };

  static Observation without_answer(const Error& error) {
    Observation seen = unknown(error);
    seen.health = Health::failed;
    return seen;
  }
  static Observation unknown(const Error& error) {
    Observation seen;
    seen.health = Health::unknown;
    seen.error = error;
    seen.summary = error.message;
    return seen;
  }

  [[nodiscard]] std::map<std::string, std::string> identity() const {
    return {{"BASCULE_GROUP", check_.group.text()},
            {"BASCULE_SITE", check_.site.text()},
            {"BASCULE_CHECK", check_.check.text()}};
  }
  [[nodiscard]] std::map<std::string, std::string> environment() const {
    std::map<std::string, std::string> variables = identity();
    variables.emplace(kParentVariable, std::to_string(::getpid()));
    return variables;
  }

  awaitable<Result<void>> end_what_was_left() {
    std::vector<std::string> entries;
    for (const auto& [name, value] : identity()) entries.push_back(name + "=" + value);
    const auto end = [entries] { end_orphans(entries); };
    BlockingPool pool(1, 1);
    co_return co_await pool.run(end);
  }

  [[nodiscard]] Observation judge(const Exit& exit) const {
    std::string text = text_of(exit.standard_output, command_);
    if (text.empty()) text = text_of(exit.standard_error, command_);
    Said said = read(text);
    Observation seen;
    seen.health = health_of(exit);
    seen.latency = exit.took;
    seen.detail = {{"exit_code", exit.code},
                   {"performance", std::move(said.performance)},
                   {"text", std::move(said.more)}};
    seen.summary = std::move(said.summary);
    constexpr int kLastOfPlugins = 3;
    if (exit.signal || exit.code > kLastOfPlugins || exit.code < 0) {
      seen.summary = fmt::format("{} {}{}", command_.program(), exit.sentence(),
                                 seen.summary.empty() ? "" : ": " + seen.summary);
      seen.error = Error{ErrorCode::unavailable, seen.summary, "", std::nullopt};
    }
    if (seen.summary.empty()) seen.summary = exit.sentence();
    return seen;
  }

  CommandLine command_;
  CheckReference check_;
  Clock& clock_;
  bool looking_ = false;
  Event ended_;
  bool alone_ = false;  // nothing of a Bascule before this one is left
};

}  // namespace

ProbeKind probe_kind() {
  ProbeKind hook;
  hook.kind.name = "hook";
  hook.kind.role = KindRole::probe;
  hook.kind.summary =
      "A command by the rules of Nagios plugins: exit 0 healthy, 1 degraded, 2 critical, 3 "
      "unknown; "
      "not in time failed; any other end unknown.";
  hook.kind.fields = {command_field("run", "The command and its arguments.", true)};
  for (Field& field : common_fields()) hook.kind.fields.push_back(std::move(field));
  hook.make = [](ProbeContext context, Services& services) -> Result<std::shared_ptr<Probe>> {
    auto command = read_command_line(context.settings, "run", services.secrets);
    if (!command) return error_of(command);
    if (command->empty()) return fail(ErrorCode::invalid, "`run` names no command");
    return std::make_shared<HookProbe>(std::move(*command), context.check, services.clock);
  };
  return hook;
}

}  // namespace bascule::hook
