#include "model/configuration.h"

#include <algorithm>

#include "model/fields.h"
#include "model/sha256.h"

namespace bascule {
namespace codec {

template <>
inline constexpr auto kMembers<CheckSpec> = std::tuple{
    member("name", &CheckSpec::name),
    member("kind", &CheckSpec::kind),
    member("settings", &CheckSpec::settings),
    member("acts_on", &CheckSpec::acts_on),
    member("watches_database", &CheckSpec::watches_database),
};

template <>
inline constexpr auto kMembers<StepSpec> = std::tuple{
    member("name", &StepSpec::name),
    member("uses", &StepSpec::uses),
    member("with", &StepSpec::with),
    member("needs", &StepSpec::needs),
    member("on_failure", &StepSpec::on_failure),
    member("on_failure_written", &StepSpec::on_failure_written),
    member("timeout_ms", &StepSpec::timeout),
    member("retries", &StepSpec::retries),
    member("reversible", &StepSpec::reversible),
    member("rung", &StepSpec::rung),
    member("delivery", &StepSpec::delivery),
    member("proven_by", &StepSpec::proven_by),
};

template <>
inline constexpr auto kMembers<PreflightSpec> = std::tuple{
    member("item", &PreflightSpec::item),
    member("blocks", &PreflightSpec::blocks),
};

template <>
inline constexpr auto kMembers<SiteSpec> = std::tuple{
    member("name", &SiteSpec::name),
    member("can_be_source", &SiteSpec::can_be_source),
    member("can_be_target", &SiteSpec::can_be_target),
    member("can_be_standby", &SiteSpec::can_be_standby),
    member("at", &SiteSpec::at),
    member("vars", &SiteSpec::vars),
    member("address", &SiteSpec::address),
    member("checks", &SiteSpec::checks),
    member("preflight", &SiteSpec::preflight),
    member("fence", &SiteSpec::fence),
    member("activate", &SiteSpec::activate),
    member("verify", &SiteSpec::verify),
    member("protect", &SiteSpec::protect),
};

template <>
inline constexpr auto kMembers<DetectPolicy> = std::tuple{
    member("interval_ms", &DetectPolicy::interval),
    member("timeout_ms", &DetectPolicy::timeout),
    member("failures", &DetectPolicy::failures),
    member("window_ms", &DetectPolicy::window),
    member("recoveries", &DetectPolicy::recoveries),
    member("confirm_ms", &DetectPolicy::confirm),
    member("min_duration_ms", &DetectPolicy::min_duration),
};

template <>
inline constexpr auto kMembers<FencePolicy> = std::tuple{
    member("at_least", &FencePolicy::at_least),
    member("proceed_otherwise", &FencePolicy::proceed_otherwise),
    member("timeout_ms", &FencePolicy::timeout),
};

template <>
inline constexpr auto kMembers<Policy> = std::tuple{
    member("mode", &Policy::mode),
    member("approve_timeout_ms", &Policy::approve_timeout),
    member("approve_proceeds_on_timeout", &Policy::approve_proceeds_on_timeout),
    member("failover_when", &Policy::failover_when),
    member("detect", &Policy::detect),
    member("cooldown_ms", &Policy::cooldown),
    member("flap_grow", &Policy::flap_grow),
    member("flap_within_ms", &Policy::flap_within),
    member("max_data_loss_time_ms", &Policy::max_data_loss_time),
    member("max_data_loss_bytes", &Policy::max_data_loss_bytes),
    member("unknown_data_loss_after_ms", &Policy::unknown_data_loss_after),
    member("unknown_data_loss_forces", &Policy::unknown_data_loss_forces),
    member("fence", &Policy::fence),
    member("hold_alarm_ms", &Policy::hold_alarm),
    member("quorum", &Policy::quorum),
    member("automatic_failback_after_ms", &Policy::automatic_failback_after),
    member("reassert_front_door", &Policy::reassert_front_door),
};

template <>
inline constexpr auto kMembers<FrontDoorSpec> = std::tuple{
    member("kind", &FrontDoorSpec::kind),
    member("settings", &FrontDoorSpec::settings),
    member("name", &FrontDoorSpec::name),
    member("last_writer_wins", &FrontDoorSpec::last_writer_wins),
};

template <>
inline constexpr auto kMembers<ReportSpec> = std::tuple{
    member("kind", &ReportSpec::kind),
    member("settings", &ReportSpec::settings),
};

template <>
inline constexpr auto kMembers<GroupSpec> = std::tuple{
    member("name", &GroupSpec::name),     member("policy", &GroupSpec::policy),
    member("checks", &GroupSpec::checks), member("front_door", &GroupSpec::front_door),
    member("sites", &GroupSpec::sites),   added_later("report", &GroupSpec::reports),
};

template <>
inline constexpr auto kMembers<ObserverSpec> = std::tuple{
    member("name", &ObserverSpec::name),
    member("at", &ObserverSpec::at),
};

template <>
inline constexpr auto kMembers<NotifierSpec> = std::tuple{
    member("kind", &NotifierSpec::kind),
    member("settings", &NotifierSpec::settings),
};

template <>
inline constexpr auto kMembers<ReferenceSpec> = std::tuple{
    member("kind", &ReferenceSpec::kind),
    member("settings", &ReferenceSpec::settings),
    member("at", &ReferenceSpec::at),
};

template <>
inline constexpr auto kMembers<TokenSpec> = std::tuple{
    member("name", &TokenSpec::name),
    member("role", &TokenSpec::role),
    member("hash", &TokenSpec::hash),
    member("expires", &TokenSpec::expires),
};

template <>
inline constexpr auto kMembers<AccessSpec> = std::tuple{
    member("tokens", &AccessSpec::tokens),
    member("certificate_file", &AccessSpec::certificate_file),
    member("key_file", &AccessSpec::key_file),
};

template <>
inline constexpr auto kMembers<KubernetesContextSpec> = std::tuple{
    member("name", &KubernetesContextSpec::name),
    member("in_cluster", &KubernetesContextSpec::in_cluster),
    member("kubeconfig", &KubernetesContextSpec::kubeconfig),
    member("context", &KubernetesContextSpec::context),
    member("timeout_ms", &KubernetesContextSpec::timeout),
};

template <>
inline constexpr auto kMembers<Configuration> = std::tuple{
    member("cluster", &Configuration::cluster),
    member("observer", &Configuration::observer),
    member("observers", &Configuration::observers),
    member("references", &Configuration::references),
    member("store_kind", &Configuration::store_kind),
    member("store_settings", &Configuration::store_settings),
    member("listen", &Configuration::listen),
    added_later("access", &Configuration::access),
    member("resolvers", &Configuration::resolvers),
    added_later("kubernetes_contexts", &Configuration::kubernetes_contexts),
    member("max_concurrent_runs", &Configuration::max_concurrent_runs),
    member("notifiers", &Configuration::notifiers),
    member("groups", &Configuration::groups),
};

}  // namespace codec

std::string to_string(const CheckReference& check) {
  if (check.site.empty()) return check.check.text();
  return check.site.text() + "/" + check.check.text();
}

const SiteSpec* GroupSpec::find_site(const SiteName& site) const {
  const auto found = std::ranges::find(sites, site, &SiteSpec::name);
  return found == sites.end() ? nullptr : &*found;
}

const GroupSpec* Configuration::find_group(const GroupName& group) const {
  const auto found = std::ranges::find(groups, group, &GroupSpec::name);
  return found == groups.end() ? nullptr : &*found;
}

Json to_json(const Configuration& configuration) {
  return codec::write_canonical(configuration);
}
Json to_json(const GroupSpec& group) {
  return codec::write_canonical(group);
}
Json to_json(const StepSpec& step) {
  return codec::write_canonical(step);
}

Result<Configuration> configuration_from_json(const Json& json) {
  return codec::read_as<Configuration>(json);
}
Result<StepSpec> step_spec_from_json(const Json& json) {
  return codec::read_as<StepSpec>(json);
}

std::string fingerprint(const Json& json) {
  return hex_of(sha256({to_text(canonical(json))}), 6);
}

}  // namespace bascule
