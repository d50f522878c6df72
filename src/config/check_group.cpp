// What a group's parts say together: can it move at all, can its policy be kept, and what is left
// without each of its sites.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/parts.h"
#include "config/suggest.h"
#include "model/template.h"

namespace bascule::config {
namespace {

constexpr Duration kHastyThreshold{5'000};

bool only_watched(const GroupPart& group) {
  return std::ranges::none_of(group.sites,
                              [](const SitePart& site) { return site.activate.where.has_value(); });
}

// By itself, or as soon as nobody objects.
bool automatic(const GroupPart& group) {
  const Policy& policy = group.policy.policy;
  return policy.mode == Mode::automatic ||
         (policy.mode == Mode::approve && policy.approve_proceeds_on_timeout);
}

void check_roles(Reading& reading, const GroupPart& group) {
  if (only_watched(group)) {
    if (group.front_door) {
      reading.problems.error("never_moved", *group.front_door,
                             "there is a front door, but no site has `activate`: it would never "
                             "be moved",
                             "say how a site is made active, or leave the front door out");
    } else if (group.policy.policy.mode != Mode::manual) {
      reading.problems.error("only_watched", group.policy.where,
                             fmt::format("mode `{}`, but no site has `activate`: nothing could be "
                                         "done",
                                         to_string(group.policy.policy.mode)),
                             "say how a site is made active, or write mode: manual");
    } else {
      reading.problems.warning("only_watched", group.name,
                               fmt::format("group {} is only watched: no site has `activate`",
                                           quote(group.spec.name.text())));
    }
    return;
  }
  bool possible = false;
  for (const SitePart& site : group.sites) {
    if (site.spec.can_be_target && !site.activate.where) {
      reading.problems.error(
          "missing_activate", site.name,
          fmt::format("site {} has no `activate`, so it cannot be a target", site.spec.name),
          "add activate, or say so: roles: [source, standby]");
    }
    for (const SitePart& other : group.sites) {
      possible =
          possible || (&site != &other && site.spec.can_be_source && other.spec.can_be_target);
    }
  }
  if (!possible) {
    reading.problems.error("never_moved", group.name,
                           fmt::format("no move is possible in group {}: no site can be source "
                                       "while another can be target",
                                       quote(group.spec.name.text())),
                           "check the roles of its sites");
  }
}

void check_failover_when(Reading& reading, const GroupPart& group) {
  std::set<std::string> known;
  std::set<std::string> of_group;
  for (const SitePart& site : group.sites) {
    for (const auto& [name, kind] : site.check_kinds) known.insert(name);
  }
  for (const CheckPart& check : group.checks) of_group.insert(check.spec.name.text());
  for (const NamedCheck& named : group.policy.failover_when) {
    if (reading.problems.full()) return;
    if (!known.contains(named.name)) {
      reading.problems.error(
          "unknown_check", named.where,
          of_group.contains(named.name)
              ? fmt::format("{} is a check of the group: those never start a move",
                            quote(named.name))
              : fmt::format("no site has a check {}", quote(named.name)),
          suggestion(named.name, {known.begin(), known.end()}));
      continue;
    }
    const auto without = std::ranges::find_if(group.sites, [&](const SitePart& site) {
      return site.spec.can_be_source && !site.check_kinds.contains(named.name);
    });
    if (without == group.sites.end()) continue;
    reading.problems.error(
        "unknown_check", named.where,
        fmt::format("site {} has no check {}", without->spec.name, quote(named.name)),
        "every site that can be source needs it, or says roles: [target, standby]");
  }
}

void check_threshold(Reading& reading, const GroupPart& group) {
  const DetectPolicy& detect = group.policy.policy.detect;
  if (!automatic(group) || !group.policy.detect_whole) return;
  const Duration threshold = detect.failures * detect.interval;
  if (threshold >= kHastyThreshold) return;
  reading.problems.warning(
      "hasty", group.policy.where,
      fmt::format("{} × {} is a threshold of {}: under 5s an automatic failover may answer a "
                  "passing hiccup",
                  detect.failures, to_string(detect.interval), to_string(threshold)),
      "raise detect.interval or detect.failures unless that is meant");
}

// A text of the site's description as it is known now; nothing while it depends on the other site
// of a move or on steps.
std::optional<std::string> known_text(const SitePart& site, const std::string& text) {
  const auto lookup = [&](std::string_view path) -> Result<std::optional<std::string>> {
    constexpr std::string_view kSite = "site.";
    const auto found = path.starts_with(kSite)
                           ? site.values.find(std::string(path.substr(kSite.size())))
                           : site.values.end();
    if (found == site.values.end()) return fail(ErrorCode::invalid, "not known yet");
    return found->second;
  };
  const auto rendered = render_text(text, lookup);
  return rendered ? std::optional(*rendered) : std::nullopt;
}

void check_addresses(Reading& reading, const GroupPart& group) {
  if (!group.front_door) return;
  std::map<std::string, const SitePart*> seen;
  for (const SitePart& site : group.sites) {
    if (!site.address) {
      reading.problems.error(
          "missing_address", site.name,
          fmt::format("site {} has no `address` for the front door to show", site.spec.name),
          "write address: \"${{ site.ip }}\" or the address itself");
      continue;
    }
    const auto address = known_text(site, site.spec.address);
    if (!address) continue;
    const auto [first, is_new] = seen.emplace(*address, &site);
    if (!is_new) {
      reading.problems.error(
          "duplicate_address", *site.address,
          fmt::format("sites {} and {} have the same address {}: the front door "
                      "could not tell them apart",
                      first->second->spec.name, site.spec.name, quote(*address)));
    }
  }
}

void check_front_door(Reading& reading, const GroupPart& group) {
  if (!group.front_door || !group.spec.front_door) return;
  const Json& settings = group.spec.front_door->settings;
  const std::string zone = text_or(settings, "zone");
  if (text_or(settings, "type") == "CNAME" && !zone.empty() && zone == text_or(settings, "name")) {
    reading.problems.warning("cname_at_apex", *group.front_door,
                             fmt::format("a CNAME at {} stands beside the zone's own records, "
                                         "which DNS forbids",
                                         quote(zone)),
                             "use a name below the zone, or type A");
  }
}

Rung best_rung(const SitePart& site) {
  Rung best = Rung::none;
  for (const StepPart& step : site.fence.steps) best = std::max(best, step.spec.rung);
  return best;
}

// Actions that name a check act with its `admin` credentials; what is asked while watching never
// does.
void check_credentials(Reading& reading, const SitePart& site) {
  for (const StepList* list : {&site.fence, &site.activate}) {
    for (const StepPart& step : list->steps) {
      const std::string name = text_or(step.spec.with, "check");
      const auto check = std::ranges::find_if(
          site.checks, [&](const CheckPart& part) { return part.spec.name.text() == name; });
      if (name.empty() || check == site.checks.end() || step.kind == nullptr) continue;
      const auto kind = std::ranges::find(reading.kinds.probes, check->spec.kind, &Kind::name);
      if (kind == reading.kinds.probes.end()) continue;
      const bool has_admin =
          std::ranges::find(kind->fields, "admin", &Field::name) != kind->fields.end();
      if (!has_admin || check->spec.settings.contains("admin")) continue;
      reading.problems.error(
          "missing_admin", step.uses,
          fmt::format("{} needs `admin` credentials, and check {} has none", quote(step.spec.uses),
                      quote(name)),
          fmt::format("add admin: {{user: …, password: …}} to check `{}` of site {}", name,
                      site.spec.name));
    }
  }
}

void report_short_fence(Reading& reading, const GroupPart& group, const SitePart& site, Rung best) {
  const FencePolicy& fence = group.policy.policy.fence;
  const std::string reach = site.fence.steps.empty()
                                ? fmt::format("site {} has no fence", site.spec.name)
                                : fmt::format("the fence of site {} reaches `{}` at most",
                                              site.spec.name, to_string(best));
  const Span where = site.fence.where.value_or(site.name);
  if (automatic(group) && !fence.proceed_otherwise) {
    reading.problems.error("fence_too_weak", where,
                           fmt::format("{}, and fence.at_least is `{}`: no automatic failover away "
                                       "from it could start",
                                       reach, to_string(fence.at_least)),
                           "add a stronger fence step, or lower policy.fence.at_least");
  } else if (fence.proceed_otherwise) {
    reading.problems.warning(
        "fence_too_weak", where,
        fmt::format("{}, and the policy says proceed: two writers are possible until {} is fenced",
                    reach, site.spec.name));
  } else {
    reading.problems.warning("fence_too_weak", where,
                             fmt::format("{}, and fence.at_least is `{}`: a failover away from it "
                                         "needs `bascule attest`",
                                         reach, to_string(fence.at_least)));
  }
}

struct Lost {
  std::string what;  // "what step `cut` needs"
  Span where;
  std::string what_to_do;
};

// What a failover away from `site` needs and what goes down with it: the front door, the fence of
// the site, and activate and verify of those that could take over.
std::vector<Lost> lost_with(const GroupPart& group, const SitePart& site) {
  std::vector<Lost> lost;
  const std::string& place = site.spec.at;
  if (place.empty()) return lost;
  if (group.front_door && group.spec.front_door &&
      text_or(group.spec.front_door->settings, "at") == place) {
    lost.push_back(
        {"the front door's control plane", *group.front_door, "publish the name from elsewhere"});
  }
  const auto look = [&](const SitePart& owner, const StepList& list) {
    for (const StepPart& step : list.steps) {
      if (step.spec.on_failure == OnFailure::continue_) continue;
      if (known_text(owner, text_or(step.spec.with, "at")) != place) continue;
      lost.push_back({fmt::format("what step {} needs", quote(step.spec.name)), step.uses,
                      "run it from elsewhere, or write on_failure: continue"});
    }
  };
  look(site, site.fence);
  for (const SitePart& other : group.sites) {
    if (&other == &site || !other.spec.can_be_target) continue;
    look(other, other.activate);
    look(other, other.verify);
  }
  return lost;
}

void check_needed(Reading& reading, const GroupPart& group, const SitePart& site, bool forbids) {
  for (Lost& lost : lost_with(group, site)) {
    const std::string message =
        fmt::format("the loss of {} takes along {}", site.spec.name, lost.what);
    if (forbids) {
      reading.problems.error("lost_with_site", lost.where, message, std::move(lost.what_to_do));
    } else {
      reading.problems.warning("lost_with_site", lost.where, message);
    }
  }
}

}  // namespace

void check_group(Reading& reading, const GroupPart& group) {
  // Too few sites has been reported; what would follow from it is no news.
  if (group.sites.size() < 2) return;
  check_roles(reading, group);
  check_failover_when(reading, group);
  check_threshold(reading, group);
  check_addresses(reading, group);
  check_front_door(reading, group);
}

void check_fences(Reading& reading, const GroupPart& group) {
  if (only_watched(group)) return;
  for (const SitePart& site : group.sites) {
    check_credentials(reading, site);
    const bool whole = std::ranges::all_of(site.fence.steps, &StepPart::whole);
    if (!site.spec.can_be_source || !whole) continue;
    const Rung best = best_rung(site);
    if (best < group.policy.policy.fence.at_least) {
      report_short_fence(reading, group, site, best);
      continue;
    }
    const bool drains = std::ranges::any_of(
        site.fence.steps, [](const StepPart& step) { return step.spec.rung == Rung::sealed; });
    if (!drains) {
      reading.problems.warning(
          "no_switchover", site.fence.where.value_or(site.name),
          fmt::format("no switchover away from site {} is possible: no fence step reaches `sealed` "
                      "without cutting it",
                      site.spec.name));
    }
  }
}

void check_places(Reading& reading, const GroupPart& group, const ObserverSpec& observer) {
  for (const SitePart& site : group.sites) {
    const std::string& place = site.spec.at;
    const bool moves = !only_watched(group) && site.spec.can_be_source;
    const bool forbids = moves && automatic(group);
    const Span where = site.at.value_or(site.name);
    if (!observer.at.empty() && observer.at == place) {
      const std::string message = fmt::format(
          "the loss of {} takes observer {} and its store along: nothing is left that could move "
          "group {}",
          site.spec.name, observer.name, quote(group.spec.name.text()));
      if (forbids) {
        reading.problems.error("lost_with_site", where, message,
                               "let the observer run at a place of its own, or write mode: manual");
      } else {
        reading.problems.warning("lost_with_site", where, message);
      }
    }
    if (!moves) continue;
    const bool elsewhere = std::ranges::any_of(group.sites, [&](const SitePart& other) {
      return &other != &site && other.spec.can_be_target && other.spec.at != place;
    });
    if (!elsewhere && site.at) {
      reading.problems.warning("lost_with_site", where,
                               fmt::format("the loss of place {} takes every site along that could "
                                           "stand in for {}",
                                           quote(place), site.spec.name));
    }
    check_needed(reading, group, site, forbids);
  }
}

GroupSpec assemble(GroupPart group) {
  const auto steps_of = [](StepList& list) {
    std::vector<StepSpec> specs;
    specs.reserve(list.steps.size());
    for (StepPart& step : list.steps) specs.push_back(std::move(step.spec));
    return specs;
  };
  const auto checks_of = [](std::vector<CheckPart>& parts) {
    std::vector<CheckSpec> specs;
    specs.reserve(parts.size());
    for (CheckPart& part : parts) specs.push_back(std::move(part.spec));
    return specs;
  };
  GroupSpec spec = std::move(group.spec);
  spec.policy = std::move(group.policy.policy);
  spec.checks = checks_of(group.checks);
  for (SitePart& site : group.sites) {
    for (StepPart& step : site.fence.steps) {
      if (!step.spec.on_failure_written && spec.policy.fence.proceed_otherwise) {
        step.spec.on_failure = OnFailure::continue_;
      }
    }
    for (StepPart& item : site.preflight.steps) {
      site.spec.preflight.push_back({std::move(item.spec), item.blocks});
    }
    site.spec.checks = checks_of(site.checks);
    site.spec.fence = steps_of(site.fence);
    site.spec.activate = steps_of(site.activate);
    site.spec.verify = steps_of(site.verify);
    site.spec.protect = steps_of(site.protect);
    spec.sites.push_back(std::move(site.spec));
  }
  return spec;
}

}  // namespace bascule::config
