// The kinds of this room, and the clusters that they name.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/configuration.h"
#include "net/resolver.h"
#include "ports/kinds.h"
#include "providers/kubernetes/client.h"

namespace bascule::kubernetes {

// One client per context of the configuration, shared by all checks and actions that name it. The
// resolver outlives it.
class Clusters {
 public:
  Clusters(std::vector<KubernetesContextSpec> contexts, net::Resolver& resolver)
      : contexts_(std::move(contexts)), resolver_(resolver) {}

  // Errors: not_found, with the names that are known. `clock` outlives the client.
  Result<std::shared_ptr<Client>> client(const std::string& context, Clock& clock);

 private:
  std::vector<KubernetesContextSpec> contexts_;
  net::Resolver& resolver_;
  std::map<std::pair<std::string, Clock*>, std::shared_ptr<Client>> clients_;
};

std::vector<ProbeKind> probe_kinds(std::shared_ptr<Clusters> clusters);
std::vector<ActionKind> action_kinds(std::shared_ptr<Clusters> clusters);

// `context` (and `namespace`) of every kind that works with one object.
Field context_field();
Field namespace_field();

}  // namespace bascule::kubernetes
