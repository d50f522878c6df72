#include "providers/hook/hook.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "async/child_process.h"
#include "async/pool.h"
#include "providers/hook/command_line.h"
#include "providers/hook/orphan.h"

namespace bascule::hook {
namespace {

constexpr int kTryAgain = 75;      // EX_TEMPFAIL
constexpr Duration kGrace{2'000};  // between SIGTERM and SIGKILL

struct Settings {
  CommandLine run, proof, undo;
  Delivery delivery = Delivery::proven;
  std::string cluster;
  SiteName site;
};

class Hook final : public Action {
 public:
  Hook(Settings settings, Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    Inspection inspection;
    inspection.change = "run " + shown(settings_.run);
    inspection.prior = Json::object();
    if (call.attempt > 0) {
      const Result<std::string> orphan = co_await orphan_of(call);
      if (!orphan) co_return error_of(orphan);
      if (!orphan->empty()) {
        inspection.finding = Finding::pending;
        inspection.because = *orphan;
        co_return inspection;
      }
    }
    if (settings_.proof.empty()) co_return inspection;
    Result<Exit> exit = co_await run(settings_.proof, call);
    if (!exit) co_return error_of(exit);
    if (exit->signal || exit->code > 1) {
      co_return fail(ErrorCode::unavailable, "proof cannot tell: {}",
                     describe(settings_.proof, *exit));
    }
    inspection.finding = exit->code == 0 ? Finding::done : Finding::needed;
    inspection.because = last_line(*exit, settings_.proof);
    co_return inspection;
  }

  awaitable<Result<Outputs>> apply(StepCall call) override {
    if (call.attempt > 1) {
      const Result<void> alone = co_await wait_for_no_orphan(call);
      if (!alone) co_return error_of(alone);
    }
    Result<Exit> exit = co_await run(settings_.run, call);
    if (!exit) co_return fail(lost(exit.error()));
    if (auto failed = failure(settings_.run, *exit)) co_return fail(std::move(*failed));
    co_return Outputs{{"output", Json(text_of(exit->standard_output, settings_.run))}};
  }

  awaitable<Result<void>> revert(StepCall call) override {
    if (settings_.undo.empty()) co_return fail(ErrorCode::invalid, "the hook has no `undo`");
    const Result<void> alone = co_await wait_for_no_orphan(call);
    if (!alone) co_return error_of(alone);
    Result<Exit> exit = co_await run(settings_.undo, call);
    if (!exit) co_return error_of(exit);
    if (auto failed = failure(settings_.undo, *exit)) co_return fail(std::move(*failed));
    co_return Result<void>();
  }

 private:
  [[nodiscard]] std::map<std::string, std::string> identity(const StepCall& call) const {
    return {{"BASCULE_CLUSTER", settings_.cluster},
            {"BASCULE_GROUP", call.group.text()},
            {"BASCULE_RUN", call.run.text()},
            {"BASCULE_STEP", call.step.text()}};
  }

  awaitable<Result<Exit>> run(CommandLine command, StepCall call) {
    std::map<std::string, std::string> environment = identity(call);
    environment.merge(
        std::map<std::string, std::string>{{"BASCULE_SITE", settings_.site.text()},
                                           {"BASCULE_SOURCE", call.source.text()},
                                           {"BASCULE_TARGET", call.target.text()},
                                           {"BASCULE_MOVE", std::string(to_string(call.move))},
                                           {"BASCULE_TERM", std::to_string(call.term)},
                                           {"BASCULE_GENERATION", std::to_string(call.generation)},
                                           {"BASCULE_ATTEMPT", std::to_string(call.attempt)}});
    co_return co_await execute(clock_, std::move(command), std::move(environment), kGrace,
                               call.deadline);
  }

  // The process of an attempt whose Bascule died, which may still be at work, in words; empty:
  // none.
  awaitable<Result<std::string>> orphan_of(StepCall call) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : identity(call)) entries.push_back(name + "=" + value);
    const auto find = [entries] { return find_orphan(entries); };
    BlockingPool pool(1, 1);
    const auto found = co_await pool.run(find);
    if (!found) co_return error_of(found);
    if (!*found) co_return std::string();
    co_return fmt::format("an earlier attempt still runs as process {}", **found);
  }

  // Two processes of one step never run at the same time.
  awaitable<Result<void>> wait_for_no_orphan(StepCall call) {
    const Result<std::string> orphan = co_await orphan_of(std::move(call));
    if (!orphan) co_return error_of(orphan);
    if (orphan->empty()) co_return Result<void>();
    co_return fail(ErrorCode::unavailable, "{}", *orphan);
  }

  // What was killed in the middle may have had its effect.
  [[nodiscard]] Error lost(Error error) const {
    const bool may_have_run = error.code == ErrorCode::timeout || error.code == ErrorCode::canceled;
    if (may_have_run && settings_.delivery == Delivery::at_most_once) {
      error.code = ErrorCode::outcome_unknown;
    }
    return error;
  }

  static std::string describe(const CommandLine& command, const Exit& exit) {
    const std::string said = last_line(exit, command);
    return fmt::format("{} {}{}", command.program(), exit.sentence(),
                       said.empty() ? "" : ": " + said);
  }

  // An exit code is the hook's own word. A signal is nobody's: how far it came is not known.
  static std::optional<Error> failure(const CommandLine& command, const Exit& exit) {
    if (exit.succeeded()) return std::nullopt;
    ErrorCode code = ErrorCode::invalid;
    if (exit.code == kTryAgain) code = ErrorCode::unavailable;
    if (exit.signal) code = ErrorCode::outcome_unknown;
    return Error{code, describe(command, exit), std::string(), std::nullopt};
  }

  Settings settings_;
  Clock& clock_;
};

}  // namespace

ActionKind action_kind() {
  ActionKind hook;
  hook.kind.name = "hook";
  hook.kind.summary = "Runs a command of the operator, without a shell.";
  hook.kind.fields = {
      command_field("run", "The command and its arguments.", true),
      command_field("proof", "Exit 0: it is so. 1: it is not so. Other: cannot be told.", false),
      command_field("undo", "Takes it back; without it the hook is not reversible.", false),
      Field{.name = "rung",
            .type = FieldType::word,
            .summary = "How surely it stops the site, as a fence.",
            .default_value = "none",
            .words = {"none", "advisory", "sealed", "cut"}},
      Field{.name = "delivery",
            .type = FieldType::word,
            .summary = "Without `proof`: how often it may run when its outcome is lost.",
            .words = {"at_most_once", "at_least_once"}}};
  for (Field& field : common_fields()) hook.kind.fields.push_back(std::move(field));
  hook.kind.fields.push_back(Field{
      .name = "at", .summary = "The place of what it needs; without it, it survives every site."});
  hook.kind.outputs = {Field{.name = "output", .summary = "What it wrote to standard output."}};
  hook.kind.reversible_with = "undo";
  hook.kind.rung_from = "rung";
  hook.kind.proof_from = "proof";
  hook.kind.preflight = true;
  hook.remedy = "run its `proof` by hand and read what it writes";
  hook.make = [](ActionContext context, Services& services) -> Result<std::shared_ptr<Action>> {
    Settings settings;
    for (const auto& [name, command] :
         {std::pair{"run", &settings.run}, std::pair{"proof", &settings.proof},
          std::pair{"undo", &settings.undo}}) {
      auto words = read_command_line(context.settings, name, services.secrets);
      if (!words) return error_of(words);
      *command = std::move(*words);
    }
    settings.cluster = context.cluster;
    settings.site = context.site;
    if (settings.run.empty()) return fail(ErrorCode::invalid, "`run` names no command");
    if (settings.proof.empty()) {
      settings.delivery =
          parse_word<Delivery>(text_or(context.settings, "delivery", "at_most_once"))
              .value_or(Delivery::at_most_once);
    }
    return std::make_shared<Hook>(std::move(settings), services.clock);
  };
  return hook;
}

}  // namespace bascule::hook
