// A small world for the engine's tests: the shop of two sites from the demo's configuration,
// amsterdam active and berlin its standby, with everything well, and the few ways it goes wrong.
// Only tests include this; it makes plain values and knows nothing of decide or evolve.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/name.h"
#include "base/time.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/configuration.h"
#include "model/observation.h"

namespace bascule::engine::test_world {

inline const GroupName kShop{"shop"};
inline const SiteName kAmsterdam{"amsterdam"};
inline const SiteName kBerlin{"berlin"};
inline const ObserverName kLaptop{"laptop"};
inline constexpr std::uint64_t kMegabyte = std::uint64_t{1} << 20;

// The moment `milliseconds` after 2026-11-23T16:00:00Z. May be negative.
inline Instant at(std::int64_t milliseconds) {
  return Instant(Duration(1'795'449'600'000 + milliseconds));
}

inline CheckReference check_of(const SiteName& site, const std::string& check) {
  return CheckReference{kShop, site, CheckName(check)};
}
inline CheckReference database_of(const SiteName& site) {
  return check_of(site, "database");
}
inline CheckReference app_of(const SiteName& site) {
  return check_of(site, "app");
}

inline StepSpec step_spec(std::string name, std::string uses, Json with, OnFailure on_failure) {
  StepSpec step;
  step.name = std::move(name);
  step.uses = std::move(uses);
  step.with = std::move(with);
  step.on_failure = on_failure;
  return step;
}

inline SiteSpec shop_site(const SiteName& name, const std::string& at_place,
                          const std::string& ip) {
  SiteSpec site;
  site.name = name;
  site.at = at_place;
  site.vars = {{"ip", ip}};
  site.address = "${{ site.ip }}";

  CheckSpec app;
  app.name = CheckName("app");
  app.kind = "http";
  app.settings = {{"url", "http://${{ site.ip }}:8080/health"}, {"method", "GET"}};
  CheckSpec database;
  database.name = CheckName("database");
  database.kind = "postgres";
  database.settings = {{"host", "${{ site.ip }}"},
                       {"port", 5432},
                       {"database", "shop"},
                       {"user", "monitor"},
                       {"password", {{"$secret", "file:monitor.password"}}}};
  database.watches_database = true;
  site.checks = {app, database};

  PreflightSpec lag;
  lag.item = step_spec("lag", "postgres.replication_lag", {{"check", "database"}, {"max", 30'000}},
                       OnFailure::rollback);
  site.preflight = {lag};

  StepSpec seal =
      step_spec("seal", "postgres.fence", {{"check", "database"}}, OnFailure::continue_);
  seal.on_failure_written = true;
  seal.rung = Rung::sealed;
  StepSpec cut = step_spec("cut", "hook",
                           {{"rung", "cut"},
                            {"run", {"power", "off", "${{ site.name }}"}},
                            {"proof", {"power", "is-off", "${{ site.name }}"}},
                            {"undo", {"power", "on", "${{ site.name }}"}}},
                           OnFailure::park);
  cut.rung = Rung::cut;
  cut.timeout = Duration(5'000);
  site.fence = {seal, cut};

  StepSpec promote =
      step_spec("promote", "postgres.promote", {{"check", "database"}}, OnFailure::rollback);
  promote.reversible = false;
  promote.proven_by = "postgres.caught_up";
  site.activate = {promote};

  site.verify = {
      step_spec("answers", "http.answers",
                {{"url", "http://www.shop.test:8080/health"}, {"attempts", 20}, {"every", 250}},
                OnFailure::rollback)};

  StepSpec rejoin = step_spec(
      "rejoin", "postgres.rejoin",
      {{"check", "database"}, {"run", {"rejoin", "${{ site.name }}", "${{ active.ip }}"}}},
      OnFailure::obligation);
  rejoin.timeout = Duration(120'000);
  site.protect = {rejoin};
  return site;
}

// The demo's configuration (two sites, automatic, fence at least cut) with every default filled in.
inline Configuration two_site_configuration() {
  GroupSpec shop;
  shop.name = kShop;
  shop.policy.mode = Mode::automatic;
  shop.policy.failover_when = {{"database"}};
  shop.policy.detect.interval = Duration(1'000);
  shop.policy.detect.timeout = Duration(900);
  shop.policy.detect.failures = 3;
  shop.policy.detect.window = Duration(5'000);
  shop.policy.detect.recoveries = 5;
  shop.policy.detect.confirm = Duration(200);
  shop.policy.detect.min_duration = Duration(400);
  shop.policy.cooldown = Duration(600'000);
  shop.policy.max_data_loss_time = Duration(10'000);
  shop.policy.max_data_loss_bytes = std::int64_t{16} << 20;
  shop.policy.fence.at_least = Rung::cut;
  shop.policy.fence.timeout = Duration(2'000);

  FrontDoorSpec door;
  door.kind = "dns.record";
  door.settings = {{"servers", {"127.0.0.1:5300"}},
                   {"zone", "shop.test."},
                   {"name", "www.shop.test."},
                   {"type", "A"},
                   {"ttl", 1'000},
                   {"key",
                    {{"name", "bascule-key."},
                     {"algorithm", "hmac-sha256"},
                     {"secret", {{"$secret", "file:tsig.secret"}}}}}};
  door.name = "www.shop.test";
  shop.front_door = door;
  shop.sites = {shop_site(kAmsterdam, "rack-1", "127.0.1.1"),
                shop_site(kBerlin, "rack-2", "127.0.1.2")};

  Configuration configuration;
  configuration.cluster = "demo";
  configuration.observer = ObserverSpec{kLaptop, ""};
  configuration.observers = {configuration.observer};
  configuration.store_kind = "memory";
  configuration.max_concurrent_runs = 1;
  configuration.groups = {shop};
  return configuration;
}

inline GroupSpec& shop_in(State& state) {
  return state.configuration.groups.front();
}
inline Policy& policy_in(State& state) {
  return shop_in(state).policy;
}
inline GroupStatus& status_in(State& state) {
  return state.groups.at(kShop);
}

inline DatabaseFacts primary_facts(Instant read_at, std::uint64_t position,
                                   std::int64_t timeline = 5) {
  DatabaseFacts facts;
  facts.read_at = read_at;
  facts.role = DatabaseRole::primary;
  facts.system_identifier = "7300000000000000001";
  facts.timeline = timeline;
  facts.position = position;
  facts.replayed = position;
  return facts;
}

inline DatabaseFacts replica_facts(Instant read_at, std::uint64_t position, bool streaming = true,
                                   std::int64_t timeline = 5) {
  DatabaseFacts facts = primary_facts(read_at, position, timeline);
  facts.role = DatabaseRole::replica;
  facts.accepts_writes = false;
  facts.streaming = streaming;
  facts.lag = Duration(0);
  facts.last_received_at = read_at;
  return facts;
}

// One look as a probe would have made it, before any expected role is judged.
inline Observation look(const CheckReference& check, Instant when, Health health) {
  Observation observation;
  observation.check = check;
  observation.observer = kLaptop;
  observation.at = when;
  observation.health = health;
  if (health == Health::failed) {
    observation.summary = "connection refused";
    observation.error = Error{ErrorCode::unavailable, "connection refused", "", std::nullopt};
  } else {
    observation.latency = Microseconds(400);
    observation.summary = "200";
  }
  return observation;
}

inline Observation database_look(const CheckReference& check, const DatabaseFacts& facts) {
  Observation observation = look(check, facts.read_at, Health::healthy);
  observation.summary = facts.role == DatabaseRole::primary ? "primary" : "replica";
  observation.database = facts;
  return observation;
}

// What a detector says after one more look that was well.
inline Opinion well(Observation newest, Instant since) {
  Opinion opinion;
  opinion.check = newest.check;
  opinion.observer = newest.observer;
  opinion.health = newest.health;
  opinion.since = since;
  opinion.newest_at = newest.at;
  opinion.expires_at = newest.at + Duration(2'900);
  opinion.looks = 5;
  opinion.newest = std::move(newest);
  return opinion;
}

// What a detector says when enough looks have failed: the first at `first_failed`, the newest 400
// ms later.
inline Opinion down(const CheckReference& check, Instant first_failed) {
  Opinion opinion = well(look(check, first_failed + Duration(400), Health::failed), first_failed);
  opinion.suspect = true;
  opinion.down = true;
  opinion.first_failed_at = first_failed;
  opinion.failures = 3;
  opinion.looks = 3;
  opinion.because = "3 of 3 looks failed in 0.4s (connection refused)";
  return opinion;
}

inline void put(Readings& readings, const Opinion& opinion) {
  readings.opinions[opinion.check][opinion.observer] = opinion;
}

// amsterdam active for an hour, nothing open, nothing owed.
inline State two_site_state(Instant now) {
  State state;
  state.configuration = two_site_configuration();
  state.configuration_fingerprint = "c0ffee000000";
  state.cluster = "demo";
  state.seq = 20;
  state.term = 7;
  state.last_at = now;
  GroupStatus shop;
  shop.active = kAmsterdam;
  shop.active_since = now - Duration(3'600'000);
  shop.state = GroupState::healthy;
  shop.state_since = shop.active_since;
  shop.protection = Protection::protected_;
  shop.generation = 41;
  state.groups[kShop] = shop;
  for (const SiteName& site : {kAmsterdam, kBerlin}) {
    for (const CheckReference& check : {app_of(site), database_of(site)}) {
      CheckVerdict verdict;
      verdict.health = Health::healthy;
      verdict.since = shop.active_since;
      state.verdicts[check] = verdict;
    }
  }
  return state;
}

// A reading of a site's database, kept as take() keeps it.
inline void put(Readings& readings, const SiteName& site, const DatabaseFacts& facts) {
  DatabaseReading& reading = readings.databases[database_of(site)];
  reading.newest = facts;
  reading.recent.push(facts);
}

// Every check healthy as of `now`, the standby holding all that the primary wrote, 10 MiB of it,
// sampled once a second for the last five.
inline Readings healthy_readings(Instant now) {
  Readings readings;
  const Instant since = now - Duration(3'600'000);
  for (int seconds = 5; seconds >= 0; --seconds) {
    const Instant read_at = now - Duration(1'000 * seconds);
    const auto written = 10 * kMegabyte - 1'024 * static_cast<std::uint64_t>(seconds);
    put(readings, kBerlin, replica_facts(read_at, written));
    put(readings, kAmsterdam, primary_facts(read_at, written));
  }
  readings.databases[database_of(kBerlin)].before_failure =
      readings.databases[database_of(kBerlin)].newest;
  for (const SiteName& site : {kAmsterdam, kBerlin}) {
    put(readings, well(look(app_of(site), now, Health::healthy), since));
    put(readings,
        well(database_look(database_of(site), *readings.databases[database_of(site)].newest),
             since));
  }
  ControllerReading controller;
  controller.at = now;
  controller.store_latency = Microseconds(200);
  readings.controllers[kLaptop] = controller;
  return readings;
}

// amsterdam died just after its last good reading and failed its first look at `first_failed`; its
// checks are down and berlin, whose receiver has ended, was looked at again 400 ms later.
inline void lose_amsterdam(Readings& readings, Instant first_failed) {
  put(readings, down(database_of(kAmsterdam), first_failed));
  put(readings, down(app_of(kAmsterdam), first_failed));
  const Instant seen = first_failed + Duration(400);
  DatabaseFacts replica = *readings.databases[database_of(kBerlin)].newest;
  replica.read_at = seen;
  replica.streaming = false;
  replica.last_received_at.reset();
  replica.lag.reset();
  put(readings, kBerlin, replica);
  Observation observation = database_look(database_of(kBerlin), replica);
  observation.health = Health::degraded;
  put(readings, well(observation, first_failed));
  put(readings, well(look(app_of(kBerlin), seen, Health::healthy), first_failed));
  readings.controllers[kLaptop].at = seen;
}

}  // namespace bascule::engine::test_world
