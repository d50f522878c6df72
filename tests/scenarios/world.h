// The outside of a scenario: machines, databases that replicate, a front door that compares and
// sets, and what the demo's actions do to them. It has no opinion and no memory of runs, so that it
// goes on existing while Bascule is dead.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/configuration.h"
#include "model/observation.h"
#include "model/plan.h"

namespace bascule::scenario {

struct Machine {
  bool powered = true;
  bool running = true;         // false: every process was killed
  bool silent = false;         // the network swallows what is sent to it
  bool hidden = false;         // only Bascule cannot reach it
  bool switch_answers = true;  // its power switch
  bool app_well = true;
  bool primary = false;
  bool usurper = false;  // promoted behind Bascule's back
  bool sealed = false;
  bool streaming = false;
  bool read_only = false;
  SiteName follows;
  std::int64_t timeline = 5;
  std::uint64_t position = 10'000'000;  // end of its log, or what it received
  std::uint64_t promoted_at = 0;        // position at its promotion
  std::uint64_t behind = 0;             // a replica that cannot keep up
  std::optional<Instant> received_at;

  [[nodiscard]] bool answers() const { return powered && running && !silent; }
  [[nodiscard]] bool swallows() const { return silent || hidden; }
  [[nodiscard]] bool answers_us() const { return answers() && !hidden; }
  [[nodiscard]] bool serves() const { return powered && running; }
  [[nodiscard]] bool accepts_writes() const { return serves() && primary && !sealed && !read_only; }
};

struct Door {
  std::string address;
  Generation generation = 0;
  std::string run;
  std::string cluster = "demo";
  std::string target;
  bool keeps_record = true;  // false: what says who looks after it was removed
  bool answers = true;
};

class World {
 public:
  explicit World(const Configuration& configuration);

  Machine& machine(const SiteName& site) { return machines_.at(site); }
  [[nodiscard]] const std::map<SiteName, Machine>& machines() const { return machines_; }
  Door& door() { return door_; }
  [[nodiscard]] const Door& door() const { return door_; }
  [[nodiscard]] std::string address_of(const SiteName& site) const;
  [[nodiscard]] std::vector<SiteName> writers() const;

  // "front-door taken-by RUN [for SITE] [of CLUSTER]": by default for the site that is shown, and
  // of this cluster.
  void take_door(const std::vector<std::string>& words);

  // Clients write and replicas follow until this moment.
  void advance(Instant now);
  // A killed or switched off machine comes back as what its disk says.
  void start(const SiteName& site);

  // One look of a probe, before any role is judged.
  [[nodiscard]] Observation look(const CheckReference& check, bool is_database, Instant now) const;
  [[nodiscard]] DatabaseFacts facts(const SiteName& site, Instant now) const;

  Result<Inspection> inspect(const engine::Call& call);
  Result<Outputs> apply(const engine::Call& call);
  Result<void> revert(const engine::Call& call);
  // A seal that was announced before anybody had seen the site: it waits until there is an answer.
  [[nodiscard]] bool waits_at_door(const engine::Call& call) const;
  // The same once there is one: it goes in before that check is looked at.
  [[nodiscard]] bool comes_in_first(const engine::Call& call, const CheckReference& check) const;

 private:
  Result<Inspection> inspect_door(const engine::Call& call) const;
  Result<Outputs> write_door(const engine::Call& call);
  [[nodiscard]] std::optional<Error> silence(const engine::Call& call) const;
  [[nodiscard]] const Machine* shown() const;

  GroupSpec group_;
  std::string cluster_;
  std::map<SiteName, Machine> machines_;
  Door door_;
  std::set<std::string> switched_;  // steps of the kind `switch` that are done
  Instant now_;
};

}  // namespace bascule::scenario
