#include "providers/dns/front_door.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace bascule::dns {
namespace {

std::vector<std::string> values_of(const std::optional<RecordSet>& set) {
  return set ? set->values : std::vector<std::string>();
}

std::string shown(const std::vector<std::string>& values) {
  return values.empty() ? "nothing" : fmt::format("{}", fmt::join(values, ", "));
}

}  // namespace

FrontDoor::FrontDoor(FrontDoorSettings settings, std::unique_ptr<ZoneClient> zone)
    : settings_(std::move(settings)), zone_(std::move(zone)) {}

RecordSet FrontDoor::address_set(std::vector<std::string> values) const {
  return RecordSet{settings_.name, settings_.type, settings_.ttl_seconds, std::move(values)};
}
RecordSet FrontDoor::text_set(std::vector<std::string> values) const {
  return RecordSet{text_name(), "TXT", settings_.ttl_seconds, std::move(values)};
}

bool FrontDoor::is_ours(const View& view, const StepCall& call, std::uint64_t generation) const {
  return view.owner && view.owner->generation == generation &&
         view.owner->cluster == settings_.cluster && view.owner->run == call.run.text();
}

Json FrontDoor::facts_of(const View& view) const {
  Json facts{{"name", settings_.name},
             {"type", settings_.type},
             {"address", values_of(view.addresses)},
             {"ttl_seconds", view.addresses ? Json(view.addresses->ttl) : Json(nullptr)},
             {"found", view.owner.has_value()},
             {"text", values_of(view.text)}};
  if (view.owner) {
    facts["generation"] = view.owner->generation;
    facts["cluster"] = view.owner->cluster;
    facts["run"] = view.owner->run;
    facts["target"] = view.owner->target;
  }
  return facts;
}

Error FrontDoor::superseded(const View& view) const {
  return Error{ErrorCode::superseded,
               fmt::format("{} is held by somebody else: {} says \"{}\"", settings_.name,
                           text_name(), shown(values_of(view.text))),
               "find out who moved it; `bascule adopt GROUP --active SITE` takes it back",
               std::nullopt};
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

awaitable<Result<Inspection>> FrontDoor::inspect(StepCall call) {
  Result<View> view = co_await look(call.deadline);
  if (!view) co_return error_of(view);
  if (view->text && !view->owner) {
    co_return fail(ErrorCode::superseded, "{} holds \"{}\", which no Bascule wrote", text_name(),
                   shown(view->text->values));
  }
  if (call.operation == "switch")
    co_return co_await inspect_switch(std::move(call), std::move(*view));
  co_return co_await inspect_claim(std::move(call), std::move(*view));
}

awaitable<Result<Inspection>> FrontDoor::inspect_claim(StepCall call, View view) {
  const std::uint64_t found = view.owner ? view.owner->generation : 0;
  const bool already = !call.run.empty() && view.owner && view.owner->run == call.run.text() &&
                       view.owner->cluster == settings_.cluster;
  Inspection inspection;
  inspection.facts = facts_of(view);
  inspection.prior = inspection.facts;
  inspection.fingerprint = fmt::format("{} {}", settings_.name, settings_.type);
  inspection.finding = already ? Finding::done : Finding::needed;
  inspection.change =
      fmt::format("take generation {} of {}", std::max<std::uint64_t>(found, call.generation) + 1,
                  settings_.name);
  inspection.because =
      view.owner ? fmt::format("now {}, {}", found, view.owner->target) : "never taken";
  if (!already && call.generation > 0 && found > call.generation) co_return fail(superseded(view));
  co_return inspection;
}

awaitable<Result<Inspection>> FrontDoor::inspect_switch(StepCall call, View view) {
  Inspection inspection;
  inspection.facts = facts_of(view);
  inspection.prior = inspection.facts;
  inspection.fingerprint = fmt::format("{} {}", settings_.name, settings_.type);
  const std::vector<std::string> now = values_of(view.addresses);
  const std::vector<std::string> wanted{settings_.address};
  inspection.change =
      fmt::format("{}  {} {} → {}", settings_.name, settings_.type, shown(now), shown(wanted));
  inspection.finding = now == wanted ? Finding::done : Finding::needed;
  if (call.run.empty()) co_return inspection;  // a preview: nothing was claimed
  if (!is_ours(view, call, call.generation)) co_return fail(superseded(view));
  if (inspection.finding != Finding::done) co_return inspection;
  Result<std::string> behind = co_await lagging(call.deadline);
  if (!behind) co_return error_of(behind);
  if (!behind->empty()) {
    inspection.finding = Finding::pending;
    inspection.because = *behind;
  }
  co_return inspection;
}

awaitable<Result<std::string>> FrontDoor::lagging(Deadline deadline) {
  for (std::size_t server = 1; server < zone_->servers(); ++server) {
    auto addresses = co_await zone_->ask(server, settings_.name, settings_.type, deadline);
    if (!addresses) co_return addresses.error().message;
    const std::vector<std::string> values = values_of(*addresses);
    if (values != std::vector<std::string>{settings_.address}) {
      co_return fmt::format("name server {} still answers {}", zone_->server_name(server),
                            shown(values));
    }
  }
  co_return std::string();
}

awaitable<Result<Outputs>> FrontDoor::apply(StepCall call) {
  if (call.operation == "switch") co_return co_await show(std::move(call));
  co_return co_await claim(std::move(call));
}

awaitable<Result<Outcome>> FrontDoor::replace(View now, std::vector<std::string> addresses,
                                              Ownership owner, Deadline deadline) {
  if (addresses.empty())
    co_return fail(ErrorCode::invalid, "an empty answer would be served for {}", settings_.name);
  Update update;
  update.zone = settings_.zone;
  update.required = {address_set(values_of(now.addresses)), text_set(values_of(now.text))};
  update.wanted = {text_set({to_text(owner)})};
  if (values_of(now.addresses) != addresses)
    update.wanted.push_back(address_set(std::move(addresses)));
  co_return co_await zone_->update(std::move(update), deadline);
}

// The recorded prior is what was inspected; nothing newer is accepted as a starting point.
awaitable<Result<Outputs>> FrontDoor::claim(StepCall call) {
  View found;
  const std::vector<std::string> addresses = texts_or_empty(call.prior, "address");
  const std::vector<std::string> text = texts_or_empty(call.prior, "text");
  if (!addresses.empty()) found.addresses = address_set(addresses);
  if (!text.empty()) found.text = text_set(text);
  const auto before = static_cast<std::uint64_t>(integer_or(call.prior, "generation", 0));
  const Ownership owner{std::max<std::uint64_t>(before, call.generation) + 1, settings_.cluster,
                        call.run.text(), call.target.text()};
  Outputs outputs{{"generation", Json(owner.generation)},
                  {"previous_generation", Json(before)},
                  {"address", Json(addresses)}};
  Result<Outcome> outcome = co_await replace(std::move(found), addresses, owner, call.deadline);
  if (!outcome) co_return error_of(outcome);
  if (*outcome == Outcome::done) co_return outputs;
  Result<View> now = co_await look(call.deadline);
  if (!now) co_return error_of(now);
  if (now->owner == owner) co_return outputs;  // an earlier attempt whose answer was lost
  co_return fail(superseded(*now));
}

awaitable<Result<Outputs>> FrontDoor::show(StepCall call) {
  View claimed;
  const std::vector<std::string> before = texts_or_empty(call.prior, "address");
  if (!before.empty()) claimed.addresses = address_set(before);
  const Ownership owner{call.generation, settings_.cluster, call.run.text(), call.target.text()};
  claimed.text = text_set({to_text(owner)});
  Outputs outputs{{"address", Json(settings_.address)}, {"previous_address", Json(before)}};
  Result<Outcome> outcome =
      co_await replace(std::move(claimed), {settings_.address}, owner, call.deadline);
  if (!outcome) co_return error_of(outcome);
  if (*outcome == Outcome::done) co_return outputs;
  Result<View> now = co_await look(call.deadline);
  if (!now) co_return error_of(now);
  if (!is_ours(*now, call, call.generation)) co_return fail(superseded(*now));
  if (values_of(now->addresses) == std::vector<std::string>{settings_.address}) co_return outputs;
  co_return fail(ErrorCode::conflict, "{} was changed to {} by somebody else meanwhile",
                 settings_.name, shown(values_of(now->addresses)));
}

awaitable<Result<void>> FrontDoor::revert(StepCall call) {
  Result<View> now = co_await look(call.deadline);
  if (!now) co_return error_of(now);
  // Repeating a revert whose answer was lost finds the next generation written by this very run.
  if (is_ours(*now, call, call.generation + 1)) co_return Result<void>();
  if (!is_ours(*now, call, call.generation)) co_return fail(superseded(*now));
  const Ownership owner{call.generation + 1, settings_.cluster, call.run.text(),
                        call.source.text()};
  std::vector<std::string> before = texts_or_empty(call.prior, "address");
  Result<Outcome> outcome =
      co_await replace(std::move(*now), std::move(before), owner, call.deadline);
  if (!outcome) co_return error_of(outcome);
  if (*outcome == Outcome::done) co_return Result<void>();
  co_return fail(ErrorCode::conflict, "{} changed while it was taken back", settings_.name);
}

}  // namespace bascule::dns
