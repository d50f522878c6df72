#include "runtime/checklist.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "async/scope.h"
#include "model/template.h"
#include "runtime/preview.h"

namespace bascule::runtime {
namespace {

using Found = std::optional<Result<Inspection>>;

Plan move_between(GroupName group, Move move, SiteName source, SiteName target) {
  Plan plan;
  plan.group = std::move(group);
  plan.move = move;
  plan.source = std::move(source);
  plan.target = std::move(target);
  return plan;
}

awaitable<void> ask_item(StepRunner& runner, Loop& loop, engine::Call call, Deadline deadline) {
  engine::PreflightRead read{call.group, call.target, call.step.name, Inspection()};
  read.result = co_await runner.inspect(std::move(call), deadline);
  loop.post(std::move(read));
}

// One item of the list, as it was asked.
struct Asked {
  ChecklistItem item;
  Found found;
};

awaitable<void> ask_for_person(StepRunner& runner, Loop& loop, engine::Call call, Deadline deadline,
                               Asked* asked) {
  const Instant began = loop.now();
  asked->found.emplace(co_await runner.inspect(call, deadline, AskedBy::person));
  asked->item.took = loop.now() - began;
  if (asked->item.is_item) {
    loop.post(engine::PreflightRead{call.group, call.target, call.step.name, *asked->found});
  }
}

// Such an answer stays the same however often it is asked for.
bool is_an_answer(ErrorCode code) {
  return code == ErrorCode::denied || code == ErrorCode::invalid || code == ErrorCode::not_found ||
         code == ErrorCode::corrupt || code == ErrorCode::superseded;
}

Blocks blocks_of_step(const ChecklistItem& item) {
  const bool only_planned = item.step.phase == Phase::fence || !item.of_failover;
  if (only_planned) return item.of_planned ? Blocks::planned : Blocks::never;
  return item.step.on_failure == OnFailure::continue_ ? Blocks::never : Blocks::always;
}

void judge_inspection(ChecklistItem& item, const Inspection& found) {
  item.because = found.because.empty() ? found.change : found.because;
  item.evidence = found.facts;
  if (item.is_item) {
    item.state = engine::is_ready(found) ? ItemState::ok : ItemState::failed;
    if (item.state != ItemState::ok && item.because.empty()) item.because = "it is not ready";
    return;
  }
  item.state = found.finding == Finding::blocked ? ItemState::failed : ItemState::ok;
  if (found.finding == Finding::needed && !found.change.empty()) item.because = found.change;
}

std::string remedy_for(const Catalog& catalog, const ChecklistItem& item,
                       const std::optional<Error>& error) {
  if (error && !error->what_to_do.empty()) return error->what_to_do;
  const ActionKind* kind = catalog.find_action(item.step.uses);
  const bool may_not = error && error->code == ErrorCode::denied;
  if (may_not && kind != nullptr && !kind->kind.permissions.empty()) {
    return fmt::format("let its credentials do what `{}` needs: {}", item.step.uses,
                       fmt::join(kind->kind.permissions, "; "));
  }
  if (kind != nullptr && !kind->remedy.empty()) return kind->remedy;
  return error ? fmt::format("see why {} does not answer from here", item.step.site)
               : fmt::format("put it right at {}", item.step.site);
}

// What an inspection says about a step that only means something once the front door leads to the
// target, or once an earlier step gave something out.
bool is_known_only_later(const ChecklistItem& item, const Found& found) {
  if (item.is_item) return false;
  if (!found) return true;
  if (item.step.phase != Phase::verify) return false;
  return *found ? (*found)->finding != Finding::blocked : !is_an_answer(found->error().code);
}

ChecklistItem judge(Asked asked, const Catalog& catalog) {
  ChecklistItem item = std::move(asked.item);
  if (is_known_only_later(item, asked.found)) {
    item.because = item.step.phase == Phase::verify ? kAfterTheSwitch : "known after another step";
    return item;
  }
  std::optional<Error> error;
  if (*asked.found) {
    judge_inspection(item, **asked.found);
  } else {
    error = asked.found->error();
    item.because = error->message;
    item.state = is_an_answer(error->code) ? ItemState::failed : ItemState::unknown;
  }
  if (item.state == ItemState::ok) return item;
  item.what_to_do = remedy_for(catalog, item, error);
  item.stops_failover = item.blocks == Blocks::always;
  item.stops_planned = item.blocks != Blocks::never;
  return item;
}

// The steps of both plans, each once, in the order of their phases.
void add_steps(std::vector<Asked>& all, const Plan& plan) {
  for (const Step& step : plan.steps) {
    auto found = std::ranges::find_if(
        all, [&](const Asked& asked) { return asked.item.step.id == step.id; });
    if (found == all.end()) {
      Asked asked;
      asked.item.step = step;
      const auto later = std::ranges::find_if(all, [&](const Asked& other) {
        return !other.item.is_item && other.item.step.phase > step.phase;
      });
      found = all.insert(later, std::move(asked));
    }
    (plan.move == Move::failover ? found->item.of_failover : found->item.of_planned) = true;
  }
}

Result<SiteName> active_site(const engine::State& state, const GroupName& group,
                             const SiteName& target) {
  const GroupSpec* spec = state.configuration.find_group(group);
  const auto status = state.groups.find(group);
  if (spec == nullptr || status == state.groups.end())
    return fail(ErrorCode::not_found, "there is no group `{}`", group);
  if (spec->find_site(target) == nullptr) {
    return fail(Error{ErrorCode::not_found, fmt::format("{} has no site `{}`", group, target),
                      "bascule status", std::nullopt});
  }
  if (!status->second.active) {
    return fail(
        Error{ErrorCode::invalid, fmt::format("it is not known which site of {} is active", group),
              fmt::format("bascule adopt {} --active SITE --reason TEXT", group), std::nullopt});
  }
  if (*status->second.active == target) {
    return fail(Error{ErrorCode::invalid, fmt::format("{} is active already", target),
                      fmt::format("bascule preflight {} --to SITE, of another site", group),
                      std::nullopt});
  }
  return *status->second.active;
}

std::vector<Asked> list_items(const engine::State& state, Checklist& list) {
  std::vector<Asked> all;
  const SiteSpec& site = *state.configuration.find_group(list.group)->find_site(list.target);
  for (Step& step : engine::preflight_steps(state, list.group, list.target, list.source)) {
    Asked asked;
    asked.item.is_item = true;
    const auto spec = std::ranges::find(site.preflight, step.name,
                                        [](const PreflightSpec& item) { return item.item.name; });
    asked.item.blocks = spec->blocks;
    asked.item.step = std::move(step);
    all.push_back(std::move(asked));
  }
  for (const auto& [move, refused] : {std::pair{Move::switchover, &list.no_planned},
                                      std::pair{Move::failover, &list.no_failover}}) {
    const Result<Plan> plan = engine::plan_move(state, list.group, move, list.source, list.target);
    if (plan) add_steps(all, *plan);
    if (!plan) *refused = plan.error();
  }
  return all;
}

}  // namespace

std::string_view to_string(ItemState state) {
  switch (state) {
    case ItemState::ok:
      return "ok";
    case ItemState::failed:
      return "failed";
    case ItemState::unknown:
      return "unknown";
  }
  return "unknown";
}

awaitable<Result<Checklist>> go_through_checklist(boost::asio::any_io_executor executor, Loop& loop,
                                                  StepRunner& runner, GroupName group,
                                                  SiteName target, Deadline deadline) {
  Result<SiteName> source = active_site(loop.state(), group, target);
  if (!source) co_return error_of(source);
  Checklist list;
  list.group = std::move(group);
  list.source = std::move(*source);
  list.target = std::move(target);
  std::vector<Asked> all = list_items(loop.state(), list);
  Scope scope(executor, [](const std::string&, const std::string&) {});
  for (Asked& asked : all) {
    if (!asked.item.is_item) asked.item.blocks = blocks_of_step(asked.item);
    if (waits_for_outputs(asked.item.step)) continue;
    const bool only_planned = !asked.item.is_item && !asked.item.of_failover;
    const Plan plan = move_between(list.group, only_planned ? Move::switchover : Move::failover,
                                   list.source, list.target);
    scope.spawn(asked.item.step.id.text(),
                ask_for_person(runner, loop, inspection_of(loop.state(), plan, asked.item.step),
                               deadline, &asked));
  }
  co_await scope.join();
  for (Asked& asked : all) list.items.push_back(judge(std::move(asked), runner.catalog()));
  co_return list;
}

awaitable<void> ask_preflight(boost::asio::any_io_executor executor, Loop& loop, StepRunner& runner,
                              GroupName group, Deadline deadline) {
  const engine::State& state = loop.state();
  const GroupSpec* spec = state.configuration.find_group(group);
  const auto status = state.groups.find(group);
  if (spec == nullptr || status == state.groups.end() || !status->second.active) co_return;
  const SiteName active = *status->second.active;
  Scope scope(executor, [](const std::string&, const std::string&) {});
  for (const SiteSpec& site : spec->sites) {
    if (site.name == active) continue;
    const Plan plan = move_between(group, Move::failover, active, site.name);
    for (const Step& step : engine::preflight_steps(state, group, site.name, active)) {
      scope.spawn(step.id.text(),
                  ask_item(runner, loop, inspection_of(state, plan, step), deadline));
    }
  }
  co_await scope.join();
}

}  // namespace bascule::runtime
