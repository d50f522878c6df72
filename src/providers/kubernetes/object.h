// One object of a cluster, and the action that brings members of it to what they should be by a
// merge patch: the common ground of what this room does to clusters.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "model/plan.h"
#include "ports/action.h"
#include "providers/kubernetes/client.h"
#include "providers/kubernetes/kinds.h"

namespace bascule::kubernetes {

struct Target {
  std::shared_ptr<Client> client;
  std::string group_version;
  std::string plural;
  std::string space;  // empty: of a kind without namespaces
  std::string name;

  [[nodiscard]] std::string path() const { return object_path(group_version, plural, space, name); }
  // "deployments default/web of east"
  [[nodiscard]] std::string text() const;
  [[nodiscard]] awaitable<Result<Json>> get(Deadline deadline) const;
};

// The object that the settings of a step name: `context`, `namespace` and `name_field`.
Result<Target> read_target(const Json& settings, Clusters& clusters, Clock& clock,
                           std::string group_version, std::string plural,
                           std::string_view name_field);

// A member by its way through objects; null where something on it is missing.
const Json& member(const Json& object, std::initializer_list<std::string_view> way);
std::int64_t number(const Json& object, std::initializer_list<std::string_view> way,
                    std::int64_t otherwise = 0);

// RFC 7386, and the patch that takes it back: the members that `patch` names as `object` has them.
Json merged(const Json& object, const Json& patch);
Json reversal(const Json& object, const Json& patch);
// What a patch changes, for people: "spec.replicas from 3 to 5"; empty when nothing.
std::string difference(const Json& object, const Json& patch);

// The answer of inspect for an object that is not there, or for what else went wrong: not_found is
// `blocked`, everything else stays an error.
Result<Inspection> without_object(const Target& target, const Error& error, std::string change);

// A cluster whose certificate is not verified says so in each plan.
void note_trust(const Target& target, Inspection& inspection);

// Whether an object that has everything that was asked for is done with it.
struct Judgement {
  Finding finding = Finding::done;
  std::string because;
};

struct PatchSettings {
  Target target;
  Json patch;
  std::string subresource;  // through which it is written: "scale"; empty: the object itself
  std::string verb;         // what it is called: "scale", "set"
  // Asked of the object: why it must not be touched (before), and whether it has settled (after).
  std::function<std::optional<std::string>(const Json&)> obstacle = {};
  std::function<Judgement(const Json&)> settled = {};
  bool reversible = true;
};

class ObjectPatch final : public Action {
 public:
  explicit ObjectPatch(PatchSettings settings) : settings_(std::move(settings)) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override;
  awaitable<Result<Outputs>> apply(StepCall call) override;
  // Writes the recorded values of the members that it names, and nothing else.
  awaitable<Result<void>> revert(StepCall call) override;

 private:
  PatchSettings settings_;
};

// As the shape of most kinds of this room: an action, not of a front door, with context, the field
// that names the object, and namespace.
Kind object_kind(std::string name, std::string summary, Field object,
                 std::vector<std::string> permissions);

// The makers, in the files of their names.
ActionKind scale_kind(std::shared_ptr<Clusters> clusters);
ActionKind rollout_restart_kind(std::shared_ptr<Clusters> clusters);
ActionKind ingress_annotation_kind(std::shared_ptr<Clusters> clusters);
ActionKind ingress_canary_kind(std::shared_ptr<Clusters> clusters);
ActionKind patch_kind(std::shared_ptr<Clusters> clusters);
ActionKind promote_kind(std::shared_ptr<Clusters> clusters);
ActionKind http_route_kind(std::shared_ptr<Clusters> clusters);
ActionKind job_kind(std::shared_ptr<Clusters> clusters);

}  // namespace bascule::kubernetes
