#include "world.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/test_world.h"

namespace bascule::scenario {
namespace {

using engine::Call;

constexpr std::uint64_t kBytesPerMillisecond = 10;

Inspection found(Finding finding, std::string text) {
  Inspection inspection;
  inspection.finding = finding;
  if (finding == Finding::needed) {
    inspection.change = std::move(text);
  } else if (finding != Finding::done) {
    inspection.because = std::move(text);
  }
  return inspection;
}

bool is_announced_unseen(const Call& call) {
  return call.kind == engine::CallKind::apply && call.step.uses == "postgres.fence" &&
         call.prior.is_null();
}

}  // namespace

World::World(const Configuration& configuration)
    : group_(configuration.groups.front()),
      cluster_(configuration.cluster),
      now_(engine::test_world::at(0)) {
  for (const SiteSpec& site : group_.sites) {
    Machine& machine = machines_[site.name];
    machine.primary = site.name == group_.home().name;
    machine.streaming = !machine.primary;
    machine.follows = group_.home().name;
  }
  door_.address = address_of(group_.home().name);
}

void World::take_door(const std::vector<std::string>& words) {
  ++door_.generation;
  door_.run = words.at(2);
  door_.cluster = cluster_;
  for (const SiteSpec& site : group_.sites) {
    if (address_of(site.name) == door_.address) door_.target = site.name.text();
  }
  for (std::size_t i = 3; i + 1 < words.size(); i += 2) {
    if (words[i] == "for") door_.target = words[i + 1];
    if (words[i] == "of") door_.cluster = words[i + 1];
  }
}

std::string World::address_of(const SiteName& site) const {
  return group_.find_site(site)->vars.at("ip");
}

std::vector<SiteName> World::writers() const {
  std::vector<SiteName> writers;
  for (const auto& [name, machine] : machines_) {
    if (machine.accepts_writes()) writers.push_back(name);
  }
  return writers;
}

// What clients find: by the front door, else whoever serves as primary.
const Machine* World::shown() const {
  for (const auto& [name, machine] : machines_) {
    if (!group_.front_door && machine.accepts_writes()) return &machine;
    if (group_.front_door && address_of(name) == door_.address) return &machine;
  }
  return nullptr;
}

void World::advance(Instant now) {
  const auto passed = static_cast<std::uint64_t>((now - now_).count());
  now_ = now;
  for (auto& [name, machine] : machines_) {
    const bool clients_write = machine.accepts_writes() && !machine.silent && shown() == &machine;
    if (clients_write) machine.position += passed * kBytesPerMillisecond;
  }
  for (auto& [name, machine] : machines_) {
    if (machine.primary || !machine.serves()) continue;
    const auto source = machines_.find(machine.follows);
    machine.streaming = source != machines_.end() && source->second.answers() &&
                        source->second.primary && machine.timeline == source->second.timeline;
    if (!machine.streaming) continue;
    const std::uint64_t held =
        source->second.position - std::min(machine.behind, source->second.position);
    machine.position = std::max(machine.position, held);
    machine.received_at = now;
  }
}

void World::start(const SiteName& site) {
  Machine& machine = machines_.at(site);
  machine.powered = true;
  machine.running = true;
  machine.silent = false;
  machine.hidden = false;
}

DatabaseFacts World::facts(const SiteName& site, Instant now) const {
  const Machine& machine = machines_.at(site);
  DatabaseFacts facts =
      machine.primary ? engine::test_world::primary_facts(now, machine.position, machine.timeline)
                      : engine::test_world::replica_facts(now, machine.position, machine.streaming,
                                                          machine.timeline);
  if (machine.primary) facts.accepts_writes = machine.accepts_writes();
  if (!machine.primary) facts.last_received_at = machine.received_at;
  return facts;
}

Observation World::look(const CheckReference& check, bool is_database, Instant now) const {
  const Machine& machine = machines_.at(check.site);
  if (!machine.answers_us()) {
    Observation observation = engine::test_world::look(check, now, Health::failed);
    if (machine.swallows()) {
      observation.summary = "no answer";
      observation.error = Error{ErrorCode::timeout, "no answer", "", std::nullopt};
    }
    return observation;
  }
  if (is_database) return engine::test_world::database_look(check, facts(check.site, now));
  const Health health = machine.app_well ? Health::healthy : Health::critical;
  Observation observation = engine::test_world::look(check, now, health);
  if (!machine.app_well) observation.summary = "503";
  return observation;
}

std::optional<Error> World::silence(const Call& call) const {
  const Machine& machine = machines_.at(call.step.site);
  if (machine.answers_us()) return std::nullopt;
  return Error{machine.swallows() ? ErrorCode::timeout : ErrorCode::unavailable,
               machine.swallows() ? "no answer" : "connection refused", "", std::nullopt};
}

Result<Inspection> World::inspect_door(const Call& call) const {
  if (!door_.answers) return fail(ErrorCode::unavailable, "no name server answers");
  const Generation shown = door_.keeps_record ? door_.generation : 0;
  const bool ours = shown > 0 && door_.run == call.run.text();
  if (call.generation > 0 && shown > call.generation && !ours) {
    return fail(ErrorCode::superseded, "generation {} was written by {}", shown, door_.run);
  }
  Inspection inspection;
  inspection.facts = {{"address", Json::array({door_.address})},
                      {"generation", shown},
                      {"found", shown > 0},
                      {"record", "_bascule.www.shop.test"}};
  if (shown > 0) {
    inspection.facts["run"] = door_.run;
    inspection.facts["cluster"] = door_.cluster;
    inspection.facts["target"] = door_.target;
  }
  inspection.prior = inspection.facts;
  if (call.step.operation == "switch") {
    const std::string address = text_or(call.step.settings, "address");
    inspection.finding = door_.address == address ? Finding::done : Finding::needed;
    inspection.change = fmt::format("www.shop.test {} → {}", door_.address, address);
  } else {
    inspection.finding = ours ? Finding::done : Finding::needed;
    inspection.change = fmt::format("take generation {}", std::max(shown, call.generation) + 1);
  }
  return inspection;
}

// Compare and set: what is written names what the inspection found.
Result<Outputs> World::write_door(const Call& call) {
  if (!door_.answers) return fail(ErrorCode::unavailable, "no name server answers");
  const bool claims = call.step.operation == "claim";
  const auto before = static_cast<Generation>(integer_or(call.prior, "generation"));
  const Generation shown = door_.keeps_record ? door_.generation : 0;
  const Generation next = std::max(before, call.generation) + 1;
  const bool ours = shown > 0 && door_.run == call.run.text();
  if (claims && !(ours && shown == next)) {
    if (shown != before) {
      return fail(ErrorCode::superseded, "generation {} was written meanwhile", shown);
    }
    door_.generation = next;
    door_.run = call.run.text();
    door_.cluster = cluster_;
    door_.target = call.target.text();
    door_.keeps_record = true;
  }
  if (!claims) {
    if (!ours || shown != call.generation) {
      return fail(ErrorCode::superseded, "generation {} was written meanwhile", door_.generation);
    }
    door_.address = text_or(call.step.settings, "address");
  }
  return Outputs{{"generation", Json(door_.generation)}};
}

Result<Inspection> World::inspect(const Call& call) {
  Machine& machine = machines_.at(call.step.site);
  const std::string& uses = call.step.uses;
  const std::string site = call.step.site.text();
  if (uses == "dns.record") return inspect_door(call);
  if (uses == "switch") {
    const bool done = switched_.contains(site + "/" + call.step.name);
    return found(done ? Finding::done : Finding::needed, "switch " + call.step.name);
  }
  if (uses == "hook") {
    if (!machine.switch_answers) return fail(ErrorCode::unavailable, "no answer from the switch");
    return found(machine.powered ? Finding::needed : Finding::done, "power off " + site);
  }
  if (uses == "http.answers") {
    const Machine* serving = shown();
    const bool well = serving != nullptr && serving->answers() && serving->app_well;
    return found(well && serving == &machine ? Finding::done : Finding::needed, "ask " + site);
  }
  if (auto error = silence(call)) return fail(*std::move(error));
  if (uses == "postgres.fence") {
    const bool stopped = !machine.primary || machine.sealed;
    Inspection inspection =
        found(stopped ? Finding::done : Finding::needed, "refuse logins of " + site);
    inspection.prior = {{"sealed", machine.sealed}};
    return inspection;
  }
  if (uses == "postgres.promote") {
    return found(machine.primary ? Finding::done : Finding::needed, "promote " + site);
  }
  if (uses == "postgres.caught_up") {
    const Machine& source = machines_.at(call.source);
    if (!source.answers()) return fail(ErrorCode::unavailable, "the source does not answer");
    if (source.position == machine.position) return found(Finding::done, "");
    return found(Finding::pending,
                 fmt::format("{} bytes are left", source.position - machine.position));
  }
  if (uses == "postgres.rejoin") {
    const bool follows = !machine.primary && machine.streaming && machine.follows == call.target;
    return found(follows ? Finding::done : Finding::needed, "rebuild " + site);
  }
  return fail(ErrorCode::invalid, "the scenario has no {}", uses);
}

bool World::waits_at_door(const Call& call) const {
  return is_announced_unseen(call) && !machines_.at(call.step.site).answers_us();
}

bool World::comes_in_first(const Call& call, const CheckReference& check) const {
  return is_announced_unseen(call) && call.step.site == check.site &&
         machines_.at(check.site).answers_us();
}

Result<Outputs> World::apply(const Call& call) {
  Machine& machine = machines_.at(call.step.site);
  const std::string& uses = call.step.uses;
  if (uses == "dns.record") return write_door(call);
  if (uses == "switch") {
    switched_.insert(call.step.site.text() + "/" + call.step.name);
    return Outputs();
  }
  if (uses == "hook") {
    if (!machine.switch_answers) return fail(ErrorCode::unavailable, "no answer from the switch");
    machine.powered = false;
    return Outputs();
  }
  if (uses == "http.answers") {
    const Machine* serving = shown();
    const bool well = serving == &machine && machine.answers() && machine.app_well;
    if (!well) return fail(ErrorCode::unavailable, "503");
    return Outputs();
  }
  if (auto error = silence(call)) return fail(*std::move(error));
  if (uses == "postgres.fence") {
    machine.sealed = true;
  } else if (uses == "postgres.promote") {
    machine.primary = true;
    machine.streaming = false;
    machine.promoted_at = machine.position;
    ++machine.timeline;
  } else if (uses == "postgres.rejoin") {
    const Machine& active = machines_.at(call.target);
    const std::uint64_t lost = machine.primary && machine.position > active.promoted_at
                                   ? machine.position - active.promoted_at
                                   : 0;
    machine.primary = false;
    machine.sealed = false;
    machine.follows = call.target;
    machine.timeline = active.timeline;
    machine.position = active.position;
    advance(now_);
    return Outputs{{"lost_bytes", Json(lost)}, {"lost_rows", Json(lost / 100)}};
  }
  return Outputs();
}

Result<void> World::revert(const Call& call) {
  Machine& machine = machines_.at(call.step.site);
  const std::string& uses = call.step.uses;
  if (uses == "dns.record") {
    if (!door_.answers) return fail(ErrorCode::unavailable, "no name server answers");
    const bool ours = door_.run == call.run.text();
    const bool done_already = ours && door_.generation > call.generation;
    if (done_already) return {};
    const bool as_before =
        call.step.operation == "claim" &&
        door_.generation == static_cast<Generation>(integer_or(call.prior, "generation"));
    if (!ours && !as_before) {
      return fail(ErrorCode::superseded, "generation {} was written by {}", door_.generation,
                  door_.run);
    }
    ++door_.generation;
    door_.run = call.run.text();
    door_.target = call.source.text();
    if (call.step.operation == "switch") {
      const std::vector<std::string> before = texts_or_empty(call.prior, "address");
      if (!before.empty()) door_.address = before.front();
    }
  } else if (uses == "switch") {
    switched_.erase(call.step.site.text() + "/" + call.step.name);
  } else if (uses == "hook") {
    if (!machine.switch_answers) return fail(ErrorCode::unavailable, "no answer from the switch");
    machine.powered = true;
  } else if (auto error = silence(call)) {
    return fail(*std::move(error));
  } else if (uses == "postgres.fence") {
    machine.sealed = false;
  } else if (uses == "postgres.promote") {
    machine.primary = false;
    --machine.timeline;
  }
  return {};
}

}  // namespace bascule::scenario
