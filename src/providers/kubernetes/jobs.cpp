// A job of Kubernetes as a step: run once per run and step, waited for, its log's tail kept.
#include <utility>
#include <vector>

#include "providers/kubernetes/object.h"

namespace bascule::kubernetes {
namespace {

constexpr int kLogLines = 20;
constexpr std::size_t kNameMax = 63;
constexpr const char* kStepLabel = "bascule.dev/step";

struct JobSettings {
  std::string image;
  std::vector<std::string> command;
  Json environment = Json::object();
  std::string service_account;
  std::int64_t attempts = 1;
};

std::optional<std::string> ended_badly(const Json& job) {
  const Json& conditions = member(job, {"status", "conditions"});
  if (!conditions.is_array()) return std::nullopt;
  for (const Json& each : conditions) {
    if (text_or(each, "type") != "Failed" || text_or(each, "status") != "True") continue;
    return fmt::format("it failed: {} {}", net::excerpt(text_or(each, "reason"), 80),
                       net::excerpt(text_or(each, "message"), 120));
  }
  return std::nullopt;
}

bool has_completed(const Json& job) {
  const Json& conditions = member(job, {"status", "conditions"});
  if (!conditions.is_array()) return false;
  for (const Json& each : conditions) {
    if (text_or(each, "type") == "Complete" && text_or(each, "status") == "True") return true;
  }
  return false;
}

class RunJob final : public Action {
 public:
  RunJob(Target target, JobSettings settings)
      : target_(std::move(target)), settings_(std::move(settings)) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    Inspection inspection;
    inspection.change =
        fmt::format("run job {} with {}", target_.text(), net::excerpt(settings_.image, 120));
    const Target target = named_for(call);
    const Result<Json> job = co_await target.get(call.deadline);
    note_trust(target, inspection);
    if (!job && job.error().code == ErrorCode::not_found) co_return inspection;
    if (!job) co_return fail(in_context(target.text(), job.error()));
    inspection.fingerprint = text_or(member(*job, {"metadata"}), "uid");
    const auto failure = ended_badly(*job);
    if (!failure && !has_completed(*job)) {
      inspection.finding = Finding::pending;
      inspection.because =
          fmt::format("{} of its pods run, {} have failed", number(*job, {"status", "active"}),
                      number(*job, {"status", "failed"}));
      co_return inspection;
    }
    const std::string log = co_await tail_of(target, call.deadline);
    inspection.facts["log"] = log;
    inspection.finding = failure ? Finding::blocked : Finding::done;
    if (failure) inspection.because = *failure + "; its log ends: " + last_line(log);
    co_return inspection;
  }

  awaitable<Result<Outputs>> apply(StepCall call) override {
    const Target target = named_for(call);
    const std::string path = object_path(target.group_version, target.plural, target.space);
    const Result<Json> made = co_await target.client->create(path, manifest(call), call.deadline);
    // It is there from an attempt before whose answer was lost.
    const bool exists = !made && made.error().code == ErrorCode::conflict;
    if (!made && !exists) co_return fail(in_context(target.text(), made.error()));
    co_return Outputs{{"job", target.name}};
  }

  awaitable<Result<void>> revert(StepCall) override {
    co_return fail(ErrorCode::invalid, "what {} did cannot be taken back", target_.text());
  }

 private:
  // One name per run and step, so that no run starts it twice.
  [[nodiscard]] Target named_for(const StepCall& call) const {
    Target target = target_;
    const std::string of = fingerprint(Json{call.run.text(), call.step.text()});
    target.name = target.name.substr(0, kNameMax - of.size() - 1) + "-" + of;
    return target;
  }

  [[nodiscard]] Json manifest(const StepCall& call) const {
    Json container = {{"name", "job"}, {"image", settings_.image}};
    if (!settings_.command.empty()) container["command"] = settings_.command;
    for (const auto& [name, value] : settings_.environment.items()) {
      container["env"].push_back({{"name", name}, {"value", value}});
    }
    Json pod = {{"restartPolicy", "Never"}, {"containers", Json::array({container})}};
    if (!settings_.service_account.empty()) pod["serviceAccountName"] = settings_.service_account;
    return {{"apiVersion", "batch/v1"},
            {"kind", "Job"},
            {"metadata",
             {{"name", named_for(call).name},
              {"annotations", {{kStepLabel, call.run.text() + "/" + call.step.text()}}}}},
            {"spec",
             {{"backoffLimit", settings_.attempts - 1}, {"template", {{"spec", std::move(pod)}}}}}};
  }

  // What is known of it stands without its log: a log that cannot be had says why instead.
  awaitable<std::string> tail_of(Target target, Deadline deadline) const {
    const std::string pods = object_path("v1", "pods", target.space);
    const Result<Json> listed = co_await target.client->get(
        pods + "?limit=10&labelSelector=job-name%3D" + net::percent_encode(target.name), deadline);
    if (!listed) co_return "(" + listed.error().message + ")";
    const Json& items = member(*listed, {"items"});
    if (!items.is_array() || items.empty()) co_return "(its pod is gone)";
    const std::string newest = text_or(member(items.back(), {"metadata"}), "name");
    const Result<std::string> log = co_await target.client->get_text(
        fmt::format("{}/{}/log?tailLines={}", pods, net::percent_encode(newest), kLogLines),
        deadline);
    co_return log ? *log : "(" + log.error().message + ")";
  }
  static std::string last_line(std::string log) {
    while (log.ends_with('\n')) log.pop_back();
    const auto begin = log.rfind('\n');
    return net::excerpt(begin == std::string::npos ? log : log.substr(begin + 1), 200);
  }

  Target target_;
  JobSettings settings_;
};

}  // namespace

ActionKind job_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("kubernetes.job",
                            "Runs a program in the cluster once, waits for its end and keeps the "
                            "tail of its log.",
                            Field{.name = "name",
                                  .summary = "Of the job; a mark of run and step follows it.",
                                  .required = true},
                            {"get and create jobs", "list pods", "get pods/log"});
  action.kind.fields.push_back(Field{.name = "image", .summary = "What is run.", .required = true});
  action.kind.fields.push_back(Field{.name = "command",
                                     .type = FieldType::list,
                                     .summary = "Program and arguments; default the image's own.",
                                     .items = {Field{.name = "word"}}});
  action.kind.fields.push_back(Field{.name = "env",
                                     .type = FieldType::map,
                                     .summary = "Its environment; no secrets, the job shows it.",
                                     .items = {Field{.name = "value"}}});
  action.kind.fields.push_back(
      Field{.name = "service_account", .summary = "Whose permissions it has in the cluster."});
  action.kind.fields.push_back(Field{.name = "attempts",
                                     .type = FieldType::integer,
                                     .summary = "Pods that may fail before it has failed.",
                                     .default_value = 1,
                                     .minimum = 1,
                                     .maximum = 100});
  action.kind.outputs = {Field{.name = "job", .summary = "Its name in the cluster."}};
  action.kind.reversible = false;
  action.remedy = "read its log with `kubectl --context CONTEXT -n NAMESPACE logs job/NAME`";
  action.make = [clusters](ActionContext context,
                           Services& services) -> Result<std::shared_ptr<Action>> {
    const Json& given = context.settings;
    Result<Target> target =
        read_target(given, *clusters, services.clock, "batch/v1", "jobs", "name");
    if (!target) return error_of(target);
    JobSettings settings;
    settings.image = text_or(given, "image");
    settings.command = texts_or_empty(given, "command");
    if (const Json& environment = member(given, {"env"}); environment.is_object()) {
      settings.environment = environment;
    }
    settings.service_account = text_or(given, "service_account");
    settings.attempts = integer_or(given, "attempts", 1);
    return std::make_shared<RunJob>(*std::move(target), std::move(settings));
  };
  return action;
}

}  // namespace bascule::kubernetes
