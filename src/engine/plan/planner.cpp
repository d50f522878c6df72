// How a move is computed from the descriptions of two sites. What a template names that is known
// only when a step runs is left as text.
#include "engine/plan/planner.h"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/lookups.h"
#include "model/site_values.h"
#include "model/template.h"

namespace bascule::engine {
namespace {

constexpr Duration kClaimTimeout{10'000};

// The sites that the templates of a step may name.
struct Places {
  const SiteSpec* site = nullptr;
  const SiteSpec* source = nullptr;
  const SiteSpec* target = nullptr;
  const SiteSpec* active = nullptr;
  // What cannot be rendered stays as it is, so that the step fails with its name instead of
  // vanishing: a debt is never forgotten.
  bool keeps_unknown = false;
};

bool is_planned(Move move) {
  return move != Move::failover;
}

StepId step_id(Phase phase, const std::string& name) {
  return StepId(fmt::format("{}/{}", to_string(phase), name));
}

TemplateLookup lookup_in(const Places& places);

Result<std::string> address_of(const SiteSpec& site, Places places) {
  places.site = &site;
  return render_text(site.address, lookup_in(places));
}

bool names_an_address(const SiteSpec& site) {
  const auto references = template_references(site.address);
  return !references || std::ranges::any_of(*references, [](const TemplateReference& reference) {
    return reference.path.ends_with(".address");
  });
}

// `steps.*` is left for render_late(). An address may not name an address: that would have no end.
TemplateLookup lookup_in(const Places& places) {
  return [places](std::string_view path) -> Result<std::optional<std::string>> {
    const auto dot = path.find('.');
    const std::string_view scope = path.substr(0, dot);
    const std::string_view key = dot == std::string_view::npos ? "" : path.substr(dot + 1);
    if (scope == "steps") return std::nullopt;
    const SiteSpec* site = scope == "site"     ? places.site
                           : scope == "source" ? places.source
                           : scope == "target" ? places.target
                           : scope == "active" ? places.active
                                               : nullptr;
    if (site == nullptr) {
      if (places.keeps_unknown) return std::nullopt;
      return fail(ErrorCode::invalid, "`{}` names nothing", path);
    }
    if (key == "at") return place_of(*site);
    if (auto value = site_value(*site, key)) return value;
    if (key == "address" && !names_an_address(*site)) {
      const auto address = address_of(*site, places);
      if (!address) return error_of(address);
      return *address;
    }
    if (places.keeps_unknown) return std::nullopt;
    return fail(ErrorCode::invalid, "site {} has no `{}`", site->name, key);
  };
}

Result<Step> make_step(const StepSpec& spec, Phase phase, const Places& places) {
  Step step;
  step.id = step_id(phase, spec.name);
  step.phase = phase;
  step.name = spec.name;
  step.uses = spec.uses;
  step.site = places.site->name;
  auto settings = render_settings(spec.with, lookup_in(places));
  if (!settings) {
    return fail(in_context(places.site->name.text() + "/" + spec.name, settings.error()));
  }
  step.settings = *std::move(settings);
  step.on_failure = spec.on_failure;
  step.timeout = spec.timeout;
  step.retries = spec.retries;
  step.reversible = spec.reversible;
  step.rung = spec.rung;
  step.delivery = spec.delivery;
  return step;
}

// What a step needs among the ones that are planned: a need that is left out is replaced by what it
// needs itself.
void collect_needs(const std::vector<StepSpec>& specs, const std::set<std::string>& planned,
                   const std::string& name, std::set<std::string>& seen,
                   std::set<std::string>& needs) {
  if (!seen.insert(name).second) return;
  if (planned.contains(name)) {
    needs.insert(name);
    return;
  }
  const auto spec = std::ranges::find(specs, name, &StepSpec::name);
  if (spec == specs.end()) return;
  for (const std::string& need : spec->needs) collect_needs(specs, planned, need, seen, needs);
}

// The steps of one phase, each after what it needs; otherwise in the order of the configuration.
// REQUIRES: no cycle (config/ refuses one); steps of a cycle would follow in their written order.
std::vector<Step> in_order(std::vector<Step> steps) {
  std::vector<Step> ordered;
  std::set<StepId> placed;
  while (!steps.empty()) {
    auto next = std::ranges::find_if(steps, [&](const Step& step) {
      return std::ranges::all_of(step.needs, [&](const StepId& need) {
        return placed.contains(need) || std::ranges::find(steps, need, &Step::id) == steps.end();
      });
    });
    if (next == steps.end()) next = steps.begin();
    placed.insert(next->id);
    ordered.push_back(std::move(*next));
    steps.erase(next);
  }
  return ordered;
}

Result<std::vector<Step>> phase_steps(const std::vector<StepSpec>& specs, Phase phase,
                                      const Places& places, Rung rung_below) {
  std::set<std::string> planned;
  for (const StepSpec& spec : specs) {
    if (phase != Phase::fence || spec.rung < rung_below) planned.insert(spec.name);
  }
  std::vector<Step> steps;
  for (const StepSpec& spec : specs) {
    if (!planned.contains(spec.name)) continue;
    auto step = make_step(spec, phase, places);
    if (!step) return error_of(step);
    std::set<std::string> seen;
    std::set<std::string> needs;
    for (const std::string& need : spec.needs) collect_needs(specs, planned, need, seen, needs);
    for (const std::string& need : needs) step->needs.push_back(step_id(phase, need));
    steps.push_back(*std::move(step));
  }
  return in_order(std::move(steps));
}

constexpr Rung kEveryRung{static_cast<std::uint8_t>(static_cast<std::uint8_t>(Rung::attested) + 1)};

Result<std::vector<Step>> fence_phase(const GroupSpec& group, const SiteSpec& site,
                                      const Places& places, Rung rung_below) {
  auto steps = phase_steps(site.fence, Phase::fence, places, rung_below);
  if (!steps) return steps;
  for (Step& step : *steps) step.timeout = std::min(step.timeout, group.policy.fence.timeout);
  return steps;
}

// "postgres.caught_up" → "caught-up", with a number where the name is taken.
std::string proof_name(const std::string& kind, const std::vector<Step>& others) {
  std::string name = kind.substr(kind.rfind('.') + 1);
  std::ranges::replace(name, '_', '-');
  const auto taken = [&](const std::string& candidate) {
    return std::ranges::find(others, candidate, &Step::name) != others.end();
  };
  std::string candidate = name;
  for (int number = 2; taken(candidate); ++number) candidate = fmt::format("{}-{}", name, number);
  return candidate;
}

// A planned move makes nothing active before it is proved that the target has everything: one proof
// for each kind and settings that an activate step declares, before every activate step.
void add_proofs(const std::vector<StepSpec>& specs, std::vector<Step>& steps) {
  std::vector<Step> proofs;
  for (const Step& step : steps) {
    const auto spec = std::ranges::find(specs, step.name, &StepSpec::name);
    if (spec == specs.end() || spec->proven_by.empty()) continue;
    const bool known = std::ranges::any_of(proofs, [&](const Step& proof) {
      return proof.uses == spec->proven_by && proof.settings == step.settings;
    });
    if (known) continue;
    std::vector<Step> others = steps;
    others.insert(others.end(), proofs.begin(), proofs.end());
    Step proof;
    proof.name = proof_name(spec->proven_by, others);
    proof.id = step_id(Phase::activate, proof.name);
    proof.phase = Phase::activate;
    proof.uses = spec->proven_by;
    proof.site = step.site;
    proof.settings = step.settings;
    proof.timeout = step.timeout;
    proofs.push_back(std::move(proof));
  }
  for (Step& step : steps) {
    std::vector<StepId> needs;
    needs.reserve(proofs.size());
    for (const Step& proof : proofs) needs.push_back(proof.id);
    step.needs.insert(step.needs.begin(), needs.begin(), needs.end());
  }
  steps.insert(steps.begin(), std::make_move_iterator(proofs.begin()),
               std::make_move_iterator(proofs.end()));
}

Result<Step> door_step(const GroupSpec& group, const SiteSpec& shown, const Places& places,
                       std::string_view operation) {
  const bool claims = operation == "claim";
  Step step;
  step.phase = claims ? Phase::claim : Phase::front_door;
  step.name = claims ? "generation" : "address";
  step.id = step_id(step.phase, step.name);
  step.uses = group.front_door->kind;
  step.site = shown.name;
  step.operation = std::string(operation);
  Places around = places;
  around.site = &shown;
  auto settings = render_settings(group.front_door->settings, lookup_in(around));
  if (!settings) return fail(in_context("front_door", settings.error()));
  step.settings = *std::move(settings);
  auto address = address_of(shown, places);
  if (!address) return fail(in_context(shown.name.text() + "/address", address.error()));
  step.settings["address"] = *std::move(address);
  if (claims) step.timeout = kClaimTimeout;
  return step;
}

Result<void> refuse_impossible(const GroupSpec* group, const GroupName& name, Move move,
                               const SiteName& source, const SiteName& target) {
  if (group == nullptr) return fail(ErrorCode::invalid, "there is no group {}", name);
  for (const SiteName& site : {source, target}) {
    if (group->find_site(site) == nullptr) {
      return fail(ErrorCode::invalid, "group {} has no site {}", name, site);
    }
  }
  if (source == target) {
    return fail(ErrorCode::invalid, "{} is the source and the target", source);
  }
  if (!group->find_site(source)->can_be_source) {
    return fail(ErrorCode::invalid, "{} may not be a source (roles)", source);
  }
  if (!group->find_site(target)->can_be_target) {
    return fail(ErrorCode::invalid, "{} may not be a target (roles)", target);
  }
  if (move == Move::failback && target != group->home().name) {
    return fail(ErrorCode::invalid, "a failback goes home, and home is {}", group->home().name);
  }
  if (group->find_site(target)->activate.empty() && !group->front_door) {
    return fail(ErrorCode::invalid, "{} has no activate step: the group is only watched", target);
  }
  return {};
}

std::vector<std::string> exposures_of(const State& state, const GroupSpec& group,
                                      const Plan& plan) {
  std::vector<std::string> exposures;
  const auto status = state.groups.find(group.name);
  Rung rung = Rung::none;
  if (status != state.groups.end() && status->second.attested.contains(plan.source)) {
    rung = Rung::attested;
  }
  for (const Step& step : plan.steps) {
    if (step.phase == Phase::fence) rung = std::max(rung, step.rung);
  }
  const FencePolicy& fence = group.policy.fence;
  if (!is_planned(plan.move) && fence.proceed_otherwise && rung < fence.at_least) {
    exposures.push_back(fmt::format("two writers are possible until {} is fenced", plan.source));
  }
  if (group.front_door && group.front_door->last_writer_wins) {
    exposures.push_back(fmt::format("{} is written without comparing: the last writer wins",
                                    group.front_door->name));
  }
  return exposures;
}

std::string fingerprint_of(const State& state, const GroupSpec& group, const Plan& plan) {
  Json steps = Json::array();
  for (const Step& step : plan.steps) {
    steps.push_back({{"id", step.id.text()}, {"settings", step.settings}});
  }
  const auto status = state.groups.find(group.name);
  Json from = {{"group", to_json(group)},
               {"move", std::string(to_string(plan.move))},
               {"source", plan.source.text()},
               {"target", plan.target.text()},
               {"active", nullptr},
               {"last_run", nullptr},
               {"steps", steps}};
  if (status != state.groups.end()) {
    if (status->second.active) from["active"] = status->second.active->text();
    from["last_run"] = status->second.last_run.text();
  }
  return fingerprint(from);
}

Result<void> append(std::vector<Step>& steps, Result<std::vector<Step>> more) {
  if (!more) return error_of(more);
  steps.insert(steps.end(), std::make_move_iterator(more->begin()),
               std::make_move_iterator(more->end()));
  return {};
}

Result<std::vector<Step>> all_phases(const GroupSpec& group, Move move, const SiteSpec& source,
                                     const SiteSpec& target) {
  const Places before{&source, &source, &target, &source, false};
  const Places activating{&target, &source, &target, &source, false};
  const Places after{&target, &source, &target, &target, false};
  std::vector<Step> steps;
  if (group.front_door) {
    auto claim = door_step(group, source, before, "claim");
    if (!claim) return error_of(claim);
    steps.push_back(*std::move(claim));
  }
  auto fence = fence_phase(group, source, before, is_planned(move) ? Rung::cut : kEveryRung);
  if (!fence) return fence;
  if (!is_planned(move) && group.policy.fence.proceed_otherwise) {
    for (Step& step : *fence) {
      const auto spec = std::ranges::find(source.fence, step.name, &StepSpec::name);
      if (!spec->on_failure_written) step.on_failure = OnFailure::continue_;
    }
  }
  if (auto added = append(steps, std::move(fence)); !added) return error_of(added);
  auto activate = phase_steps(target.activate, Phase::activate, activating, kEveryRung);
  if (!activate) return activate;
  if (is_planned(move)) add_proofs(target.activate, *activate);
  if (auto added = append(steps, std::move(activate)); !added) return error_of(added);
  if (group.front_door) {
    auto door = door_step(group, target, after, "switch");
    if (!door) return error_of(door);
    steps.push_back(*std::move(door));
  }
  auto verify = phase_steps(target.verify, Phase::verify, after, kEveryRung);
  if (auto added = append(steps, std::move(verify)); !added) return error_of(added);
  return steps;
}

struct Debt {
  const GroupSpec* group = nullptr;
  const SiteSpec* site = nullptr;
  Places places;
};

// Where a site that was the source stands towards the one that is active now.
std::optional<Debt> debt_of(const State& state, const GroupName& name, const SiteName& site,
                            const SiteName& active) {
  const GroupSpec* group = state.configuration.find_group(name);
  if (group == nullptr) return std::nullopt;
  const SiteSpec* debtor = group->find_site(site);
  const SiteSpec* serving = group->find_site(active);
  if (debtor == nullptr || serving == nullptr) return std::nullopt;
  return Debt{group, debtor, Places{debtor, debtor, serving, serving, true}};
}

}  // namespace

Result<Plan> plan_move(const State& state, const GroupName& group, Move move,
                       const SiteName& source, const SiteName& target) {
  const GroupSpec* spec = state.configuration.find_group(group);
  if (auto possible = refuse_impossible(spec, group, move, source, target); !possible) {
    return error_of(possible);
  }
  auto steps = all_phases(*spec, move, *spec->find_site(source), *spec->find_site(target));
  if (!steps) return error_of(steps);
  Plan plan;
  plan.group = group;
  plan.move = move;
  plan.source = source;
  plan.target = target;
  plan.steps = *std::move(steps);
  plan.exposures = exposures_of(state, *spec, plan);
  plan.fingerprint = fingerprint_of(state, *spec, plan);
  return plan;
}

std::optional<Step> front_door_step(const State& state, const GroupName& group,
                                    const SiteName& active, std::string_view operation) {
  const GroupSpec* spec = state.configuration.find_group(group);
  const SiteSpec* site = spec == nullptr ? nullptr : spec->find_site(active);
  if (site == nullptr || !spec->front_door) return std::nullopt;
  auto step = door_step(*spec, *site, Places{site, site, site, site, true}, operation);
  if (!step) return std::nullopt;
  return *std::move(step);
}

std::vector<Step> fence_steps(const State& state, const GroupName& group, const SiteName& site,
                              const SiteName& active) {
  const auto debt = debt_of(state, group, site, active);
  if (!debt) return {};
  return fence_phase(*debt->group, *debt->site, debt->places, kEveryRung)
      .value_or(std::vector<Step>());
}

std::vector<Step> preflight_steps(const State& state, const GroupName& group,
                                  const SiteName& target, const SiteName& active) {
  const GroupSpec* spec = state.configuration.find_group(group);
  const SiteSpec* to = spec == nullptr ? nullptr : spec->find_site(target);
  const SiteSpec* from = spec == nullptr ? nullptr : spec->find_site(active);
  if (to == nullptr || from == nullptr) return {};
  std::vector<Step> steps;
  for (const PreflightSpec& preflight : to->preflight) {
    auto step = make_step(preflight.item, Phase::verify, Places{to, from, to, from, true});
    if (!step) continue;
    step->id = StepId("preflight/" + preflight.item.name);
    steps.push_back(*std::move(step));
  }
  return steps;
}

bool is_ready(const Inspection& item) {
  return item.finding == Finding::done;
}

std::vector<Step> standby_steps(const State& state, const GroupName& group, const SiteName& site,
                                const SiteName& active) {
  const auto debt = debt_of(state, group, site, active);
  if (!debt) return {};
  std::vector<Step> steps =
      fence_phase(*debt->group, *debt->site, debt->places, Rung::cut).value_or(std::vector<Step>());
  if (!debt->site->can_be_standby) return steps;
  std::vector<Step> protect =
      phase_steps(debt->site->protect, Phase::protect, debt->places, kEveryRung)
          .value_or(std::vector<Step>());
  // The phases of a standby have no machinery of their own: what fences goes before what rebuilds.
  for (Step& step : protect) {
    for (const Step& fence : steps) step.needs.push_back(fence.id);
  }
  steps.insert(steps.end(), std::make_move_iterator(protect.begin()),
               std::make_move_iterator(protect.end()));
  return steps;
}

Result<Json> render_late(const Execution& execution, const Step& step) {
  const auto lookup = [&](std::string_view path) -> Result<std::optional<std::string>> {
    const std::string_view rest = path.substr(path.find('.') + 1);
    const auto dot = rest.find('.');
    if (!path.starts_with("steps.") || dot == std::string_view::npos) {
      return fail(ErrorCode::invalid, "`{}` is not known when a step starts", path);
    }
    const std::string_view name = rest.substr(0, dot);
    const std::string output(rest.substr(dot + 1));
    // Names are unique within a site; a step means its own site's first.
    const StepProgress* found = nullptr;
    for (const Step& other : execution.steps) {
      const auto progress = execution.progress.find(other.id);
      if (other.name != name || progress == execution.progress.end()) continue;
      const bool ended = progress->second.state == StepState::done ||
                         progress->second.state == StepState::unchanged;
      if (ended && (found == nullptr || other.site == step.site)) found = &progress->second;
    }
    if (found == nullptr) {
      return fail(ErrorCode::invalid, "step {} gave out nothing: `{}` is not known", name, path);
    }
    const auto value = found->outputs.find(output);
    if (value == found->outputs.end()) {
      return fail(ErrorCode::invalid, "step {} has no output `{}`", name, output);
    }
    return value->second.is_string() ? value->second.get<std::string>() : to_text(value->second);
  };
  auto rendered = render_settings(step.settings, lookup);
  if (!rendered) return fail(in_context(step.id.text(), rendered.error()));
  return without_escapes(*rendered);
}

}  // namespace bascule::engine
