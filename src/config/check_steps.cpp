// What steps say about each other and about sites: needs, cycles, and what templates may name.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

std::vector<std::string> names_in(const StepList& list) {
  std::vector<std::string> names;
  names.reserve(list.steps.size());
  for (const StepPart& step : list.steps) {
    if (!step.spec.name.empty()) names.push_back(step.spec.name);
  }
  return names;
}

// Finds one cycle of needs and says it: depth first, each step once. A list is bounded, so is the
// depth.
class CycleFinder {
 public:
  CycleFinder(Reading& reading, const StepList& list) : reading_(reading), list_(list) {}

  void search() {
    for (const StepPart& step : list_.steps) {
      if (!found_) visit(step);
    }
  }

 private:
  void visit(const StepPart& step) {
    if (found_ || !seen_.insert(&step).second) return;
    path_.push_back(&step);
    for (const NeedPart& need : step.needs) {
      const StepPart* needed = list_.find(need.name);
      if (needed == nullptr || found_) continue;
      const auto begin = std::ranges::find(path_, needed);
      if (begin != path_.end()) {
        report(need, {begin, path_.end()});
      } else {
        visit(*needed);
      }
    }
    path_.pop_back();
  }

  void report(const NeedPart& need, const std::vector<const StepPart*>& cycle) {
    found_ = true;
    std::string names;
    for (const StepPart* step : cycle) names += fmt::format("{} → ", step->spec.name);
    reading_.problems.error(
        "cycle", need.where,
        fmt::format("these steps wait for each other: {}{}", names, cycle.front()->spec.name),
        "take one of these needs out");
  }

  Reading& reading_;
  const StepList& list_;
  std::set<const StepPart*> seen_;
  std::vector<const StepPart*> path_;
  bool found_ = false;
};

// Every step that has ended when `step` starts, within its list.
std::set<std::string> ended_before(const StepList& list, const StepPart& step) {
  std::set<std::string> ended;
  std::vector<std::string> open = names_of(step.needs);
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (!ended.insert(name).second) continue;
    if (const StepPart* needed = list.find(name)) {
      for (const NeedPart& need : needed->needs) open.push_back(need.name);
    }
  }
  return ended;
}

// What may be named at one place, and the answer to each name.
class TemplateScope {
 public:
  TemplateScope(Reading& reading, const GroupPart& group, const SitePart& site)
      : reading_(reading), group_(group), site_(site) {}

  void check_step(const StepList& list, const StepPart& step) {
    for (const TemplateUse& use : step.templates) check(use, &list, &step);
    if (list.preflight && step.blocks == Blocks::always) refuse_source(step);
  }
  void check_address() {
    for (const TemplateUse& use : site_.address_templates) check(use, nullptr, nullptr);
  }
  void check_of_check(const TemplateUse& use) {
    const auto [root, rest] = split(use.path);
    if (root == "site") {
      check_variable(use, rest, {&site_});
    } else {
      unknown(use, fmt::format("`{}` is not known in a check", use.path),
              "a check knows its own site: ${{ site.NAME }}");
    }
  }

 private:
  static std::pair<std::string_view, std::string_view> split(std::string_view path) {
    const auto dot = path.find('.');
    if (dot == std::string_view::npos) return {path, {}};
    return {path.substr(0, dot), path.substr(dot + 1)};
  }

  void unknown(const TemplateUse& use, std::string message, std::string hint) {
    reading_.problems.error("unknown_reference", use.where, std::move(message), std::move(hint));
  }

  void refuse_source(const StepPart& step) {
    for (const TemplateUse& use : step.templates) {
      if (split(use.path).first != "source") continue;
      reading_.problems.error("blocks_always", use.where,
                              "an item that reads the source's site may not say `blocks: always`",
                              "in a failover the source is lost: write blocks: planned");
    }
  }

  void check(const TemplateUse& use, const StepList* list, const StepPart* step) {
    const auto [root, rest] = split(use.path);
    const bool protect = list == &site_.protect;
    const bool in_move = list != nullptr && !protect;
    if (root == "site") {
      check_variable(use, rest, {&site_});
    } else if (root == "source" && in_move) {
      check_variable(use, rest, list == &site_.fence ? std::vector{&site_} : others("source"));
    } else if (root == "target" && in_move) {
      check_variable(use, rest, list == &site_.fence ? others("target") : std::vector{&site_});
    } else if (root == "active" && protect) {
      check_variable(use, rest, others("target"));
    } else if (root == "steps" && (list == nullptr || !list->preflight)) {
      check_output(use, rest, list, step);
    } else {
      unknown(use, fmt::format("`{}` is not known here", use.path), known_here(in_move, protect));
    }
  }

  static std::string known_here(bool in_move, bool protect) {
    if (protect) return "protect knows site.NAME, active.NAME and steps.NAME.OUTPUT";
    if (in_move) return "known here: site.NAME, source.NAME, target.NAME, steps.NAME.OUTPUT";
    return "an address knows site.NAME and steps.NAME.OUTPUT of activate";
  }

  // The sites that can stand at the other end of a move.
  [[nodiscard]] std::vector<const SitePart*> others(std::string_view role) const {
    std::vector<const SitePart*> sites;
    for (const SitePart& site : group_.sites) {
      const bool fits = role == "source" ? site.spec.can_be_source : site.spec.can_be_target;
      if (&site != &site_ && fits) sites.push_back(&site);
    }
    return sites;
  }

  void check_variable(const TemplateUse& use, std::string_view key,
                      const std::vector<const SitePart*>& sites) {
    for (const SitePart* site : sites) {
      if (site->values.contains(std::string(key)) || reading_.problems.full()) continue;
      const std::vector<std::string> known = keys_of(site->values);
      const bool own = site == &site_;
      unknown(use,
              own ? fmt::format("site {} has no variable {}", site->spec.name, quote(key))
                  : fmt::format("`{}` can be site {}, which has no variable {}", use.path,
                                site->spec.name, quote(key)),
              suggestion(key, known));
      return;
    }
  }

  void check_output(const TemplateUse& use, std::string_view rest, const StepList* list,
                    const StepPart* step) {
    const auto [name, output] = split(rest);
    if (name.empty() || output.empty() || output.find('.') != std::string_view::npos) {
      unknown(use, fmt::format("`{}` is not a step's output", use.path),
              "write ${{ steps.NAME.OUTPUT }}");
      return;
    }
    const bool after_activate = list == nullptr || list == &site_.verify;
    const StepPart* named = after_activate ? site_.activate.find(name) : nullptr;
    if (named == nullptr && list != nullptr) {
      named = list->find(name);
      if (named != nullptr && !ended_before(*list, *step).contains(std::string(name))) {
        unknown(use, fmt::format("step {} has not ended when this one starts", quote(name)),
                fmt::format("add it to needs: [{}]", name));
        return;
      }
    }
    if (named == nullptr) {
      std::vector<std::string> known = names_in(after_activate ? site_.activate : *list);
      unknown(use, fmt::format("there is no step {} before this", quote(name)),
              suggestion(name, known));
      return;
    }
    if (named->kind == nullptr) return;
    const std::vector<std::string> outputs = names_of(named->kind->outputs);
    if (std::ranges::find(outputs, output) == outputs.end()) {
      unknown(use,
              fmt::format("{} of step {} has no output {}", quote(named->spec.uses), quote(name),
                          quote(output)),
              outputs.empty() ? "it has no outputs" : suggestion(output, outputs));
    }
  }

  Reading& reading_;
  const GroupPart& group_;
  const SitePart& site_;
};

}  // namespace

void check_needs(Reading& reading, StepList& list) {
  const std::vector<std::string> names = names_in(list);
  for (StepPart& step : list.steps) {
    for (const NeedPart& need : step.needs) {
      if (list.find(need.name) == nullptr) {
        reading.problems.error("unknown_need", need.where,
                               fmt::format("there is no step {} in {}", quote(need.name), list.key),
                               suggestion(need.name, names));
      }
      step.spec.needs.push_back(need.name);
    }
  }
  CycleFinder(reading, list).search();
}

void check_templates(Reading& reading, const GroupPart& group) {
  for (const CheckPart& check : group.checks) {
    for (const TemplateUse& use : check.templates) {
      reading.problems.error("unknown_reference", use.where,
                             fmt::format("`{}` is not known in a check of the group", use.path),
                             "it watches what clients see, whichever site is active");
    }
  }
  for (const SitePart& site : group.sites) {
    TemplateScope scope(reading, group, site);
    for (const CheckPart& check : site.checks) {
      for (const TemplateUse& use : check.templates) scope.check_of_check(use);
    }
    scope.check_address();
    for (const StepList* list :
         {&site.preflight, &site.fence, &site.activate, &site.verify, &site.protect}) {
      for (const StepPart& step : list->steps) scope.check_step(*list, step);
    }
  }
}

}  // namespace bascule::config
