#include "providers/dns/front_door.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace bascule::dns {
namespace {

// Beyond this a server beside the primary counts as silent.
constexpr Duration kFollowerLimit{800};
// How often a revert looks again when something changed between its look and its write.
constexpr int kRevertTries = 3;

std::vector<std::string> values_of(const std::optional<RecordSet>& set) {
  return set ? set->values : std::vector<std::string>();
}

std::string shown(const std::vector<std::string>& values) {
  return values.empty() ? "nothing" : fmt::format("{}", fmt::join(values, ", "));
}

std::uint64_t generation_in(const Json& prior) {
  const std::int64_t generation = integer_or(prior, "generation", 0);
  return generation > 0 ? static_cast<std::uint64_t>(generation) : 0;
}

const std::string& claimant_of(const StepCall& call) {
  return call.claimant.empty() ? call.run.text() : call.claimant;
}

// The generation that a claim takes, and that a revert takes after it.
std::uint64_t next_generation(const StepCall& call) {
  return std::max<std::uint64_t>(generation_in(call.prior), call.generation) + 1;
}

}  // namespace

FrontDoor::FrontDoor(Clock& clock, FrontDoorSettings settings, std::unique_ptr<ZoneClient> zone)
    : clock_(clock), settings_(std::move(settings)), zone_(std::move(zone)) {}

// Without the final dot, which only name servers need.
std::string FrontDoor::name_for_people() const {
  std::string name = settings_.name;
  if (name.size() > 1 && name.back() == '.') name.pop_back();
  return name;
}

awaitable<Result<Inspection>> FrontDoor::inspect(StepCall call) {
  Result<View> view = co_await look(call.deadline);
  if (!view) co_return error_of(view);
  if (view->text && !view->owner) {
    co_return fail(Error{ErrorCode::superseded,
                         fmt::format("{} holds \"{}\", which no Bascule wrote", text_name(),
                                     shown(view->text->values)),
                         "remove that TXT record at the name server if nobody needs it",
                         std::nullopt});
  }
  if (call.operation == "switch")
    co_return co_await inspect_switch(std::move(call), std::move(*view));
  co_return inspect_claim(call, *view);
}

Result<Inspection> FrontDoor::inspect_claim(const StepCall& call, const View& view) const {
  const std::uint64_t found = view.owner ? view.owner->generation : 0;
  // Before its first attempt no claim is this run's, whatever it says: runs of another journal have
  // the same numbers.
  const bool may_be_ours = call.attempt > 0 || call.prior.is_object();
  const bool known = found == call.generation || found == next_generation(call);
  const bool ours = may_be_ours && is_of_run(view, call) && found > generation_in(call.prior) &&
                    (known || call.prior.is_null());
  const bool by_others = view.owner && call.generation > 0 &&
                         (found > call.generation || view.owner->cluster != settings_.cluster);
  if (by_others && !ours) return fail(superseded(view, call));
  Inspection inspection = describe(view);
  inspection.finding = ours ? Finding::done : Finding::needed;
  inspection.change =
      fmt::format("take generation {} of {}", std::max<std::uint64_t>(found, call.generation) + 1,
                  name_for_people());
  inspection.because = "never taken";
  if (call.generation > 0)
    inspection.because = fmt::format("the record of generation {} is gone", call.generation);
  if (view.owner) inspection.because = fmt::format("now {}, {}", found, view.owner->target);
  if (ours) inspection.because = fmt::format("generation {}", found);
  return inspection;
}

awaitable<Result<Inspection>> FrontDoor::inspect_switch(StepCall call, View view) {
  Inspection inspection = describe(view);
  const std::vector<std::string> now = values_of(view.addresses);
  const std::vector<std::string> wanted{settings_.address};
  inspection.change =
      fmt::format("{}  {} {} → {}", name_for_people(), settings_.type, shown(now), shown(wanted));
  inspection.finding = now == wanted ? Finding::done : Finding::needed;
  if (call.run.empty()) co_return inspection;  // a preview: nothing was claimed
  if (!is_ours(view, call, call.generation)) co_return fail(superseded(view, call));
  if (inspection.finding != Finding::done) co_return inspection;
  const Followers followers = co_await follow(call.deadline);
  inspection.because = followers.behind.empty() ? followers.silent : followers.behind;
  if (!followers.behind.empty()) inspection.finding = Finding::pending;
  co_return inspection;
}

awaitable<Result<Outputs>> FrontDoor::apply(StepCall call) {
  if (!call.prior.is_object()) {
    co_return fail(ErrorCode::invalid, "{} was not inspected before it is written", settings_.name);
  }
  if (call.operation == "switch") co_return co_await show(std::move(call));
  co_return co_await claim(std::move(call));
}

// The recorded prior is what was inspected; nothing newer is accepted as a starting point.
awaitable<Result<Outputs>> FrontDoor::claim(StepCall call) {
  const std::vector<std::string> addresses = texts_or_empty(call.prior, "address");
  const std::vector<std::string> text = texts_or_empty(call.prior, "text");
  const Ownership owner = ownership(call, next_generation(call), call.target);
  Outputs outputs{{"generation", Json(owner.generation)},
                  {"previous_generation", Json(generation_in(call.prior))},
                  {"address", Json(addresses)}};
  Result<Outcome> outcome =
      co_await replace(view_of(addresses, text), addresses, owner, call.deadline);
  if (!outcome) co_return error_of(outcome);
  if (*outcome == Outcome::done) co_return outputs;
  Result<View> now = co_await look(call.deadline);
  if (!now) co_return error_of(now);
  if (now->owner == owner) co_return outputs;  // an earlier attempt whose answer was lost
  if (values_of(now->text) == text) co_return fail(edited(*now));
  co_return fail(superseded(*now, call));
}

awaitable<Result<Outputs>> FrontDoor::show(StepCall call) {
  const Json& start = call.claimed.contains("address") ? call.claimed : call.prior;
  const std::vector<std::string> before = texts_or_empty(start, "address");
  const Ownership owner = ownership(call, call.generation, call.target);
  Outputs outputs{{"address", Json(settings_.address)}, {"previous_address", Json(before)}};
  Result<Outcome> outcome = co_await replace(view_of(before, {to_text(owner)}), {settings_.address},
                                             owner, call.deadline);
  if (!outcome) co_return error_of(outcome);
  if (*outcome == Outcome::done) co_return outputs;
  Result<View> now = co_await look(call.deadline);
  if (!now) co_return error_of(now);
  if (!is_ours(*now, call, call.generation)) co_return fail(superseded(*now, call));
  if (values_of(now->addresses) == std::vector<std::string>{settings_.address}) co_return outputs;
  co_return fail(edited(*now));
}

awaitable<Result<void>> FrontDoor::revert(StepCall call) {
  if (!call.prior.is_object())
    co_return fail(ErrorCode::invalid, "it is not known what {} showed before", settings_.name);
  for (int turn = 0; turn < kRevertTries; ++turn) {
    Result<View> now = co_await look(call.deadline);
    if (!now) co_return error_of(now);
    Result<Outcome> outcome = co_await take_back(call, std::move(*now));
    if (!outcome) co_return error_of(outcome);
    if (*outcome == Outcome::done) co_return Result<void>();
  }
  co_return fail(ErrorCode::conflict, "{} kept changing while it was taken back", settings_.name);
}

// A claim leaves the addresses as they are: it never changed them. Where it is not known whether
// it arrived, it is enough that its generation is taken, by itself or by this revert.
awaitable<Result<Outcome>> FrontDoor::take_back(StepCall call, View now) {
  const std::uint64_t next = next_generation(call);
  if (is_ours(now, call, next)) co_return Outcome::done;
  const bool switches = call.operation == "switch";
  const bool as_before = values_of(now.text) == texts_or_empty(call.prior, "text");
  const bool ours = is_ours(now, call, call.generation) || (!switches && as_before);
  if (!ours) co_return fail(superseded(now, call));
  std::vector<std::string> before = values_of(now.addresses);
  if (switches) {
    before = texts_or_empty(call.prior, "address");
    const std::vector<std::string> shows = values_of(now.addresses);
    if (shows != before && shows != std::vector<std::string>{settings_.address})
      co_return fail(edited(now));
  }
  const Ownership owner = ownership(call, next, call.source);
  co_return co_await replace(std::move(now), std::move(before), owner, call.deadline);
}

awaitable<Result<Outcome>> FrontDoor::replace(View now, std::vector<std::string> addresses,
                                              Ownership owner, Deadline deadline) {
  const std::vector<std::string> shows = values_of(now.addresses);
  if (addresses.empty() && !shows.empty()) {
    co_return fail(ErrorCode::invalid, "an empty answer would be served for {}", settings_.name);
  }
  const RecordSet text = text_set({to_text(owner)});
  const Result<void> usable = check_record(text);
  if (!usable) co_return error_of(usable);
  if (parse_ownership(text.values.front()) != owner) {
    co_return fail(ErrorCode::invalid, "\"{}\" cannot be read back: a name has a blank inside",
                   text.values.front());
  }
  Update update;
  update.zone = settings_.zone;
  update.required = {address_set(shows), text_set(values_of(now.text))};
  update.wanted = {text};
  if (shows != addresses) update.wanted.push_back(address_set(std::move(addresses)));
  co_return co_await zone_->update(std::move(update), deadline);
}

awaitable<Result<FrontDoor::View>> FrontDoor::look(Deadline deadline) {
  View view;
  auto addresses = co_await zone_->ask(0, settings_.name, settings_.type, deadline);
  if (!addresses) co_return error_of(addresses);
  auto text = co_await zone_->ask(0, text_name(), "TXT", deadline);
  if (!text) co_return error_of(text);
  view.addresses = std::move(*addresses);
  view.text = std::move(*text);
  if (view.text && view.text->values.size() == 1)
    view.owner = parse_ownership(view.text->values.front());
  co_return view;
}

awaitable<FrontDoor::Followers> FrontDoor::follow(Deadline deadline) {
  Followers followers;
  for (std::size_t server = 1; server < zone_->servers(); ++server) {
    const Deadline limit = earlier_of(deadline, Deadline::in(clock_, kFollowerLimit));
    auto addresses = co_await zone_->ask(server, settings_.name, settings_.type, limit);
    if (!addresses && followers.silent.empty()) followers.silent = addresses.error().message;
    if (!addresses) continue;
    const std::vector<std::string> values = values_of(*addresses);
    if (values == std::vector<std::string>{settings_.address}) continue;
    followers.behind =
        fmt::format("name server {} still answers {}", zone_->server_name(server), shown(values));
    break;
  }
  co_return followers;
}

Inspection FrontDoor::describe(const View& view) const {
  Inspection inspection;
  inspection.facts = facts_of(view);
  inspection.prior = inspection.facts;
  inspection.fingerprint = fmt::format("{} {}", settings_.name, settings_.type);
  return inspection;
}

FrontDoor::View FrontDoor::view_of(const std::vector<std::string>& addresses,
                                   const std::vector<std::string>& text) const {
  View view;
  if (!addresses.empty()) view.addresses = address_set(addresses);
  if (!text.empty()) view.text = text_set(text);
  return view;
}

RecordSet FrontDoor::address_set(std::vector<std::string> values) const {
  return RecordSet{settings_.name, settings_.type, settings_.ttl_seconds, std::move(values)};
}
RecordSet FrontDoor::text_set(std::vector<std::string> values) const {
  return RecordSet{text_name(), "TXT", settings_.ttl_seconds, std::move(values)};
}

Ownership FrontDoor::ownership(const StepCall& call, std::uint64_t generation,
                               const SiteName& target) const {
  const auto word = [](const std::string& text) { return text.empty() ? "-" : text; };
  return Ownership{generation, word(settings_.cluster), word(claimant_of(call)),
                   word(target.text())};
}

bool FrontDoor::is_of_run(const View& view, const StepCall& call) const {
  return view.owner && !call.run.empty() && view.owner->cluster == settings_.cluster &&
         view.owner->run == claimant_of(call);
}

bool FrontDoor::is_ours(const View& view, const StepCall& call, std::uint64_t generation) const {
  return is_of_run(view, call) && view.owner->generation == generation;
}

Json FrontDoor::facts_of(const View& view) const {
  Json facts{{"name", settings_.name},
             {"type", settings_.type},
             {"address", values_of(view.addresses)},
             {"ttl_seconds", view.addresses ? Json(view.addresses->ttl) : Json(nullptr)},
             {"found", view.owner.has_value()},
             {"record", "_bascule." + name_for_people()},
             {"text", values_of(view.text)}};
  if (view.owner) {
    facts["generation"] = view.owner->generation;
    facts["cluster"] = view.owner->cluster;
    facts["run"] = view.owner->run;
    facts["target"] = view.owner->target;
  }
  return facts;
}

Error FrontDoor::superseded(const View& view, const StepCall& call) const {
  const std::string group = call.group.empty() ? "GROUP" : call.group.text();
  return Error{
      ErrorCode::superseded,
      fmt::format("{} is held by somebody else: {} says \"{}\"", settings_.name, text_name(),
                  shown(values_of(view.text))),
      fmt::format(
          "find out who moved it; `bascule adopt {} --active SITE --reason TEXT` takes it back",
          group),
      std::nullopt};
}

Error FrontDoor::edited(const View& view) const {
  return Error{ErrorCode::conflict,
               fmt::format("{} was changed by somebody else meanwhile and shows {}", settings_.name,
                           shown(values_of(view.addresses))),
               "find out who edits it by hand", std::nullopt};
}

}  // namespace bascule::dns
