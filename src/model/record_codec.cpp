#include "model/record_codec.h"

#include <algorithm>
#include <type_traits>

#include "model/fields.h"
#include "model/follower_fields.h"
#include "model/import_fields.h"
#include "model/plan_fields.h"

namespace bascule {
namespace codec {

template <>
inline constexpr auto kMembers<CheckReference> = std::tuple{
    member("group", &CheckReference::group),
    member("site", &CheckReference::site),
    member("check", &CheckReference::check),
};

template <>
inline constexpr auto kMembers<TermOpened> = std::tuple{
    member("observer", &TermOpened::observer),
    member("version", &TermOpened::version),
    member("cluster", &TermOpened::cluster),
    added_later("mark", &TermOpened::mark),
};

template <>
inline constexpr auto kMembers<ConfigurationLoaded> = std::tuple{
    member("fingerprint", &ConfigurationLoaded::fingerprint),
    member("configuration", &ConfigurationLoaded::configuration),
};

template <>
inline constexpr auto kMembers<ActiveSiteChanged> = std::tuple{
    member("group", &ActiveSiteChanged::group),
    member("site", &ActiveSiteChanged::site),
    member("run", &ActiveSiteChanged::run),
    member("because", &ActiveSiteChanged::because),
};

template <>
inline constexpr auto kMembers<VerdictChanged> = std::tuple{
    member("check", &VerdictChanged::check),
    member("from", &VerdictChanged::from),
    member("to", &VerdictChanged::to),
    member("down", &VerdictChanged::down),
    member("because", &VerdictChanged::because),
    member("first_failed_at", &VerdictChanged::first_failed_at),
};

template <>
inline constexpr auto kMembers<GroupStateChanged> = std::tuple{
    member("group", &GroupStateChanged::group),
    member("from", &GroupStateChanged::from),
    member("to", &GroupStateChanged::to),
    member("because", &GroupStateChanged::because),
};

template <>
inline constexpr auto kMembers<ProtectionChanged> = std::tuple{
    member("group", &ProtectionChanged::group),
    member("to", &ProtectionChanged::to),
    member("because", &ProtectionChanged::because),
};

template <>
inline constexpr auto kMembers<AutomationHeld> = std::tuple{
    member("group", &AutomationHeld::group),
    member("until", &AutomationHeld::until),
};

template <>
inline constexpr auto kMembers<AutomationReleased> = std::tuple{
    member("group", &AutomationReleased::group),
};

template <>
inline constexpr auto kMembers<MoveAcknowledged> = std::tuple{
    member("group", &MoveAcknowledged::group),
};

template <>
inline constexpr auto kMembers<SiteAttested> = std::tuple{
    member("group", &SiteAttested::group),
    member("site", &SiteAttested::site),
};

template <>
inline constexpr auto kMembers<RunWait> = std::tuple{
    member("what", &RunWait::what),
    member("until", &RunWait::until),
    member("proceeds", &RunWait::proceeds),
};

template <>
inline constexpr auto kMembers<RunOpened> = std::tuple{
    member("run", &RunOpened::run),
    member("plan", &RunOpened::plan),
    member("trigger", &RunOpened::trigger),
    member("ticket", &RunOpened::ticket),
    member("idempotency_key", &RunOpened::idempotency_key),
    member("overrides", &RunOpened::overrides),
    member("gates", &RunOpened::gates),
    member("first_sign_at", &RunOpened::first_sign_at),
    member("first_failed_at", &RunOpened::first_failed_at),
    member("verdict_at", &RunOpened::verdict_at),
    member("loss_bound_ms", &RunOpened::loss_bound),
    member("loss_bound_bytes", &RunOpened::loss_bound_bytes),
    added_later("back_after_ms", &RunOpened::back_after),
    added_later("deadline_ms", &RunOpened::deadline),
    added_later("way_back_of", &RunOpened::way_back_of),
    added_later("wait", &RunOpened::wait),
    added_later("supersedes", &RunOpened::supersedes),
};

template <>
inline constexpr auto kMembers<RunBegun> = std::tuple{
    member("run", &RunBegun::run),
    member("because", &RunBegun::because),
    member("gates", &RunBegun::gates),
    member("first_sign_at", &RunBegun::first_sign_at),
    member("first_failed_at", &RunBegun::first_failed_at),
    member("verdict_at", &RunBegun::verdict_at),
    member("loss_bound_ms", &RunBegun::loss_bound),
    member("loss_bound_bytes", &RunBegun::loss_bound_bytes),
};

template <>
inline constexpr auto kMembers<StepStarted> = std::tuple{
    member("run", &StepStarted::run),         member("step", &StepStarted::step),
    member("attempt", &StepStarted::attempt), member("prior", &StepStarted::prior),
    member("change", &StepStarted::change),   added_later("unseen", &StepStarted::unseen),
};

template <>
inline constexpr auto kMembers<StepApplied> = std::tuple{
    member("run", &StepApplied::run),
    member("step", &StepApplied::step),
    member("outputs", &StepApplied::outputs),
};

template <>
inline constexpr auto kMembers<StepRetried> = std::tuple{
    member("run", &StepRetried::run),         member("step", &StepRetried::step),
    member("code", &StepRetried::code),       member("because", &StepRetried::because),
    member("next_at", &StepRetried::next_at),
};

template <>
inline constexpr auto kMembers<StepEnded> = std::tuple{
    member("run", &StepEnded::run),         member("step", &StepEnded::step),
    member("state", &StepEnded::state),     member("outputs", &StepEnded::outputs),
    member("because", &StepEnded::because), member("code", &StepEnded::code),
};

template <>
inline constexpr auto kMembers<RollbackBegun> = std::tuple{
    member("run", &RollbackBegun::run),
    member("because", &RollbackBegun::because),
};

template <>
inline constexpr auto kMembers<StepReverted> = std::tuple{
    member("run", &StepReverted::run),
    member("step", &StepReverted::step),
    member("succeeded", &StepReverted::succeeded),
    member("because", &StepReverted::because),
};

template <>
inline constexpr auto kMembers<RunParked> = std::tuple{
    member("run", &RunParked::run),
    member("because", &RunParked::because),
};

template <>
inline constexpr auto kMembers<RunResumed> = std::tuple{
    member("run", &RunResumed::run),
    member("step", &RunResumed::step),
    member("as", &RunResumed::as),
};

template <>
inline constexpr auto kMembers<RunEnded> = std::tuple{
    member("run", &RunEnded::run),
    member("state", &RunEnded::state),
    member("because", &RunEnded::because),
    member("outage_began_at", &RunEnded::outage_began_at),
    member("outage_ended_at", &RunEnded::outage_ended_at),
    added_later("declined", &RunEnded::declined),
};

template <>
inline constexpr auto kMembers<ObligationOpened> = std::tuple{
    member("obligation", &ObligationOpened::obligation),
    member("group", &ObligationOpened::group),
    member("kind", &ObligationOpened::kind),
    member("site", &ObligationOpened::site),
    member("run", &ObligationOpened::run),
    member("because", &ObligationOpened::because),
    member("steps", &ObligationOpened::steps),
    added_later("takes_over", &ObligationOpened::takes_over),
};

template <>
inline constexpr auto kMembers<ObligationRetried> = std::tuple{
    member("obligation", &ObligationRetried::obligation),
    member("because", &ObligationRetried::because),
    member("next_at", &ObligationRetried::next_at),
};

template <>
inline constexpr auto kMembers<ObligationEnded> = std::tuple{
    member("obligation", &ObligationEnded::obligation),
    member("because", &ObligationEnded::because),
    added_later("group", &ObligationEnded::group),
    added_later("site", &ObligationEnded::site),
    added_later("kind", &ObligationEnded::kind),
};

template <>
inline constexpr auto kMembers<LossMeasured> = std::tuple{
    member("run", &LossMeasured::run),
    member("site", &LossMeasured::site),
    member("bytes", &LossMeasured::bytes),
    member("rows", &LossMeasured::rows),
};

template <>
inline constexpr auto kMembers<WouldHaveFailedOver> = std::tuple{
    member("group", &WouldHaveFailedOver::group),
    member("source", &WouldHaveFailedOver::source),
    member("target", &WouldHaveFailedOver::target),
    member("because", &WouldHaveFailedOver::because),
    member("gates", &WouldHaveFailedOver::gates),
    member("first_failed_at", &WouldHaveFailedOver::first_failed_at),
    member("loss_bound_ms", &WouldHaveFailedOver::loss_bound),
    member("loss_bound_bytes", &WouldHaveFailedOver::loss_bound_bytes),
};

template <>
inline constexpr auto kMembers<JournalImported> = std::tuple{
    member("journal", &JournalImported::journal),
    member("head_seq", &JournalImported::head_seq),
    member("head_hash", &JournalImported::head_hash),
    member("cluster", &JournalImported::cluster),
    member("observer", &JournalImported::observer),
    member("groups", &JournalImported::groups),
};

}  // namespace codec

namespace {

// One kind of record: its stored name and the way to JSON and back.
struct RecordType {
  std::string_view name;
  std::size_t alternative;  // its place in RecordBody
  Json (*write)(const RecordBody& body);
  codec::MaybeProblem (*read)(const Json& data, RecordBody& body);
};

template <typename Body>
constexpr std::size_t alternative_of() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return ((std::is_same_v<Body, std::variant_alternative_t<I, RecordBody>> ? I : 0) + ...);
  }(std::make_index_sequence<std::variant_size_v<RecordBody>>());
}

template <typename Body>
constexpr RecordType record_type(std::string_view name) {
  return {
      name, alternative_of<Body>(),
      [](const RecordBody& body) { return codec::write(std::get<Body>(body)); },
      [](const Json& data, RecordBody& body) { return codec::read(data, body.emplace<Body>()); }};
}

// Every type of record under the name it is stored by, for ever, in the order of RecordBody.
constexpr std::array kRecordTypes{
    record_type<TermOpened>("TermOpened"),
    record_type<ConfigurationLoaded>("ConfigurationLoaded"),
    record_type<ActiveSiteChanged>("ActiveSiteChanged"),
    record_type<VerdictChanged>("VerdictChanged"),
    record_type<GroupStateChanged>("GroupStateChanged"),
    record_type<ProtectionChanged>("ProtectionChanged"),
    record_type<AutomationHeld>("AutomationHeld"),
    record_type<AutomationReleased>("AutomationReleased"),
    record_type<MoveAcknowledged>("MoveAcknowledged"),
    record_type<SiteAttested>("SiteAttested"),
    record_type<RunOpened>("RunOpened"),
    record_type<StepStarted>("StepStarted"),
    record_type<StepApplied>("StepApplied"),
    record_type<StepRetried>("StepRetried"),
    record_type<StepEnded>("StepEnded"),
    record_type<RollbackBegun>("RollbackBegun"),
    record_type<StepReverted>("StepReverted"),
    record_type<RunParked>("RunParked"),
    record_type<RunResumed>("RunResumed"),
    record_type<RunEnded>("RunEnded"),
    record_type<ObligationOpened>("ObligationOpened"),
    record_type<ObligationRetried>("ObligationRetried"),
    record_type<ObligationEnded>("ObligationEnded"),
    record_type<LossMeasured>("LossMeasured"),
    record_type<TwoWritersSeen>("TwoWritersSeen"),
    record_type<TwoWritersEnded>("TwoWritersEnded"),
    record_type<RoleChangeSeen>("RoleChangeSeen"),
    record_type<RoleChangeEnded>("RoleChangeEnded"),
    record_type<FrontDoorDrifted>("FrontDoorDrifted"),
    record_type<FrontDoorSilent>("FrontDoorSilent"),
    record_type<FrontDoorRestored>("FrontDoorRestored"),
    record_type<HoldAlarmRaised>("HoldAlarmRaised"),
    record_type<HomeReadinessChanged>("HomeReadinessChanged"),
    record_type<DrillBegun>("DrillBegun"),
    record_type<DrillOverdue>("DrillOverdue"),
    record_type<DrillEnded>("DrillEnded"),
    record_type<RunBegun>("RunBegun"),
    record_type<WouldHaveFailedOver>("WouldHaveFailedOver"),
    record_type<JournalImported>("JournalImported"),
    record_type<PreflightChanged>("PreflightChanged"),
};

constexpr bool table_follows_the_variant() {
  for (std::size_t i = 0; i < kRecordTypes.size(); ++i) {
    if (kRecordTypes[i].alternative != i) return false;
  }
  return kRecordTypes.size() == std::variant_size_v<RecordBody>;
}
static_assert(table_follows_the_variant(),
              "every type of record has its row, in RecordBody's order");

// What surrounds the data of a record, the same for every type and every version.
struct Envelope {
  std::int64_t version = 0;
  std::string actor, reason, type;
  Sequence seq = 0;
  Term term = 0;
  Instant at;
  Json data;
};

}  // namespace

template <>
inline constexpr auto codec::kMembers<Envelope> = std::tuple{
    member("v", &Envelope::version),     member("actor", &Envelope::actor),
    member("reason", &Envelope::reason), member("type", &Envelope::type),
    member("seq", &Envelope::seq),       member("term", &Envelope::term),
    member("at", &Envelope::at),         member("data", &Envelope::data),
};

namespace {

// Of bytes that carry at least a number, a version and a type: what this build cannot read.
std::optional<Error> from_the_future(const Json& json) {
  const std::int64_t version = integer_or(json, "v", -1);
  const std::string type = text_or(json, "type");
  const bool known_type =
      std::ranges::find(kRecordTypes, type, &RecordType::name) != kRecordTypes.end();
  if (version < 1 || type.empty() || (known_type && version <= kRecordVersion)) return {};
  return Error{
      ErrorCode::invalid,
      fmt::format("record {} has type {}, written by version {}: this build does not know it",
                  integer_or(json, "seq", 0), type, version),
      "read this journal with the newer build of bascule that wrote it", std::nullopt};
}

Error unreadable(const Json& json, const codec::Problem& found) {
  const std::string where = fmt::format("record {}", integer_or(json, "seq", 0));
  return in_context(where, codec::to_error(found));
}

}  // namespace

std::string_view type_name(const RecordBody& body) {
  return kRecordTypes.at(body.index()).name;
}

Json to_json(const Record& record) {
  const RecordType& type = kRecordTypes.at(record.body.index());
  return codec::write_canonical(Envelope{kRecordVersion, record.actor, record.reason,
                                         std::string(type.name), record.seq, record.term, record.at,
                                         type.write(record.body)});
}

Json to_json(const JournalImported& imported) {
  return codec::write_canonical(imported);
}

Result<JournalImported> journal_imported_from_json(const Json& json) {
  JournalImported imported;
  if (const auto found = codec::read(json, imported)) return fail(codec::to_error(*found));
  return imported;
}

std::string encode(const Record& record) {
  return to_text(to_json(record));
}

Result<Record> decode(std::string_view bytes) {
  const Result<Json> json = parse_json(bytes);
  if (!json) return fail(ErrorCode::corrupt, "a record is unreadable: {}", json.error().message);
  if (auto future = from_the_future(*json)) return fail(*std::move(future));

  Envelope envelope;
  if (const auto found = codec::read(*json, envelope)) return fail(unreadable(*json, *found));
  const auto type = std::ranges::find(kRecordTypes, envelope.type, &RecordType::name);
  if (type == kRecordTypes.end() || envelope.version < 1) {
    return fail(ErrorCode::corrupt, "record {}: it has no version or no type", envelope.seq);
  }
  Record record{envelope.seq,   envelope.at,     envelope.term,
                envelope.actor, envelope.reason, RecordBody()};
  if (auto found = type->read(envelope.data, record.body)) {
    return fail(unreadable(*json, *codec::at("data", std::move(found))));
  }
  return record;
}

}  // namespace bascule
