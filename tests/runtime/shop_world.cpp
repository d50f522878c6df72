// The fakes of shop_world.h.
#include "shop_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/record_codec.h"

namespace bascule::runtime::test {
namespace {

using Look = FakeAction::Look;
using Do = FakeAction::Do;

Result<Outputs> nothing(FakeWorld&, const StepCall&) {
  return Outputs();
}
Result<Outputs> not_reversible(FakeWorld&, const StepCall&) {
  return fail(ErrorCode::invalid, "it cannot be taken back");
}

Inspection found(Finding finding, std::string change, Json facts = Json::object()) {
  Inspection inspection;
  inspection.finding = finding;
  inspection.change = std::move(change);
  inspection.facts = std::move(facts);
  inspection.prior = Json::object();
  return inspection;
}

struct Functions {
  Look look;
  Do apply = nothing;
  Do revert = nothing;
};

Functions seal_of(const SiteName& site) {
  Functions made;
  made.look = [site](FakeWorld& world, const StepCall&) -> Result<Inspection> {
    const FakeSite& here = world.sites[site];
    if (!here.powered) return fail(ErrorCode::unavailable, "connection refused");
    const bool done = here.sealed || here.role == DatabaseRole::replica;
    return found(done ? Finding::done : Finding::needed, "refuse logins");
  };
  made.apply = [site](FakeWorld& world, const StepCall&) -> Result<Outputs> {
    if (!world.sites[site].powered) return fail(ErrorCode::unavailable, "connection refused");
    world.sites[site].sealed = true;
    world.effects.push_back("seal " + site.text());
    return Outputs();
  };
  made.revert = [site](FakeWorld& world, const StepCall&) -> Result<Outputs> {
    world.sites[site].sealed = false;
    return Outputs();
  };
  return made;
}

Functions power_of(const SiteName& site) {
  Functions made;
  made.look = [site](FakeWorld& world, const StepCall&) -> Result<Inspection> {
    return found(world.sites[site].powered ? Finding::needed : Finding::done,
                 "power off " + site.text());
  };
  made.apply = [site](FakeWorld& world, const StepCall&) -> Result<Outputs> {
    world.sites[site].powered = false;
    world.effects.push_back("cut " + site.text());
    return Outputs();
  };
  made.revert = [site](FakeWorld& world, const StepCall&) -> Result<Outputs> {
    world.sites[site].powered = true;
    return Outputs();
  };
  return made;
}

Functions promotion_of(const SiteName& site) {
  Functions made;
  made.look = [site](FakeWorld& world, const StepCall&) -> Result<Inspection> {
    const FakeSite& here = world.sites[site];
    if (!here.powered) return fail(ErrorCode::unavailable, "connection refused");
    return found(here.role == DatabaseRole::primary ? Finding::done : Finding::needed,
                 "promote " + site.text());
  };
  made.apply = [site](FakeWorld& world, const StepCall&) -> Result<Outputs> {
    FakeSite& here = world.sites[site];
    if (here.role == DatabaseRole::primary) return Outputs();
    if (world.sites[world.other(site)].takes_writes())
      world.violations.push_back("promoted beside a writer");
    here.role = DatabaseRole::primary;
    here.sealed = false;
    here.timeline = world.sites[world.other(site)].timeline + 1;
    world.effects.push_back("promote " + site.text());
    return Outputs();
  };
  made.revert = not_reversible;
  return made;
}

Functions caught_up() {
  Functions made;
  made.look = [](FakeWorld& world, const StepCall& call) -> Result<Inspection> {
    const bool sealed = world.sites[call.source].sealed;
    const bool same = world.sites[call.source].position == world.sites[call.target].position;
    return found(sealed && same ? Finding::done : Finding::pending, "has everything");
  };
  return made;
}

Functions rejoin_of(const SiteName& site) {
  Functions made;
  made.look = [site](FakeWorld& world, const StepCall&) -> Result<Inspection> {
    if (!world.sites[site].powered) return fail(ErrorCode::unavailable, "connection refused");
    return found(world.streams(site) ? Finding::done : Finding::needed, "rejoin " + site.text());
  };
  made.apply = [site](FakeWorld& world, const StepCall&) -> Result<Outputs> {
    FakeSite& here = world.sites[site];
    if (here.takes_writes()) world.violations.push_back("rebuilt a writer");
    here.role = DatabaseRole::replica;
    here.sealed = false;
    here.timeline = world.sites[world.other(site)].timeline;
    here.position = world.sites[world.other(site)].position;
    world.effects.push_back("rejoin " + site.text());
    return Outputs{{"lost_bytes", Json(0)}};
  };
  made.revert = not_reversible;
  return made;
}

Functions lag() {
  Functions made;
  made.look = [](FakeWorld& world, const StepCall&) -> Result<Inspection> {
    Inspection inspection = found(Finding::done, "");
    if (!world.lag.empty()) inspection.finding = Finding::blocked;
    inspection.because = world.lag;
    return inspection;
  };
  return made;
}

Functions answers() {
  Functions made;
  made.look = [](FakeWorld& world, const StepCall&) -> Result<Inspection> {
    for (const auto& [site, address] : world.addresses) {
      if (address == world.door.address && world.sites[site].takes_writes()) {
        return found(Finding::done, "the door answers");
      }
    }
    return found(Finding::needed, "the door answers");
  };
  return made;
}

const std::string& claimant_of(const StepCall& call) {
  return call.claimant.empty() ? call.run.text() : call.claimant;
}

Functions door_to(const std::string& address, const std::string& cluster) {
  Functions made;
  made.look = [address, cluster](FakeWorld& world, const StepCall& call) -> Result<Inspection> {
    const FakeDoor& door = world.door;
    const bool ours = !call.run.empty() && door.run == claimant_of(call);
    // Who only looks, without a run, is told what is there.
    const bool shows = door.address == address && (ours || call.run.empty());
    const bool done = call.operation == "claim" ? ours : shows;
    if (!ours && call.generation > 0 && door.generation > call.generation) {
      return fail(ErrorCode::superseded, "generation {} is not ours", door.generation);
    }
    Inspection inspection = found(done ? Finding::done : Finding::needed, "www " + address,
                                  Json{{"address", {door.address}},
                                       {"generation", door.generation},
                                       {"cluster", cluster},
                                       {"run", door.run},
                                       {"target", door.target},
                                       {"found", door.generation > 0}});
    inspection.prior = inspection.facts;
    return inspection;
  };
  made.apply = [address](FakeWorld& world, const StepCall& call) -> Result<Outputs> {
    FakeDoor& door = world.door;
    const auto before = static_cast<Generation>(integer_or(call.prior, "generation"));
    const bool repeated = door.run == claimant_of(call);
    if (call.operation == "claim") {
      if (!repeated && door.generation != before)
        return fail(ErrorCode::superseded, "somebody was faster");
      if (!repeated)
        door = FakeDoor{door.address, before + 1, claimant_of(call), call.target.text()};
      return Outputs{{"generation", Json(door.generation)}};
    }
    if (!repeated || door.generation != call.generation)
      return fail(ErrorCode::superseded, "not claimed by us");
    door.address = address;
    world.effects.push_back("door " + address);
    return Outputs();
  };
  made.revert = [](FakeWorld& world, const StepCall& call) -> Result<Outputs> {
    FakeDoor& door = world.door;
    if (door.generation == call.generation) {
      const auto before = texts_or_empty(call.prior, "address");
      door = FakeDoor{before.empty() ? door.address : before.front(), call.generation + 1,
                      claimant_of(call), call.source.text()};
    }
    return Outputs();
  };
  return made;
}

Functions functions_of(const std::string& kind, const ActionContext& context) {
  if (kind == "postgres.fence") return seal_of(context.site);
  if (kind == "hook") return power_of(context.site);
  if (kind == "postgres.promote") return promotion_of(context.site);
  if (kind == "postgres.caught_up") return caught_up();
  if (kind == "postgres.rejoin") return rejoin_of(context.site);
  if (kind == "http.answers") return answers();
  if (kind == "postgres.replication_lag") return lag();
  return door_to(text_or(context.settings, "address"), context.cluster);
}

}  // namespace

Catalog fake_catalog(FakeWorld& world) {
  Catalog catalog;
  for (const char* name : {"http", "postgres"}) {
    ProbeKind probe;
    probe.kind.name = name;
    const bool database = probe.kind.name == "postgres";
    probe.make = [&world, database](ProbeContext context,
                                    Services& services) -> Result<std::shared_ptr<Probe>> {
      return std::make_shared<FakeProbe>(world, services.clock, context.check.site, database);
    };
    catalog.probes.push_back(probe);
  }
  for (const char* name :
       {"postgres.fence", "hook", "postgres.promote", "postgres.caught_up", "postgres.rejoin",
        "postgres.replication_lag", "http.answers", "dns.record"}) {
    ActionKind action;
    action.kind.name = name;
    action.make = [&world, kind = std::string(name)](
                      ActionContext context,
                      Services& services) -> Result<std::shared_ptr<Action>> {
      Functions made = functions_of(kind, context);
      return std::make_shared<FakeAction>(world, services.clock, kind, made.look, made.apply,
                                          made.revert);
    };
    catalog.actions.push_back(action);
  }
  return catalog;
}

FakeBascule::FakeBascule(FakeWorld& world, std::shared_ptr<MemoryStore> store, Instant start,
                         Configuration configuration_value, std::vector<Channel> channels)
    : clock(io, start),
      services{io, clock, secrets},
      catalog(fake_catalog(world)),
      configuration(std::move(configuration_value)),
      journal(clock, std::move(store)),
      notifications(clock, io.get_executor(), std::move(channels), "") {
  journal.free_lease();
  supervisor = std::make_unique<Supervisor>(Assembly{configuration,
                                                     catalog,
                                                     services,
                                                     journal,
                                                     journal,
                                                     {&notices, &notifications},
                                                     "test",
                                                     false});
  struct Life {
    static awaitable<void> live(FakeBascule& self) {
      self.result = co_await self.supervisor->run();
      co_await self.notifications.stop(Deadline::in(self.clock, Duration{3'000}));
      self.ended = true;
    }
  };
  boost::asio::co_spawn(io, Life::live(*this), boost::asio::detached);
}

FakeBascule::~FakeBascule() {
  stop();
}

void FakeBascule::kill(std::unique_ptr<FakeBascule> bascule) {
  static auto* const killed = new std::vector<FakeBascule*>();
  killed->push_back(bascule.release());
}

void FakeBascule::stop() {
  supervisor->request_stop();
  EXPECT_TRUE(clock.advance_until([&] { return ended; }, Duration{60'000})) << "it does not stop";
}

Result<engine::Answer> FakeBascule::command(engine::CommandBody body, std::string reason) {
  std::optional<Result<engine::Answer>> answer;
  struct Asking {
    static awaitable<void> ask(FakeBascule& self, engine::Command command,
                               std::optional<Result<engine::Answer>>* into) {
      into->emplace(co_await self.supervisor->command(std::move(command),
                                                      Deadline::in(self.clock, Duration{30'000})));
    }
  };
  boost::asio::co_spawn(
      io, Asking::ask(*this, engine::Command{"ana", std::move(reason), std::move(body)}, &answer),
      boost::asio::detached);
  EXPECT_TRUE(clock.advance_until([&] { return answer.has_value(); }, Duration{60'000}));
  return answer ? std::move(*answer)
                : Result<engine::Answer>(fail(ErrorCode::timeout, "no answer"));
}

bool FakeBascule::steady() {
  if (supervisor->loop() == nullptr) return false;
  const auto group = state().groups.find(kShop);
  return group != state().groups.end() && group->second.state == GroupState::healthy &&
         group->second.protection == Protection::protected_ && state().obligations.empty();
}

std::size_t FakeBascule::count(std::string_view type) const {
  const std::vector<Record> records = journal.records();
  return static_cast<std::size_t>(std::ranges::count_if(
      records, [&](const Record& record) { return type_name(record.body) == type; }));
}

std::string FakeBascule::story() const {
  std::string text = ended ? "it ended" : "it runs";
  if (ended && !result) text += ": " + result.error().message;
  for (const Record& record : journal.records())
    text += "\n" + to_text(to_json(record)).substr(0, 400);
  return text;
}

bool FakeBascule::run_is(RunState state) {
  const engine::Run* run = newest_run();
  return run != nullptr && run->state == state;
}

const engine::Run* FakeBascule::newest_run() {
  if (supervisor->loop() == nullptr || state().runs.empty()) return nullptr;
  return &state().runs.rbegin()->second;
}

}  // namespace bascule::runtime::test
