#include "providers/hook/hook.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "async/child_process.h"
#include "providers/hook/orphan.h"

namespace bascule::hook {
namespace {

constexpr int kTryAgain = 75;        // EX_TEMPFAIL
constexpr std::size_t kShown = 300;  // bytes of output that a message quotes

std::string last_line(const Exit& exit) {
  std::string text = exit.standard_error.text();
  if (text.empty()) text = exit.standard_output.text();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const std::size_t line = text.find_last_of('\n');
  if (line != std::string::npos) text.erase(0, line + 1);
  if (text.size() > kShown) text.resize(kShown);
  return text;
}

std::string describe(const std::vector<std::string>& command, const Exit& exit) {
  const std::string said = last_line(exit);
  return fmt::format("{} {}{}", command.front(), exit.sentence(), said.empty() ? "" : ": " + said);
}

struct Settings {
  std::vector<std::string> run, proof, undo;
  Delivery delivery = Delivery::proven;
  std::string working_directory;
  SiteName site;
};

class Hook final : public Action {
 public:
  Hook(Settings settings, Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    Inspection inspection;
    inspection.change = fmt::format("run {}", fmt::join(settings_.run, " "));
    inspection.prior = Json::object();
    if (call.attempt > 0) {
      // The process of an attempt whose Bascule died may still be at work.
      if (const auto orphan = find_orphan(call.run.text(), call.step.text())) {
        inspection.finding = Finding::pending;
        inspection.because =
            fmt::format("{} still runs as process {}", settings_.run.front(), *orphan);
        co_return inspection;
      }
    }
    if (settings_.proof.empty()) {
      inspection.finding = Finding::needed;
      co_return inspection;
    }
    Result<Exit> exit = co_await execute(settings_.proof, call);
    if (!exit) co_return error_of(exit);
    if (exit->signal || exit->code > 1) {
      co_return fail(ErrorCode::unavailable, "proof cannot tell: {}",
                     describe(settings_.proof, *exit));
    }
    inspection.finding = exit->code == 0 ? Finding::done : Finding::needed;
    inspection.because = last_line(*exit);
    co_return inspection;
  }

  awaitable<Result<Outputs>> apply(StepCall call) override {
    Result<Exit> exit = co_await execute(settings_.run, call);
    if (!exit) co_return fail(lost(exit.error()));
    if (auto failed = failure(settings_.run, *exit)) co_return fail(std::move(*failed));
    co_return Outputs{{"output", Json(exit->standard_output.text())}};
  }

  awaitable<Result<void>> revert(StepCall call) override {
    if (settings_.undo.empty()) co_return fail(ErrorCode::invalid, "the hook has no `undo`");
    Result<Exit> exit = co_await execute(settings_.undo, call);
    if (!exit) co_return error_of(exit);
    if (auto failed = failure(settings_.undo, *exit)) co_return fail(std::move(*failed));
    co_return Result<void>();
  }

 private:
  awaitable<Result<Exit>> execute(std::vector<std::string> argv, StepCall call) {
    Command command;
    command.argv = std::move(argv);
    command.working_directory = settings_.working_directory;
    command.environment = {{"BASCULE_GROUP", call.group.text()},
                           {"BASCULE_SITE", settings_.site.text()},
                           {"BASCULE_SOURCE", call.source.text()},
                           {"BASCULE_TARGET", call.target.text()},
                           {"BASCULE_MOVE", std::string(to_string(call.move))},
                           {"BASCULE_RUN", call.run.text()},
                           {"BASCULE_STEP", call.step.text()},
                           {"BASCULE_TERM", std::to_string(call.term)},
                           {"BASCULE_GENERATION", std::to_string(call.generation)},
                           {"BASCULE_ATTEMPT", std::to_string(call.attempt)}};
    co_return co_await run_command(clock_, std::move(command), call.deadline);
  }

  // What was killed in the middle may have had its effect; only a proof can tell.
  [[nodiscard]] Error lost(Error error) const {
    const bool may_have_run = error.code == ErrorCode::timeout || error.code == ErrorCode::canceled;
    if (may_have_run && settings_.delivery == Delivery::at_most_once) {
      error.code = ErrorCode::outcome_unknown;
    }
    return error;
  }

  static std::optional<Error> failure(const std::vector<std::string>& argv, const Exit& exit) {
    if (exit.succeeded()) return std::nullopt;
    const ErrorCode code = exit.code == kTryAgain ? ErrorCode::unavailable : ErrorCode::invalid;
    return Error{code, describe(argv, exit), std::string(), std::nullopt};
  }

  Settings settings_;
  Clock& clock_;
};

Field command_field(std::string name, std::string summary, bool required) {
  Field field{.name = std::move(name),
              .type = FieldType::list,
              .summary = std::move(summary),
              .required = required};
  field.items = {Field{.name = "word", .type = FieldType::text}};
  return field;
}

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
            .words = {"at_most_once", "at_least_once"}},
      Field{.name = "directory", .summary = "Where it runs; default: where Bascule runs."}};
  hook.kind.outputs = {Field{.name = "output", .summary = "What it wrote to standard output."}};
  hook.kind.reversible_with = "undo";
  hook.kind.rung_from = "rung";
  hook.kind.proof_from = "proof";
  hook.kind.preflight = true;
  hook.make = [](ActionContext context, Services& services) -> Result<std::shared_ptr<Action>> {
    Settings settings;
    settings.run = texts_or_empty(context.settings, "run");
    settings.proof = texts_or_empty(context.settings, "proof");
    settings.undo = texts_or_empty(context.settings, "undo");
    settings.working_directory = text_or(context.settings, "directory");
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
