// What is done to an object by a patch of some of its members alone: annotations of an ingress, the
// weight of a canary of ingress-nginx, any member of anything, the promotion of a CloudNativePG
// cluster.
#include <charconv>
#include <utility>

#include "providers/kubernetes/object.h"

namespace bascule::kubernetes {
namespace {

constexpr const char* kIngresses = "networking.k8s.io/v1";
constexpr const char* kCanary = "nginx.ingress.kubernetes.io/canary";
constexpr const char* kWeight = "nginx.ingress.kubernetes.io/canary-weight";
constexpr const char* kTotal = "nginx.ingress.kubernetes.io/canary-weight-total";
constexpr std::size_t kPatchMax = 64 * 1024;

Json annotations_patch(Json annotations) {
  return {{"metadata", {{"annotations", std::move(annotations)}}}};
}

Field ingress_field() {
  return Field{.name = "ingress", .summary = "Its name.", .required = true};
}

Result<std::shared_ptr<Action>> make_patch_action(PatchSettings settings) {
  return std::make_shared<ObjectPatch>(std::move(settings));
}

// Why the weight of this ingress cannot be set.
std::optional<std::string> canary_obstacle(const Json& ingress, std::int64_t weight) {
  const Json& annotations = member(ingress, {"metadata", "annotations"});
  if (text_or(annotations, kCanary) != "true") {
    return fmt::format("it is no canary: its annotation {} is not \"true\"", kCanary);
  }
  const std::string text = text_or(annotations, kTotal, "100");
  std::int64_t total = 0;
  std::from_chars(text.data(), text.data() + text.size(), total);
  if (weight > total) return fmt::format("{} is above its total weight of {}", weight, total);
  return std::nullopt;
}

Result<std::shared_ptr<Action>> make_canary(const Json& given, Clusters& clusters, Clock& clock) {
  Result<Target> target = read_target(given, clusters, clock, kIngresses, "ingresses", "ingress");
  if (!target) return error_of(target);
  const bool finalizes = boolean_or(given, "finalize");
  const std::int64_t weight = integer_or(given, "weight", -1);
  if (finalizes == (weight >= 0)) {
    return fail(ErrorCode::invalid, "write either `weight: N` or `finalize: true`");
  }
  PatchSettings settings;
  settings.target = *std::move(target);
  settings.verb = finalizes ? "end the canary" : "set the weight of";
  if (finalizes) {
    settings.patch = annotations_patch({{kCanary, "false"}});
  } else {
    settings.patch = annotations_patch({{kWeight, std::to_string(weight)}});
    settings.obstacle = [weight](const Json& ingress) { return canary_obstacle(ingress, weight); };
  }
  return make_patch_action(std::move(settings));
}

Result<std::shared_ptr<Action>> make_patch(const Json& given, Clusters& clusters, Clock& clock) {
  Result<Target> target = read_target(given, clusters, clock, text_or(given, "api_version"),
                                      text_or(given, "resource"), "name");
  if (!target) return error_of(target);
  if (boolean_or(given, "cluster_wide")) target->space.clear();
  Result<Json> patch = parse_json(text_or(given, "patch"), kPatchMax);
  if (!patch) return fail(in_context("patch", patch.error()));
  if (!patch->is_object() || patch->empty()) {
    return fail(ErrorCode::invalid, "patch: it is no JSON object with something in it");
  }
  for (const char* part : {"status", "apiVersion", "kind"}) {
    if (patch->contains(part)) {
      return fail(ErrorCode::invalid, "patch: `{}` is not ours to change", part);
    }
  }
  PatchSettings settings;
  settings.target = *std::move(target);
  settings.patch = *std::move(patch);
  settings.verb = "patch";
  return make_patch_action(std::move(settings));
}

Judgement promoted(const Json& cluster) {
  const Json& status = member(cluster, {"status"});
  const std::string phase = text_or(status, "phase");
  const std::int64_t ready = number(status, {"readyInstances"});
  if (phase == "Cluster in healthy state" && ready > 0) return {};
  return {Finding::pending,
          fmt::format("its phase is \"{}\", {} of {} instances are ready", net::excerpt(phase, 80),
                      ready, number(cluster, {"spec", "instances"}))};
}

Result<std::shared_ptr<Action>> make_promotion(const Json& given, Clusters& clusters,
                                               Clock& clock) {
  Result<Target> target =
      read_target(given, clusters, clock, "postgresql.cnpg.io/v1", "clusters", "cluster");
  if (!target) return error_of(target);
  PatchSettings settings;
  settings.target = *std::move(target);
  settings.verb = "promote";
  settings.settled = promoted;
  settings.reversible = false;
  const std::string primary = text_or(given, "primary");
  const std::string token = text_or(given, "promotion_token");
  if (primary.empty() && !token.empty()) {
    return fail(ErrorCode::invalid, "promotion_token: it has a meaning only with `primary`");
  }
  const bool is_distributed = !primary.empty();
  if (is_distributed) {
    settings.patch = {{"spec", {{"replica", {{"primary", primary}}}}}};
    if (!token.empty()) settings.patch["spec"]["replica"]["promotionToken"] = token;
  } else {
    settings.patch = {{"spec", {{"replica", {{"enabled", false}}}}}};
  }
  settings.obstacle = [is_distributed](const Json& cluster) -> std::optional<std::string> {
    const Json& replica = member(cluster, {"spec", "replica"});
    if (!replica.is_object()) return std::nullopt;  // it is a primary already
    const bool has_primary = !text_or(replica, "primary").empty();
    if (has_primary == is_distributed) return std::nullopt;
    return is_distributed ? "it belongs to no distributed topology: leave `primary` out"
                          : "it belongs to a distributed topology: name it in `primary`";
  };
  return make_patch_action(std::move(settings));
}

using Maker = Result<std::shared_ptr<Action>> (*)(const Json&, Clusters&, Clock&);

std::function<Result<std::shared_ptr<Action>>(ActionContext, Services&)> made_by(
    Maker maker, std::shared_ptr<Clusters> clusters) {
  return [maker, clusters](ActionContext context, Services& services) {
    return maker(context.settings, *clusters, services.clock);
  };
}

Result<std::shared_ptr<Action>> make_annotation(const Json& given, Clusters& clusters,
                                                Clock& clock) {
  Result<Target> target = read_target(given, clusters, clock, kIngresses, "ingresses", "ingress");
  if (!target) return error_of(target);
  const auto annotations = given.find("annotations");
  if (annotations == given.end() || !annotations->is_object() || annotations->empty()) {
    return fail(ErrorCode::invalid, "annotations: name at least one");
  }
  PatchSettings settings;
  settings.target = *std::move(target);
  settings.patch = annotations_patch(*annotations);
  settings.verb = "annotate";
  return make_patch_action(std::move(settings));
}

}  // namespace

ActionKind ingress_annotation_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("kubernetes.ingress_annotation", "Annotations of an ingress.",
                            ingress_field(), {"get and patch ingresses"});
  action.kind.fields.push_back(Field{.name = "annotations",
                                     .type = FieldType::map,
                                     .summary = "Name and value of each; all others stay.",
                                     .required = true,
                                     .items = {Field{.name = "value"}}});
  action.make = made_by(make_annotation, std::move(clusters));
  return action;
}

ActionKind ingress_canary_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("kubernetes.ingress_canary",
                            "The weight of a canary ingress of ingress-nginx. Its rules by header "
                            "and cookie stay as they are.",
                            ingress_field(), {"get and patch ingresses"});
  action.kind.fields.push_back(Field{.name = "weight",
                                     .type = FieldType::integer,
                                     .summary = "Of its total, which is 100 unless it says so.",
                                     .minimum = 0,
                                     .maximum = 1'000'000});
  action.kind.fields.push_back(
      Field{.name = "finalize",
            .type = FieldType::boolean,
            .summary = "Instead of a weight: it is no canary any more and serves all.",
            .default_value = false});
  action.kind.warning = "ingress-nginx is retired since March 2026: nobody mends it any more";
  action.kind.instead = "move to the Gateway API and write kubernetes.http_route";
  action.make = made_by(make_canary, std::move(clusters));
  return action;
}

ActionKind patch_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("kubernetes.patch", "Some members of any object, by a merge patch.",
                            Field{.name = "name", .summary = "Its name.", .required = true},
                            {"get and patch the resource"});
  action.kind.fields.push_back(
      Field{.name = "api_version", .summary = "Of the object: `v1`, `apps/v1`.", .required = true});
  action.kind.fields.push_back(
      Field{.name = "resource",
            .summary = "What it is, in the plural: `deployments`; see kubectl api-resources.",
            .required = true});
  action.kind.fields.push_back(Field{.name = "cluster_wide",
                                     .type = FieldType::boolean,
                                     .summary = "It is in no namespace.",
                                     .default_value = false});
  action.kind.fields.push_back(
      Field{.name = "patch",
            .summary = "The members as they shall be, as JSON; null takes one out. Lists are "
                       "replaced whole.",
            .required = true});
  action.make = made_by(make_patch, std::move(clusters));
  return action;
}

ActionKind promote_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind = object_kind("cnpg.promote", "Makes a replica cluster of CloudNativePG a primary.",
                            Field{.name = "cluster", .summary = "Its name.", .required = true},
                            {"get and patch clusters.postgresql.cnpg.io"});
  action.kind.fields.push_back(Field{
      .name = "primary", .summary = "In a distributed topology: the name that it has there."});
  action.kind.fields.push_back(
      Field{.name = "promotion_token",
            .summary = "In a switchover of a distributed topology: what the old primary left."});
  action.kind.phases = {Phase::activate};
  action.kind.reversible = false;
  action.remedy = "look at it with `kubectl --context CONTEXT -n NAMESPACE describe cluster NAME`";
  action.make = made_by(make_promotion, std::move(clusters));
  return action;
}

}  // namespace bascule::kubernetes
