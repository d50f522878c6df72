#include "providers/kubernetes/kinds.h"

#include <algorithm>
#include <utility>

#include "providers/kubernetes/nodes.h"
#include "providers/kubernetes/object.h"

namespace bascule::kubernetes {

Result<std::shared_ptr<Client>> Clusters::client(const std::string& context, Clock& clock) {
  const auto found = std::ranges::find(contexts_, context, &KubernetesContextSpec::name);
  if (found == contexts_.end()) {
    return fail(Error{ErrorCode::not_found,
                      fmt::format("there is no context \"{}\"", net::excerpt(context, 80)),
                      "name it under `kubernetes: {contexts: …}`", std::nullopt});
  }
  std::shared_ptr<Client>& client = clients_[{context, &clock}];
  if (!client) client = std::make_shared<Client>(clock, resolver_, *found);
  return client;
}

Field context_field() {
  return Field{.name = "context",
               .summary = "The cluster, by its name under `kubernetes: {contexts: …}`.",
               .required = true,
               .names = "kubernetes.contexts"};
}

Field namespace_field() {
  return Field{.name = "namespace", .summary = "Where in the cluster.", .default_value = "default"};
}

std::vector<ProbeKind> probe_kinds(std::shared_ptr<Clusters> clusters) {
  return {nodes_kind(std::move(clusters))};
}

std::vector<ActionKind> action_kinds(std::shared_ptr<Clusters> clusters) {
  return {nodes_ready_kind(clusters),     scale_kind(clusters),
          rollout_restart_kind(clusters), ingress_annotation_kind(clusters),
          ingress_canary_kind(clusters),  http_route_kind(clusters),
          patch_kind(clusters),           job_kind(clusters),
          promote_kind(clusters)};
}

}  // namespace bascule::kubernetes
