// The nodes of a cluster: how many there are, which are ready, and the probe that watches them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "model/observation.h"
#include "ports/kinds.h"
#include "ports/probe.h"
#include "providers/kubernetes/client.h"
#include "providers/kubernetes/kinds.h"

namespace bascule::kubernetes {

// What a list of objects that are ready or not comes to. Bounded: names are kept of a few.
struct Readiness {
  std::size_t all = 0;
  std::size_t ready = 0;
  std::string unready;  // a few names, "node-2, node-7 and 3 more"

  void count(const std::string& name, bool is_ready);
  // In the form "2 of 3 nodes ready (not: node-2)"; `what` in the plural.
  [[nodiscard]] std::string sentence(const std::string& what) const;
};

// Whether the condition Ready of a node (or pod) is True. A node that is cordoned is ready: its
// pods go on.
bool is_ready(const Json& object);

awaitable<Result<Readiness>> count_ready(Client& client, std::string path, Deadline deadline);

struct NodesSettings {
  std::int64_t degraded_below = 100;  // per cent of the nodes that are ready
  std::int64_t critical_below = 70;
  std::string selector;  // of pods; empty: nobody asks for them
  std::string space;     // of these
};

class NodesProbe final : public Probe {
 public:
  NodesProbe(std::shared_ptr<Client> client, Clock& clock, NodesSettings settings);

  awaitable<Observation> look(Deadline deadline) override;
  // Holds a watch on the nodes and wakes when one of them turns ready or not, comes or goes.
  awaitable<void> watch(Watcher& watcher) override;

 private:
  // Name → ready. What a watch compares with.
  using Known = std::map<std::string, bool>;

  [[nodiscard]] Observation judge(const Readiness& nodes) const;
  void judge_pods(const Result<Readiness>& pods, Observation& seen) const;
  // Reads the list where no version is known, then the events that follow. Ends well when the
  // server ends the watch.
  awaitable<Result<void>> follow(Watcher* watcher, std::optional<Known>* known,
                                 std::string* version);
  static void take(WatchEvent event, Known& known, Watcher& watcher);

  std::shared_ptr<Client> client_;
  Clock& clock_;
  NodesSettings settings_;
};

ProbeKind nodes_kind(std::shared_ptr<Clusters> clusters);
ActionKind nodes_ready_kind(std::shared_ptr<Clusters> clusters);

}  // namespace bascule::kubernetes
