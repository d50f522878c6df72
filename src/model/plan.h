// A plan: the steps of one move, computed from the descriptions of the sites; and what an
// inspection found.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/name.h"
#include "base/time.h"
#include "model/configuration.h"
#include "model/json.h"
#include "model/words.h"

namespace bascule {

// One node of the DAG. Settings are rendered except for what refers to `steps.*`, which is known
// only later.
struct Step {
  StepId
      id;  // PHASE/NAME, "fence/cut"; in JSON and for people the front door's phase is `front_door`
  Phase phase = Phase::activate;
  std::string name;
  std::string uses;
  SiteName site;          // whose description it came from; its `${{ site.* }}`
  std::string operation;  // of a front door: "claim" or "switch"; else empty
  Json settings = Json::object();
  std::vector<StepId> needs;  // besides the phases before it
  OnFailure on_failure = OnFailure::rollback;
  Duration timeout{300'000};
  std::optional<std::int64_t> retries;
  bool reversible = true;
  Rung rung = Rung::none;
  Delivery delivery = Delivery::proven;
};

struct Plan {
  GroupName group;
  Move move = Move::failover;
  SiteName source;
  SiteName target;
  std::vector<Step> steps;  // in the order of phases; a topological order
  std::vector<std::string>
      exposures;  // sentences: "two writers are possible until amsterdam is fenced"
  std::string fingerprint;

  [[nodiscard]] const Step* find(const StepId& id) const;
};

// What inspect says. `prior` is what revert needs to know; `change` is a sentence fragment for
// people ("refuse logins, end 6 sessions"); `facts` are what the inspection read (of a front door:
// address, generation, cluster, run, target), also available when nothing is needed.
struct Inspection {
  Finding finding = Finding::needed;
  Json prior = nullptr;
  Json facts = Json::object();
  std::string change;
  std::string because;      // for pending and blocked: what it waits for, what is in the way
  std::string fingerprint;  // of the identity found, never of measurements
};

using Outputs = std::map<std::string, Json>;

Json to_json(const Step& step);
Json to_json(const Plan& plan);
Result<Step> step_from_json(const Json& json);
Result<Plan> plan_from_json(const Json& json);

}  // namespace bascule
