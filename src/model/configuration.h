// The configuration after loading: plain values with every default filled in. config/ makes it from
// YAML, the engine and the runtime read it, and it is journaled (secrets as references only), so
// that a replay has it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/name.h"
#include "base/shared_vector.h"
#include "base/time.h"
#include "model/json.h"
#include "model/words.h"

namespace bascule {

// A check by its full name. `site` is empty for the checks of a group.
struct CheckReference {
  GroupName group;
  SiteName site;
  CheckName check;

  friend auto operator<=>(const CheckReference&, const CheckReference&) = default;
};
std::string to_string(const CheckReference& check);  // "amsterdam/database", "public-api"

struct CheckSpec {
  CheckName name;
  std::string kind;
  Json settings = Json::object();
  ActsOn acts_on = ActsOn::critical;
  bool watches_database = false;  // from the kind
};

// One step as the configuration describes it; what the kind declares about it is copied in, so that
// the engine needs no catalogue.
struct StepSpec {
  std::string name;
  std::string uses;
  Json with = Json::object();
  std::vector<std::string>
      needs;  // names within the same phase of the same site; empty: starts with its phase
  OnFailure on_failure =
      OnFailure::rollback;  // resolved: the default of its phase when not written
  bool on_failure_written = false;
  Duration timeout{300'000};
  std::optional<std::int64_t> retries;  // nothing: by the error table, inside the timeout
  bool reversible = true;
  Rung rung = Rung::none;
  Delivery delivery = Delivery::proven;
  std::string proven_by;
};

struct PreflightSpec {
  StepSpec item;
  Blocks blocks = Blocks::planned;
};

struct SiteSpec {
  SiteName name;
  bool can_be_source = true;
  bool can_be_target = true;
  bool can_be_standby = true;
  std::string at;  // the place whose fate it shares
  std::map<std::string, std::string> vars;
  std::string address;  // template: what the front door shows when this site is active
  std::vector<CheckSpec> checks;
  std::vector<PreflightSpec> preflight;
  std::vector<StepSpec> fence;
  std::vector<StepSpec> activate;
  std::vector<StepSpec> verify;
  std::vector<StepSpec> protect;
};

struct DetectPolicy {
  Duration interval{30'000};
  Duration timeout{5'000};
  std::int64_t failures = 3;
  Duration window{90'000};
  std::int64_t recoveries = 5;
  std::optional<Duration> confirm;  // nothing: off
  Duration min_duration{60'000};

  friend bool operator==(const DetectPolicy&, const DetectPolicy&) = default;
};

struct FencePolicy {
  Rung at_least = Rung::sealed;
  bool proceed_otherwise = false;  // otherwise: proceed; default refuse
  Duration timeout{5'000};
};

struct Policy {
  Mode mode = Mode::manual;
  Duration approve_timeout{600'000};
  bool approve_proceeds_on_timeout = false;
  std::vector<std::vector<std::string>> failover_when;  // any of the outer, all of an inner list
  DetectPolicy detect;
  Duration cooldown{3'600'000};
  std::int64_t flap_grow = 2;
  Duration flap_within{86'400'000};
  std::optional<Duration> max_data_loss_time;  // nothing: no limit was written
  std::optional<std::int64_t> max_data_loss_bytes;
  Duration unknown_data_loss_after{60'000};
  bool unknown_data_loss_forces = false;
  FencePolicy fence;
  Duration hold_alarm{86'400'000};
  Json quorum = "majority";                          // "majority", a number, or {"outside_site": n}
  std::optional<Duration> automatic_failback_after;  // nothing: manual
  bool reassert_front_door = false;
};

struct FrontDoorSpec {
  std::string kind;
  Json settings = Json::object();
  std::string name;  // what clients look up, for people: "www.shop.test"
  bool last_writer_wins = false;
};

// Where the reports of a group's runs are kept.
struct ReportSpec {
  std::string kind;
  Json settings = Json::object();
};

struct GroupSpec {
  GroupName name;
  Policy policy;
  std::vector<CheckSpec> checks;
  std::optional<FrontDoorSpec> front_door;
  std::vector<SiteSpec> sites;  // in order of preference; the first is home
  std::vector<ReportSpec> reports;

  [[nodiscard]] const SiteSpec* find_site(const SiteName& site) const;
  [[nodiscard]] const SiteSpec& home() const { return sites.front(); }
};

struct ObserverSpec {
  ObserverName name;
  std::string at;
};

struct NotifierSpec {
  std::string kind;
  Json settings = Json::object();
};

struct ReferenceSpec {
  std::string kind;  // tcp or http
  Json settings = Json::object();
  std::string at;
};

// One bearer token of the API, known by its hash alone.
struct TokenSpec {
  std::string name;  // who acts with it, in records
  std::string role;  // viewer, operator or admin
  std::string hash;  // "sha256:" and 64 hexadecimal digits
  std::optional<Instant> expires;
};

// Who may use the API besides who reads the token beside the store, and what it shows of itself.
struct AccessSpec {
  std::vector<TokenSpec> tokens;
  // PEM files, both or none; with them the API is served over TLS alone.
  std::string certificate_file;
  std::string key_file;

  [[nodiscard]] bool has_tls() const { return !certificate_file.empty(); }
};

// How one Kubernetes cluster is reached; checks and actions name it.
struct KubernetesContextSpec {
  std::string name;
  bool in_cluster = false;   // by the service account of the pod that Bascule runs in; else:
  std::string kubeconfig;    // absolute paths, joined by ':'
  std::string context;       // its name in there
  Duration timeout{10'000};  // of one request

  friend bool operator==(const KubernetesContextSpec&, const KubernetesContextSpec&) = default;
};

struct Configuration {
  std::string cluster = "default";
  ObserverSpec observer;
  std::vector<ObserverSpec> observers;  // the voters; at least this one
  std::vector<ReferenceSpec> references;
  std::string store_kind;  // "sqlite", "memory"
  Json store_settings = Json::object();
  std::string listen = "127.0.0.1:8420";
  AccessSpec access;
  std::vector<std::string> resolvers;
  std::vector<KubernetesContextSpec> kubernetes_contexts;
  std::int64_t max_concurrent_runs = 3;
  std::vector<NotifierSpec> notifiers;
  SharedVector<GroupSpec> groups;  // the state is copied for most decisions

  [[nodiscard]] const GroupSpec* find_group(const GroupName& group) const;
};

// The journaled form and back. `from_json` accepts exactly what `to_json` makes.
Json to_json(const Configuration& configuration);
Json to_json(const GroupSpec& group);
Json to_json(const StepSpec& step);
Result<Configuration> configuration_from_json(const Json& json);
Result<StepSpec> step_spec_from_json(const Json& json);

// The first 12 hex digits of the SHA-256 of the canonical JSON: what a plan remembers of what it
// was computed from.
std::string fingerprint(const Json& json);

}  // namespace bascule
