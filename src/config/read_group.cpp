#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

constexpr std::size_t kSitesMax = 64;

// Reports each second use of a name. `what` is what carries the names: "a site".
class UniqueNames {
 public:
  UniqueNames(Reading& reading, std::string_view what) : reading_(reading), what_(what) {}

  void add(const std::string& name, Span where) {
    if (name.empty()) return;
    const auto [first, is_new] = seen_.emplace(name, where);
    if (is_new) return;
    reading_.problems.error("duplicate_name", where,
                            fmt::format("there is already {} {}", what_, quote(name)),
                            reading_.problems.the_first_one_is_at(first->second));
  }

 private:
  Reading& reading_;
  std::string_view what_;
  std::map<std::string, Span> seen_;
};

bool is_variable(std::string_view name) {
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  };
  return !name.empty() && std::ranges::all_of(name, allowed);
}

class SiteReader {
 public:
  SiteReader(Reading& reading, const TreeNode& node, const std::string& path)
      : reading_(reading), node_(node), path_(path) {}

  SitePart read() {
    site_.name = node_.span;
    subject_.path = path_;
    read_site_name();
    subject_.path = fmt::format("{}.sites.{}", path_, site_.spec.name);
    read_table(reading_, subject_, node_, site_keys());
    read_roles();
    read_place();
    read_variables();
    subject_.site_values = &site_.values;
    read_site_checks();
    read_address();
    for (StepList* list :
         {&site_.preflight, &site_.fence, &site_.activate, &site_.verify, &site_.protect}) {
      const Entry* entry = node_.find(list->key);
      if (entry == nullptr) continue;
      list->where = entry->key_span;
      read_steps(reading_, entry->value, subject_, *list);
      if (!list->preflight) check_needs(reading_, *list);
    }
    check_step_names();
    return std::move(site_);
  }

 private:
  void read_site_name() {
    if (const Entry* name = node_.find("name")) {
      site_.name = name->value.span;
      site_.spec.name =
          SiteName(read_name(reading_, name->value, "the name of a site", true).value_or(""));
    }
    site_.values["name"] = site_.spec.name.text();
  }

  void read_roles() {
    const Entry* roles = node_.find("roles");
    if (roles == nullptr || !expect_list(reading_, roles->value, "`roles`")) return;
    const Field role{
        .name = "roles", .type = FieldType::word, .words = {"source", "target", "standby"}};
    std::set<std::string> written;
    for (const TreeNode& item : roles->value.items) {
      const auto word = FieldReader(reading_, subject_).read(item, role);
      if (word) written.insert(word->get<std::string>());
    }
    if (roles->value.items.empty()) {
      reading_.problems.error("missing_value", roles->value.span, "`roles` is empty",
                              "a site that takes no part does not belong into the group");
    }
    if (written.size() < roles->value.items.size() || written.empty()) return;
    site_.spec.can_be_source = written.contains("source");
    site_.spec.can_be_target = written.contains("target");
    site_.spec.can_be_standby = written.contains("standby");
  }

  void read_place() {
    site_.spec.at = site_.spec.name.text();
    if (const Entry* at = node_.find("at")) {
      site_.at = at->value.span;
      if (auto place = read_name(reading_, at->value, "a place", true)) site_.spec.at = *place;
    }
    site_.values["at"] = site_.spec.at;
  }

  void add_variable(const Entry& entry) {
    if (!is_variable(entry.key)) {
      reading_.problems.error("bad_name", entry.key_span,
                              fmt::format("a variable cannot be called {}", quote(entry.key)),
                              "letters, digits, - and _");
      return;
    }
    if (entry.key == "name" || entry.key == "at" || site_.values.contains(entry.key)) {
      reading_.problems.error("duplicate_name", entry.key_span,
                              fmt::format("`site.{}` has its meaning already", entry.key));
      return;
    }
    // An empty text is a value here: a hook may want to hear that there is nothing.
    const bool empty = entry.value.is_scalar() && entry.value.text.empty();
    auto value = empty ? std::optional<std::string>("")
                       : read_plain_text(reading_, entry.value, quote(entry.key));
    if (!value) {
      site_.values[entry.key] = "";
      return;
    }
    site_.values[entry.key] = *value;
    site_.spec.vars[entry.key] = *std::move(value);
  }

  void read_variables() {
    for (const std::string& name : site_variables()) {
      if (const Entry* entry = node_.find(name)) add_variable(*entry);
    }
    const Entry* vars = node_.find("vars");
    if (vars == nullptr || !expect_mapping(reading_, vars->value, "`vars`")) return;
    for (const Entry& entry : vars->value.entries) add_variable(entry);
  }

  void read_site_checks() {
    const Entry* checks = node_.find("checks");
    if (checks == nullptr) return;
    site_.checks = read_checks(reading_, checks->value, subject_);
    UniqueNames names(reading_, "a check");
    for (const CheckPart& check : site_.checks) {
      names.add(check.spec.name.text(), check.name);
      if (!check.spec.name.empty()) site_.check_kinds[check.spec.name.text()] = check.spec.kind;
    }
    subject_.checks = &site_.check_kinds;
  }

  void read_address() {
    static const std::map<std::string, std::string> kNoChecks;
    if (subject_.checks == nullptr) subject_.checks = &kNoChecks;
    const Entry* address = node_.find("address");
    if (address == nullptr) return;
    site_.address = address->value.span;
    auto text = read_text(reading_, address->value, "`address`", false);
    if (!text) return;
    if (text->secret || text->text.empty()) {
      reading_.problems.error(
          "missing_value", *site_.address,
          text->secret ? "`address` is published: it cannot be a secret" : "`address` is empty");
      return;
    }
    site_.spec.address = text->text;
    if (auto templates = find_templates(reading_, address->value, text->text)) {
      site_.address_templates = *std::move(templates);
    }
  }

  void check_step_names() {
    UniqueNames items(reading_, "a preflight item");
    for (const StepPart& step : site_.preflight.steps) items.add(step.spec.name, step.name);
    UniqueNames names(reading_, "a step");
    for (const StepList* list : {&site_.fence, &site_.activate, &site_.verify, &site_.protect}) {
      for (const StepPart& step : list->steps) names.add(step.spec.name, step.name);
    }
  }

  Reading& reading_;
  const TreeNode& node_;
  const std::string& path_;
  Subject subject_;
  SitePart site_;
};

void read_front_door(Reading& reading, const TreeNode& node, const std::string& path,
                     GroupPart& group) {
  if (!expect_mapping(reading, node, "`front_door`")) return;
  const auto use = find_kind(reading, node, {}, reading.kinds.front_doors, "a front door");
  if (!use) return;
  Subject subject;
  subject.path = path + ".front_door";
  FrontDoorSpec door;
  door.kind = use->kind->name;
  door.settings = FieldReader(reading, subject).read_kind(use->entry->value, *use->kind);
  door.last_writer_wins = use->kind->last_writer_wins;
  door.name = text_or(door.settings, "name");
  if (door.name.size() > 1 && door.name.ends_with('.')) door.name.pop_back();
  for (const TemplateUse& used : subject.templates) {
    reading.problems.error("unknown_reference", used.where,
                           fmt::format("`{}` is not known in a front door", used.path),
                           "it belongs to the whole group: only a site's `address` has templates");
  }
  group.spec.front_door = std::move(door);
}

void read_sites(Reading& reading, const TreeNode& node, const std::string& path, GroupPart& group) {
  if (!expect_list(reading, node, "`sites`")) return;
  if (node.items.size() > kSitesMax) {
    reading.problems.error("too_many", node.span,
                           fmt::format("a group has at most {} sites", kSitesMax));
    return;
  }
  UniqueNames names(reading, "a site");
  for (const TreeNode& item : node.items) {
    auto site = read_site(reading, item, path);
    if (!site) continue;
    names.add(site->spec.name.text(), site->name);
    group.sites.push_back(*std::move(site));
  }
  if (node.items.size() == 1) {
    reading.problems.error("single_site", group.sites.empty() ? node.span : group.sites[0].name,
                           "a group of one site has nowhere to move",
                           "add the site that takes over");
  } else if (node.items.empty()) {
    reading.problems.error("single_site", node.span, "a group needs at least two sites");
  }
}

void read_reports(Reading& reading, const TreeNode& node, const std::string& path,
                  GroupPart& group) {
  if (!expect_list(reading, node, "`report`")) return;
  for (const TreeNode& item : node.items) {
    constexpr std::string_view kWhat = "a place for reports";
    if (!expect_mapping(reading, item, kWhat)) continue;
    const auto use = find_kind(reading, item, {}, reading.kinds.reports, kWhat);
    if (!use) continue;
    Subject subject;
    subject.path = fmt::format("{}.report.{}", path, use->kind->name);
    Json settings = FieldReader(reading, subject).read_kind(use->entry->value, *use->kind);
    for (const TemplateUse& used : subject.templates) {
      reading.problems.error("unknown_reference", used.where,
                             fmt::format("`{}` is not known in {}", used.path, kWhat),
                             "it belongs to the whole group");
    }
    group.spec.reports.push_back({use->kind->name, std::move(settings)});
  }
}

}  // namespace

std::optional<SitePart> read_site(Reading& reading, const TreeNode& node, const std::string& path) {
  if (!expect_mapping(reading, node, "a site")) return std::nullopt;
  return SiteReader(reading, node, path).read();
}

std::optional<GroupPart> read_group(Reading& reading, const TreeNode& node) {
  if (!expect_mapping(reading, node, "a group")) return std::nullopt;
  GroupPart group;
  group.name = node.span;
  if (const Entry* name = node.find("name")) {
    group.name = name->value.span;
    group.spec.name =
        GroupName(read_name(reading, name->value, "the name of a group", true).value_or(""));
  }
  const std::string path = fmt::format("groups.{}", group.spec.name);
  Subject subject;
  subject.path = path;
  read_table(reading, subject, node, group_keys());
  const Entry* policy = node.find("policy");
  group.policy = read_policy(reading, policy == nullptr ? nullptr : &policy->value, group.name,
                             path + ".policy");
  if (const Entry* checks = node.find("checks")) {
    group.checks = read_checks(reading, checks->value, subject);
    UniqueNames names(reading, "a check");
    for (const CheckPart& check : group.checks) names.add(check.spec.name.text(), check.name);
  }
  if (const Entry* door = node.find("front_door")) {
    group.front_door = door->key_span;
    read_front_door(reading, door->value, path, group);
  }
  if (const Entry* sites = node.find("sites")) read_sites(reading, sites->value, path, group);
  if (const Entry* report = node.find("report")) read_reports(reading, report->value, path, group);
  return group;
}

}  // namespace bascule::config
