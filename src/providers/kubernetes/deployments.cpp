#include "providers/kubernetes/deployments.h"

#include <utility>

namespace bascule::kubernetes {
namespace {

constexpr const char* kStamp = "bascule.dev/restarted-by";
constexpr const char* kRestartedAt = "kubectl.kubernetes.io/restartedAt";  // as kubectl leaves it
constexpr std::int64_t kReplicasMax = 100'000;

std::optional<std::string> progress_failure(const Json& deployment) {
  const Json& conditions = member(deployment, {"status", "conditions"});
  if (!conditions.is_array()) return std::nullopt;
  for (const Json& each : conditions) {
    if (text_or(each, "type") == "Progressing" &&
        text_or(each, "reason") == "ProgressDeadlineExceeded") {
      return net::excerpt(text_or(each, "message", "it exceeded its progress deadline"), 200);
    }
  }
  return std::nullopt;
}

bool is_seen(const Json& deployment) {
  return number(deployment, {"metadata", "generation"}) <=
         number(deployment, {"status", "observedGeneration"});
}

// Of a deployment whose spec.replicas is as wanted.
Judgement scaled(const Json& deployment) {
  const std::int64_t wanted = number(deployment, {"spec", "replicas"}, 1);
  const std::int64_t there = number(deployment, {"status", "replicas"});
  const std::int64_t available = number(deployment, {"status", "availableReplicas"});
  if (!is_seen(deployment)) return {Finding::pending, "its controller has not seen it yet"};
  if (wanted == 0) {
    if (there == 0) return {};
    return {Finding::pending, fmt::format("{} pods are still there", there)};
  }
  if (available >= wanted) return {};
  std::string because = fmt::format("{} of {} pods are available", available, wanted);
  // That may be of a rollout before: more pods can still become available.
  if (const auto failure = progress_failure(deployment)) because += ": " + *failure;
  return {Finding::pending, std::move(because)};
}

class RolloutRestart final : public Action {
 public:
  RolloutRestart(Target target, Clock& clock) : target_(std::move(target)), clock_(clock) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    const std::string named = "restart " + target_.text();
    const Result<Json> object = co_await target_.get(call.deadline);
    if (!object) co_return without_object(target_, object.error(), named);
    Inspection inspection;
    inspection.change =
        fmt::format("{} ({} pods)", named, number(*object, {"spec", "replicas"}, 1));
    inspection.prior = Json::object();
    inspection.fingerprint = text_or(member(*object, {"metadata"}), "uid");
    note_trust(target_, inspection);
    if (boolean_or(member(*object, {"spec"}), "paused")) {
      inspection.finding = Finding::blocked;
      inspection.because = target_.text() + " is paused: `kubectl rollout resume` ends that";
    } else if (is_restarted(*object, call)) {
      const Judgement rollout = rollout_of(*object);
      inspection.finding = rollout.finding;
      inspection.because = rollout.because;
    }
    co_return inspection;
  }

  // The stamp in the template starts the rollout, and says that it was started: the same run and
  // step start none again.
  awaitable<Result<Outputs>> apply(StepCall call) override {
    const Result<Json> object = co_await target_.get(call.deadline);
    if (!object) co_return fail(in_context(target_.text(), object.error()));
    if (is_restarted(*object, call)) co_return Outputs();
    const Json annotations = {{kStamp, stamp_of(call)}, {kRestartedAt, to_rfc3339(clock_.now())}};
    const Json patch = {
        // Somebody who changed it meanwhile gets a look at it first.
        {"metadata",
         {{"resourceVersion", text_or(member(*object, {"metadata"}), "resourceVersion")}}},
        {"spec", {{"template", {{"metadata", {{"annotations", annotations}}}}}}}};
    const Result<Json> patched =
        co_await target_.client->patch(target_.path(), PatchType::strategic, patch, call.deadline);
    if (!patched) co_return fail(in_context(target_.text(), patched.error()));
    co_return Outputs();
  }

  // New pods of the same kind are nothing that could be taken back.
  awaitable<Result<void>> revert(StepCall) override { co_return Result<void>(); }

 private:
  static std::string stamp_of(const StepCall& call) {
    return call.run.text() + "/" + call.step.text();
  }
  static bool is_restarted(const Json& object, const StepCall& call) {
    if (call.run.empty()) return false;
    const Json& annotations = member(object, {"spec", "template", "metadata", "annotations"});
    return text_or(annotations, kStamp) == stamp_of(call);
  }

  Target target_;
  Clock& clock_;
};

Field deployment_field() {
  return Field{.name = "deployment", .summary = "Its name.", .required = true};
}

}  // namespace

Judgement rollout_of(const Json& deployment) {
  const std::int64_t wanted = number(deployment, {"spec", "replicas"}, 1);
  const std::int64_t all = number(deployment, {"status", "replicas"});
  const std::int64_t updated = number(deployment, {"status", "updatedReplicas"});
  const std::int64_t available = number(deployment, {"status", "availableReplicas"});
  if (!is_seen(deployment)) return {Finding::pending, "its controller has not seen it yet"};
  if (auto failure = progress_failure(deployment)) return {Finding::blocked, *std::move(failure)};
  if (updated < wanted) {
    return {Finding::pending, fmt::format("{} of {} pods are updated", updated, wanted)};
  }
  if (all > updated) {
    return {Finding::pending, fmt::format("{} old pods have not ended", all - updated)};
  }
  if (available < updated) {
    return {Finding::pending,
            fmt::format("{} of {} updated pods are available", available, updated)};
  }
  return {};
}

ActionKind scale_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("kubernetes.scale",
                            "So many pods of a deployment, and all of them available; 0 stops it.",
                            deployment_field(), {"get deployments", "patch deployments/scale"});
  action.kind.fields.push_back(Field{.name = "replicas",
                                     .type = FieldType::integer,
                                     .summary = "So many.",
                                     .required = true,
                                     .minimum = 0,
                                     .maximum = kReplicasMax});
  action.remedy = "look at its pods with `kubectl --context CONTEXT -n NAMESPACE get pods`";
  action.make = [clusters](ActionContext context,
                           Services& services) -> Result<std::shared_ptr<Action>> {
    Result<Target> target = read_target(context.settings, *clusters, services.clock, "apps/v1",
                                        "deployments", "deployment");
    if (!target) return error_of(target);
    PatchSettings settings;
    settings.target = *std::move(target);
    settings.patch = {{"spec", {{"replicas", integer_or(context.settings, "replicas")}}}};
    settings.subresource = "scale";
    settings.verb = "scale";
    settings.settled = scaled;
    return std::make_shared<ObjectPatch>(std::move(settings));
  };
  return action;
}

ActionKind rollout_restart_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("kubernetes.rollout_restart",
                            "New pods in place of the old ones of a deployment, one after the "
                            "other; once per run.",
                            deployment_field(), {"get and patch deployments"});
  action.remedy =
      "look at it with `kubectl --context CONTEXT -n NAMESPACE rollout status deployment/NAME`";
  action.make = [clusters](ActionContext context,
                           Services& services) -> Result<std::shared_ptr<Action>> {
    Result<Target> target = read_target(context.settings, *clusters, services.clock, "apps/v1",
                                        "deployments", "deployment");
    if (!target) return error_of(target);
    return std::make_shared<RolloutRestart>(*std::move(target), services.clock);
  };
  return action;
}

}  // namespace bascule::kubernetes
