#include "providers/kubernetes/nodes.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bascule::kubernetes {
namespace {

constexpr std::size_t kNamesShown = 3;
constexpr std::size_t kNodesMax = 20'000;
constexpr Duration kIdle{310'000};  // a watch says something, or ends, before that
constexpr Duration kFirstWait{1'000};
constexpr Duration kLongestWait{30'000};
constexpr const char* kNodes = "/api/v1/nodes";

std::string name_of(const Json& object) {
  const auto metadata = object.find("metadata");
  return metadata == object.end() ? "" : text_or(*metadata, "name");
}

Observation without_answer(const Error& error) {
  Observation seen;
  seen.error = error;
  seen.summary = error.message;
  // Of the cluster itself says only its silence something; who may not ask has not looked.
  const bool is_silence = error.code == ErrorCode::timeout ||
                          error.code == ErrorCode::unavailable ||
                          error.code == ErrorCode::outcome_unknown;
  seen.health = is_silence ? Health::failed : Health::unknown;
  return seen;
}

}  // namespace

bool is_ready(const Json& object) {
  const auto status = object.find("status");
  if (status == object.end() || !status->is_object()) return false;
  const auto conditions = status->find("conditions");
  if (conditions == status->end() || !conditions->is_array()) return false;
  return std::ranges::any_of(*conditions, [](const Json& each) {
    return text_or(each, "type") == "Ready" && text_or(each, "status") == "True";
  });
}

void Readiness::count(const std::string& name, bool is_ready) {
  ++all;
  if (is_ready) {
    ++ready;
    return;
  }
  if (all - ready <= kNamesShown) {
    unready += (unready.empty() ? "" : ", ") + net::excerpt(name, 80);
  }
}

std::string Readiness::sentence(const std::string& what) const {
  std::string text = fmt::format("{} of {} {} ready", ready, all, what);
  const std::size_t missing = all - ready;
  if (missing == 0) return text;
  text += " (not: " + unready;
  if (missing > kNamesShown) text += fmt::format(" and {} more", missing - kNamesShown);
  return text + ")";
}

awaitable<Result<Readiness>> count_ready(Client& client, std::string path, Deadline deadline) {
  Readiness found;
  const std::function<void()> begin = [&found] { found = Readiness(); };
  const std::function<void(const Json&)> item = [&found](const Json& object) {
    const auto status = object.find("status");
    // A pod that has run to its end is no longer meant to be ready.
    const bool is_over = status != object.end() && text_or(*status, "phase") == "Succeeded";
    if (!is_over) found.count(name_of(object), is_ready(object));
  };
  const Result<std::string> listed = co_await client.list(std::move(path), begin, item, deadline);
  if (!listed) co_return error_of(listed);
  co_return found;
}

NodesProbe::NodesProbe(std::shared_ptr<Client> client, Clock& clock, NodesSettings settings)
    : client_(std::move(client)), clock_(clock), settings_(std::move(settings)) {}

awaitable<Observation> NodesProbe::look(Deadline deadline) {
  const MonotonicInstant begun = clock_.monotonic();
  const Result<Readiness> nodes = co_await count_ready(*client_, kNodes, deadline);
  if (!nodes) co_return without_answer(nodes.error());
  Observation seen = judge(*nodes);
  if (!settings_.selector.empty()) {
    const std::string path = object_path("v1", "pods", settings_.space) +
                             "?labelSelector=" + net::percent_encode(settings_.selector);
    const Result<Readiness> pods = co_await count_ready(*client_, path, deadline);
    judge_pods(pods, seen);
  }
  seen.latency = elapsed(clock_, begun);
  if (!client_->verifies()) {
    seen.summary += ", TLS IS NOT VERIFIED";
    seen.detail["tls_verified"] = false;
  }
  co_return seen;
}

Observation NodesProbe::judge(const Readiness& nodes) const {
  Observation seen;
  seen.summary = nodes.all == 0 ? "the cluster has no nodes" : nodes.sentence("nodes");
  seen.detail = {{"nodes", nodes.all}, {"nodes_ready", nodes.ready}};
  const auto share_below = [&nodes](std::int64_t percent) {
    return nodes.ready * 100 < nodes.all * static_cast<std::size_t>(percent);
  };
  seen.health = Health::healthy;
  if (share_below(settings_.degraded_below)) seen.health = Health::degraded;
  if (nodes.ready == 0 || share_below(settings_.critical_below)) seen.health = Health::critical;
  return seen;
}

void NodesProbe::judge_pods(const Result<Readiness>& pods, Observation& seen) const {
  if (!pods) {
    // The nodes are known, the pods are not: what is known to be bad stays so.
    seen.summary += "; pods: " + pods.error().message;
    if (seen.health == Health::healthy) seen.health = without_answer(pods.error()).health;
    return;
  }
  seen.detail["pods"] = pods->all;
  seen.detail["pods_ready"] = pods->ready;
  seen.summary +=
      "; " + (pods->all == 0 ? "no pods of " + settings_.selector : pods->sentence("pods"));
  if (pods->ready == 0) {
    seen.health = std::max(seen.health, Health::critical);
  } else if (pods->ready < pods->all) {
    seen.health = std::max(seen.health, Health::degraded);
  }
}

awaitable<void> NodesProbe::watch(Watcher& watcher) {
  std::optional<Known> known;
  std::string version;
  Duration wait = kFirstWait;
  while (true) {
    const MonotonicInstant begun = clock_.monotonic();
    const Result<void> ended = co_await follow(&watcher, &known, &version);
    // What is too old is read again; what was fine for a while is taken up again soon.
    if (!ended && ended.error().code == ErrorCode::conflict) version.clear();
    const bool went_well = ended || elapsed(clock_, begun) > kLongestWait;
    wait = went_well ? kFirstWait : std::min(wait * 2, kLongestWait);
    co_await wait_for(clock_, wait);
  }
}

awaitable<Result<void>> NodesProbe::follow(Watcher* watcher, std::optional<Known>* known,
                                           std::string* version) {
  const Deadline limit = Deadline::in(clock_, kLongestWait);
  if (version->empty()) {
    Known listed;
    const std::function<void()> begin = [&listed] { listed.clear(); };
    const std::function<void(const Json&)> item = [&listed](const Json& node) {
      if (listed.size() < kNodesMax) listed[name_of(node)] = is_ready(node);
    };
    const Result<std::string> from = co_await client_->list(kNodes, begin, item, limit);
    if (!from) co_return error_of(from);
    if (*known && listed != **known) watcher->wake("nodes have changed");
    *known = std::move(listed);
    *version = *from;
  }
  Result<std::unique_ptr<Watch>> opened = co_await client_->watch(kNodes, *version, limit);
  if (!opened) co_return error_of(opened);
  while (true) {
    Result<std::optional<WatchEvent>> event = co_await (*opened)->next(Deadline::in(clock_, kIdle));
    if (!event) co_return error_of(event);
    if (!*event) co_return Result<void>();
    const Json& object = (*event)->object;
    if (object.contains("metadata")) {
      *version = text_or(object["metadata"], "resourceVersion", *version);
    }
    if ((*event)->type != "BOOKMARK") take(**std::move(event), **known, *watcher);
  }
}

void NodesProbe::take(WatchEvent event, Known& known, Watcher& watcher) {
  const std::string name = name_of(event.object);
  const std::string shown = "node " + net::excerpt(name, 80);
  const auto before = known.find(name);
  if (event.type == "DELETED") {
    if (before == known.end()) return;
    known.erase(before);
    watcher.wake(shown + " is gone");
    return;
  }
  const bool ready = is_ready(event.object);
  if (before != known.end() && before->second == ready) return;
  if (before == known.end() && known.size() >= kNodesMax) return;
  known[name] = ready;
  watcher.wake(fmt::format("{} is {}ready", shown, ready ? "" : "not "));
}

namespace {

// "70%" or "70".
Result<std::int64_t> read_percent(const Json& settings, const char* key, std::int64_t otherwise) {
  std::string text = text_or(settings, key);
  if (text.empty()) return otherwise;
  if (text.ends_with('%')) text.pop_back();
  std::int64_t value = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0 || value > 100) {
    return fail(ErrorCode::invalid, "{}: \"{}\" is no share from 0% to 100%", key,
                text_or(settings, key));
  }
  return value;
}

Result<std::shared_ptr<Probe>> make_probe(const Json& given, Clusters& clusters,
                                          Services& services) {
  NodesSettings settings;
  const Result<std::int64_t> degraded = read_percent(given, "degraded_below", 100);
  if (!degraded) return error_of(degraded);
  const Result<std::int64_t> critical = read_percent(given, "critical_below", 70);
  if (!critical) return error_of(critical);
  if (*critical > *degraded) {
    return fail(ErrorCode::invalid,
                "it would be critical before it is degraded: exchange degraded_below and "
                "critical_below");
  }
  settings.degraded_below = *degraded;
  settings.critical_below = *critical;
  settings.selector = text_or(given, "selector");
  settings.space = text_or(given, "namespace", "default");
  auto client = clusters.client(text_or(given, "context"), services.clock);
  if (!client) return error_of(client);
  return std::make_shared<NodesProbe>(*std::move(client), services.clock, std::move(settings));
}

// An item of the preflight: every node of every named cluster is ready.
class NodesReady final : public Action {
 public:
  NodesReady(std::vector<std::shared_ptr<Client>> clients, std::int64_t at_least)
      : clients_(std::move(clients)), at_least_(at_least) {}

  awaitable<Result<Inspection>> inspect(StepCall call) override {
    Inspection inspection;
    inspection.finding = Finding::done;
    inspection.change = "see that the nodes are ready";
    for (const std::shared_ptr<Client>& client : clients_) {
      const Result<Readiness> nodes = co_await count_ready(*client, kNodes, call.deadline);
      std::string told = nodes ? nodes->sentence("nodes") : nodes.error().message;
      if (nodes && nodes->all == 0) told = "no nodes";
      inspection.because += (inspection.because.empty() ? "" : "; ") + client->name() + ": " + told;
      if (nodes) inspection.facts[client->name()] = {{"all", nodes->all}, {"ready", nodes->ready}};
      const bool is_enough = nodes && nodes->ready > 0 &&
                             nodes->ready * 100 >= nodes->all * static_cast<std::size_t>(at_least_);
      if (!is_enough) inspection.finding = Finding::blocked;
    }
    co_return inspection;
  }
  awaitable<Result<Outputs>> apply(StepCall) override {
    co_return fail(ErrorCode::invalid,
                   "kubernetes.nodes_ready is an item of the preflight, not a step");
  }
  awaitable<Result<void>> revert(StepCall) override { co_return Result<void>(); }

 private:
  std::vector<std::shared_ptr<Client>> clients_;
  std::int64_t at_least_;
};

}  // namespace

ProbeKind nodes_kind(std::shared_ptr<Clusters> clusters) {
  ProbeKind probe;
  probe.kind.name = "kubernetes";
  probe.kind.role = KindRole::probe;
  probe.kind.summary =
      "The nodes of a cluster: all ready is healthy. No answer of its API server is failed; who "
      "may "
      "not ask knows nothing.";
  probe.kind.permissions = {"get, list and watch nodes", "list pods, with `selector`"};
  probe.kind.fields = {
      context_field(),
      Field{.name = "degraded_below",
            .summary = "Degraded when fewer of the nodes are ready.",
            .default_value = "100%"},
      Field{.name = "critical_below",
            .summary = "Critical when fewer of the nodes are ready, and always when none is.",
            .default_value = "70%"},
      Field{.name = "selector",
            .summary =
                "Labels of pods that must be ready as well, as kubectl's -l takes them: some "
                "that are not make it degraded, none that is critical."},
      namespace_field()};
  probe.make = [clusters](ProbeContext context, Services& services) {
    return make_probe(context.settings, *clusters, services);
  };
  return probe;
}

ActionKind nodes_ready_kind(std::shared_ptr<Clusters> clusters) {
  ActionKind action;
  action.kind.name = "kubernetes.nodes_ready";
  action.kind.summary = "The nodes of clusters are ready.";
  action.kind.preflight = true;
  action.kind.only_preflight = true;
  action.kind.permissions = {"list nodes"};
  Field context = context_field();
  context.required = false;
  action.kind.fields = {
      Field{.name = "contexts",
            .type = FieldType::list,
            .summary = "The clusters.",
            .required = true,
            .items = {std::move(context)}},
      Field{.name = "at_least", .summary = "Of the nodes of each.", .default_value = "100%"}};
  action.remedy = "look at the nodes with `kubectl --context CONTEXT get nodes`";
  action.make = [clusters](ActionContext context,
                           Services& services) -> Result<std::shared_ptr<Action>> {
    const Result<std::int64_t> at_least = read_percent(context.settings, "at_least", 100);
    if (!at_least) return error_of(at_least);
    std::vector<std::shared_ptr<Client>> clients;
    for (const std::string& name : texts_or_empty(context.settings, "contexts")) {
      auto client = clusters->client(name, services.clock);
      if (!client) return error_of(client);
      clients.push_back(*std::move(client));
    }
    if (clients.empty()) return fail(ErrorCode::invalid, "contexts: name at least one");
    return std::make_shared<NodesReady>(std::move(clients), *at_least);
  };
  return action;
}

}  // namespace bascule::kubernetes
