#include "config/loader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "config/document.h"
#include "config/endpoint_text.h"
#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

constexpr std::size_t kGroupsMax = 10'000;

class RootReader {
 public:
  RootReader(Reading& reading, const TreeNode& root, Configuration& configuration)
      : reading_(reading), root_(root), configuration_(configuration) {}

  void read() {
    if (!expect_mapping(reading_, root_, "the configuration")) return;
    read_version();
    Subject subject;
    const Json values = read_table(reading_, subject, root_, root_keys());
    configuration_.max_concurrent_runs =
        integer_or(values, "max_concurrent_runs", configuration_.max_concurrent_runs);
    if (const Entry* cluster = root_.find("cluster")) {
      const auto name = read_name(reading_, cluster->value, "`cluster`", true);
      if (name) configuration_.cluster = *name;
    }
    read_observers();
    read_store();
    read_access(reading_, root_, configuration_);
    read_references();
    read_resolvers();
    read_kubernetes(reading_, root_, configuration_);
    read_notify();
    read_groups();
    warn_about_places();
  }

 private:
  void read_version() {
    const Entry* version = root_.find("version");
    if (version == nullptr) return;
    const Field field{.name = "version", .type = FieldType::integer};
    Subject subject;
    const auto number = FieldReader(reading_, subject).read(version->value, field);
    if (number && *number != 1) {
      reading_.problems.error(
          "version", version->value.span,
          fmt::format("this build reads version 1, not {}", number->get<std::int64_t>()),
          "write version: 1");
    }
  }

  ObserverSpec read_observer(const TreeNode& node) {
    ObserverSpec observer;
    if (!expect_mapping(reading_, node, "`observer`")) return observer;
    for (const Entry& entry : node.entries) {
      if (entry.key == "name") {
        observer.name = ObserverName(
            read_name(reading_, entry.value, "the name of an observer", true).value_or(""));
      } else if (entry.key == "at") {
        observer.at = read_name(reading_, entry.value, "a place", true).value_or("");
      } else {
        report_unknown_key(reading_, entry, "an observer", {"name", "at"});
      }
    }
    return observer;
  }

  void read_observers() {
    ObserverSpec& own = configuration_.observer;
    own.name = ObserverName(reading_.environment.host_name);
    if (const Entry* entry = root_.find("observer")) {
      const ObserverSpec written = read_observer(entry->value);
      own.at = written.at;
      if (!written.name.empty()) own.name = written.name;
    }
    configuration_.observers = {own};
    const Entry* entry = root_.find("observers");
    if (entry == nullptr || !expect_list(reading_, entry->value, "`observers`")) return;
    const auto& items = entry->value.items;
    other_voters_ = items.size() > 1;
    if (other_voters_) {
      report_unavailable(reading_, entry->key_span, "more than one of `observers`",
                         "this build decides with the one observer it is");
    }
    for (const TreeNode& item : items) {
      const ObserverSpec voter = read_observer(item);
      if (items.size() == 1 && !voter.name.empty() && voter.name != own.name) {
        reading_.problems.error(
            "unknown_observer", item.span,
            fmt::format("`observers` does not hold this observer, {}", own.name),
            fmt::format("write observers: [{{name: {}}}], or leave it out", own.name));
      }
      if (items.size() == 1 && own.at.empty()) own.at = voter.at;
    }
    configuration_.observers = {own};
  }

  // `sqlite:///PATH`, `memory:` or {KIND: {…}}.
  void read_store() {
    const Entry* store = root_.find("store");
    if (store == nullptr) return;
    const TreeNode& node = store->value;
    Subject subject;
    subject.path = "store";
    if (node.kind == NodeKind::mapping) {
      const auto use = find_kind(reading_, node, {}, reading_.kinds.stores, "a store");
      if (!use) return;
      configuration_.store_kind = use->kind->name;
      configuration_.store_settings =
          FieldReader(reading_, subject).read_kind(use->entry->value, *use->kind);
      return;
    }
    const auto text = read_plain_text(reading_, node, "`store`");
    if (!text) return;
    const auto colon = text->find(':');
    const std::string name = text->substr(0, colon);
    const std::string rest = colon == std::string::npos ? "" : text->substr(colon + 1);
    const auto kind = std::ranges::find(reading_.kinds.stores, name, &Kind::name);
    if (std::ranges::find(reading_.kinds.planned, name) != reading_.kinds.planned.end()) {
      report_unavailable(reading_, node.span, quote(name), known_stores());
    } else if (kind == reading_.kinds.stores.end()) {
      reading_.problems.error("unknown_store", node.span,
                              fmt::format("`store` cannot be {}", quote(*text)), known_stores());
    } else {
      configuration_.store_kind = name;
      read_store_path(node, *kind, rest, subject);
    }
  }

  [[nodiscard]] std::string known_stores() const {
    std::string hint = "write ";
    for (const Kind& kind : reading_.kinds.stores) {
      if (!hint.ends_with(' ')) hint += " or ";
      hint += kind.fields.empty() ? kind.name : kind.name + ":///PATH";
    }
    return hint;
  }

  void read_store_path(const TreeNode& node, const Kind& kind, const std::string& rest,
                       Subject& subject) {
    constexpr std::string_view kAbsolute = "///";
    TreeNode settings;
    settings.kind = NodeKind::mapping;
    settings.span = node.span;
    const bool needs_path =
        std::ranges::any_of(kind.fields, [](const Field& field) { return field.required; });
    if (!rest.empty() || needs_path) {
      if (!rest.starts_with(kAbsolute) || rest.size() == kAbsolute.size()) {
        reading_.problems.error(
            "unknown_store", node.span,
            fmt::format("`store` does not name an absolute path: {}", quote(node.text)),
            fmt::format("write {}:///PATH", kind.name));
        return;
      }
      TreeNode path;
      path.kind = NodeKind::quoted;
      path.span = node.span;
      path.text = rest.substr(kAbsolute.size() - 1);
      settings.entries.push_back(Entry{"path", node.span, std::move(path)});
    }
    configuration_.store_settings =
        FieldReader(reading_, subject).read_fields(settings, kind.fields, kind.name);
  }

  void read_references() {
    const Entry* entry = root_.find("references");
    if (entry == nullptr || !expect_list(reading_, entry->value, "`references`")) return;
    for (std::size_t i = 0; i < entry->value.items.size(); ++i) {
      const TreeNode& item = entry->value.items[i];
      if (!expect_mapping(reading_, item, "a reference")) continue;
      ReferenceSpec reference;
      if (const Entry* at = item.find("at")) {
        reference.at = read_name(reading_, at->value, "a place", true).value_or("");
      }
      std::vector<Kind> kinds;
      for (const Kind& kind : reading_.kinds.probes) {
        if (kind.name == "tcp" || kind.name == "http") kinds.push_back(kind);
      }
      if (const auto use = find_kind(reading_, item, {"at"}, kinds, "a reference")) {
        Subject subject;
        subject.path = fmt::format("references.{}", i);
        reference.kind = use->kind->name;
        reference.settings =
            FieldReader(reading_, subject).read_kind(use->entry->value, *use->kind);
        refuse_templates(subject);
        if (reference.at.empty()) placeless_.push_back({"references", use->entry->key_span});
      }
      configuration_.references.push_back(std::move(reference));
    }
  }

  void refuse_templates(const Subject& subject) {
    for (const TemplateUse& use : subject.templates) {
      reading_.problems.error("unknown_reference", use.where,
                              fmt::format("`{}` is not known here", use.path),
                              "no site is meant outside the groups");
    }
  }

  void read_resolvers() {
    const Entry* entry = root_.find("resolvers");
    if (entry == nullptr || !expect_list(reading_, entry->value, "`resolvers`")) return;
    for (const TreeNode& item : entry->value.items) {
      const auto text = read_plain_text(reading_, item, "a resolver");
      if (!text) continue;
      const auto endpoint = parse_endpoint(*text);
      if (!endpoint || !is_address(endpoint->host) || endpoint->port == 0) {
        reading_.problems.error("bad_endpoint", item.span,
                                fmt::format("{} is not an address of a name server", quote(*text)),
                                "write ADDRESS or ADDRESS:PORT: 192.0.2.53:53");
        continue;
      }
      configuration_.resolvers.push_back(*text);
    }
  }

  void read_notify() {
    const Entry* entry = root_.find("notify");
    if (entry == nullptr || !expect_list(reading_, entry->value, "`notify`")) return;
    for (std::size_t i = 0; i < entry->value.items.size(); ++i) {
      const TreeNode& item = entry->value.items[i];
      if (!expect_mapping(reading_, item, "a notifier")) continue;
      const auto use = find_kind(reading_, item, {}, reading_.kinds.notifiers, "a notifier");
      if (!use) continue;
      Subject subject;
      subject.path = fmt::format("notify.{}.{}", i, use->kind->name);
      Json settings = FieldReader(reading_, subject).read_kind(use->entry->value, *use->kind);
      refuse_templates(subject);
      configuration_.notifiers.push_back({use->kind->name, std::move(settings)});
    }
  }

  void read_groups() {
    const Entry* entry = root_.find("groups");
    if (entry == nullptr || !expect_list(reading_, entry->value, "`groups`")) return;
    const auto& items = entry->value.items;
    if (items.empty() || items.size() > kGroupsMax) {
      reading_.problems.error("no_groups", entry->value.span,
                              items.empty() ? "there is no group to watch"
                                            : fmt::format("more than {} groups", kGroupsMax));
    }
    std::map<std::string, Span> names;
    std::map<std::string, std::string> published;  // name at a front door → group
    for (const TreeNode& item : items) {
      auto group = read_group(reading_, item);
      if (!group) continue;
      check_templates(reading_, *group);
      check_group(reading_, *group);
      check_fences(reading_, *group);
      // With other voters, which have been refused, it would not be this observer that is missed.
      if (!other_voters_) check_places(reading_, *group, configuration_.observer);
      check_unique(*group, names);
      check_published(*group, published);
      note_placeless(*group);
      configuration_.groups.push_back(assemble(*std::move(group)));
    }
  }

  // Whatever can say where it is and does not.
  void note_placeless(const GroupPart& group) {
    const auto silent = [](const Kind& kind, const Json& settings) {
      return std::ranges::find(kind.fields, "at", &Field::name) != kind.fields.end() &&
             text_or(settings, "at").empty();
    };
    for (const Kind& kind : reading_.kinds.front_doors) {
      if (!group.spec.front_door || group.spec.front_door->kind != kind.name) continue;
      if (silent(kind, group.spec.front_door->settings)) {
        placeless_.push_back({"front doors", *group.front_door});
      }
    }
    for (const SitePart& site : group.sites) {
      for (const StepList* list : {&site.fence, &site.activate, &site.verify}) {
        for (const StepPart& step : list->steps) {
          if (step.kind == nullptr || !silent(*step.kind, step.spec.with)) continue;
          placeless_.push_back({fmt::format("{} steps", step.spec.uses), step.uses});
        }
      }
    }
  }

  void check_unique(const GroupPart& group, std::map<std::string, Span>& names) {
    if (group.spec.name.empty()) return;
    const auto [first, is_new] = names.emplace(group.spec.name.text(), group.name);
    if (is_new) return;
    reading_.problems.error(
        "duplicate_name", group.name,
        fmt::format("there is already a group {}", quote(group.spec.name.text())),
        reading_.problems.the_first_one_is_at(first->second));
  }

  void check_published(const GroupPart& group, std::map<std::string, std::string>& published) {
    if (!group.spec.front_door || group.spec.front_door->name.empty()) return;
    std::string name = group.spec.front_door->name;
    std::ranges::transform(name, name.begin(), [](char c) {
      return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    });
    const auto [first, is_new] = published.emplace(name, group.spec.name.text());
    if (is_new) return;
    reading_.problems.warning("two_writers", *group.front_door,
                              fmt::format("{} has two writers: group {} publishes it as well",
                                          quote(name), quote(first->second)),
                              "one name belongs to one group");
  }

  void warn_about_places() {
    if (configuration_.groups.empty()) return;
    std::vector<std::string> what;
    Span where = placeless_.empty() ? root_.span : placeless_.front().where;
    if (configuration_.observer.at.empty()) {
      what.push_back(fmt::format("observer {}", configuration_.observer.name));
      const Entry* observer = root_.find("observer");
      where = observer == nullptr ? root_.span : observer->key_span;
    }
    for (const Placeless& placeless : placeless_) {
      if (std::ranges::find(what, placeless.what) == what.end()) what.push_back(placeless.what);
    }
    if (what.empty()) return;
    reading_.problems.warning(
        "no_place", where,
        fmt::format("no `at` says where these are, so they count as surviving every site: {}",
                    fmt::join(what, ", ")),
        configuration_.observer.at.empty() ? "write observer: {name: …, at: PLACE}" : "");
  }

  struct Placeless {
    std::string what;
    Span where;
  };

  Reading& reading_;
  const TreeNode& root_;
  Configuration& configuration_;
  std::vector<Placeless> placeless_;
  bool other_voters_ = false;
};

}  // namespace

Loaded load(std::string file_name, std::string_view text, const Kinds& kinds,
            const Environment& environment) {
  Loaded loaded;
  const bool too_large = text.size() > kFileSizeMax;
  const Source source(std::move(file_name), too_large ? std::string() : normalise(text));
  Problems problems(source);
  const std::size_t invalid = find_invalid(source.text());
  if (too_large) {
    problems.error("too_large", {0, 1}, "the file is larger than 1 MiB");
  } else if (invalid != std::string_view::npos) {
    problems.error("not_text", {invalid, 1},
                   "this is not text in UTF-8: a wrong byte or a control character",
                   "store the file as UTF-8");
  } else if (const auto root = parse_document(problems)) {
    Reading reading{problems, kinds, environment, loaded.inline_secrets};
    RootReader(reading, *root, loaded.configuration).read();
  }
  loaded.problems = problems.finish();
  return loaded;
}

Loaded load_file(const std::string& path, const Kinds& kinds, const Environment& environment) {
  const auto text = environment.read_file(path, kFileSizeMax);
  if (text) return load(path, *text, kinds, environment);
  Loaded loaded;
  Problem problem;
  problem.file = path;
  problem.code = "missing_file";
  problem.message = fmt::format("the file cannot be read: {}", text.error().message);
  problem.hint = text.error().what_to_do;
  loaded.problems.push_back(std::move(problem));
  return loaded;
}

}  // namespace bascule::config
