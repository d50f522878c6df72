// A group while it is read: its specification together with where each part stands in the file, so
// that what is wrong between the parts can be reported where it was written. Internal to this room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/reading.h"
#include "model/configuration.h"

namespace bascule::config {

struct CheckPart {
  CheckSpec spec;
  Span name;
  std::vector<TemplateUse> templates;
};

struct NeedPart {
  std::string name;
  Span where;
};

struct StepPart {
  StepSpec spec;  // `needs` is filled in from the needs below
  Blocks blocks = Blocks::planned;
  Span name;
  Span uses;
  const Kind* kind = nullptr;  // null: not known, and reported
  std::vector<NeedPart> needs;
  std::vector<TemplateUse> templates;
  bool whole = true;  // nothing in it was wrong
};

struct StepList {
  Phase phase = Phase::fence;
  bool preflight = false;
  std::string_view key;       // "fence"
  std::optional<Span> where;  // of its key; nothing: not written
  std::vector<StepPart> steps;

  [[nodiscard]] const StepPart* find(std::string_view name) const;
};

struct SitePart {
  SiteSpec spec;  // without checks and steps until the end
  Span name;
  std::optional<Span> at;
  std::optional<Span> address;
  std::vector<TemplateUse> address_templates;
  std::map<std::string, std::string> values;       // of ${{ site.KEY }}
  std::map<std::string, std::string> check_kinds;  // name → kind; an empty kind is not known
  std::vector<CheckPart> checks;
  StepList preflight{Phase::activate, true, "preflight", {}, {}};
  StepList fence{Phase::fence, false, "fence", {}, {}};
  StepList activate{Phase::activate, false, "activate", {}, {}};
  StepList verify{Phase::verify, false, "verify", {}, {}};
  StepList protect{Phase::protect, false, "protect", {}, {}};
};

struct NamedCheck {
  std::string name;
  Span where;
};

struct PolicyPart {
  Policy policy;
  Span where;  // of the mode, where it is written
  std::vector<NamedCheck> failover_when;
  std::optional<Span> at_least;
  bool detect_whole = true;
};

struct GroupPart {
  GroupSpec spec;  // without sites until the end
  Span name;
  PolicyPart policy;
  std::vector<CheckPart> checks;
  std::optional<Span> front_door;
  std::vector<SitePart> sites;
};

// Reads the keys of a table; what is planned is refused by name.
Json read_table(Reading& reading, Subject& subject, const TreeNode& node,
                const struct KeyTable& table);

// The kind under the one key of `node` that is not in `known`; nothing, with the reason reported,
// when there is none, more than one, or one that this build does not have. `what` names the thing:
// "a check".
struct KindUse {
  const Kind* kind = nullptr;
  const Entry* entry = nullptr;
};
std::optional<KindUse> find_kind(Reading& reading, const TreeNode& node,
                                 const std::vector<std::string>& known,
                                 const std::vector<Kind>& kinds, std::string_view what);

// `access`, and `listen`, which depends on it.
void read_access(Reading& reading, const TreeNode& root, Configuration& configuration);

// `kubernetes`: the clusters that checks and actions name.
void read_kubernetes(Reading& reading, const TreeNode& root, Configuration& configuration);

PolicyPart read_policy(Reading& reading, const TreeNode* node, Span where, const std::string& path);
std::vector<CheckPart> read_checks(Reading& reading, const TreeNode& node, Subject& subject);
void read_steps(Reading& reading, const TreeNode& node, Subject& subject, StepList& list);
std::optional<SitePart> read_site(Reading& reading, const TreeNode& node, const std::string& path);
std::optional<GroupPart> read_group(Reading& reading, const TreeNode& node);

// What is wrong between the parts.
void check_needs(Reading& reading, StepList& list);
void check_templates(Reading& reading, const GroupPart& group);
void check_group(Reading& reading, const GroupPart& group);
void check_fences(Reading& reading, const GroupPart& group);
// What the places say: what is left without each site. `observer_at` is where this observer and
// its store live; empty: not said.
void check_places(Reading& reading, const GroupPart& group, const ObserverSpec& observer);

// Defaults that depend on the policy, and everything put together.
GroupSpec assemble(GroupPart group);

}  // namespace bascule::config
