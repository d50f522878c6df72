// Steps and checks: the two lists of which a site's description is made.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

constexpr std::size_t kStepsMax = 500;

const Kind* find(const std::vector<Kind>& kinds, std::string_view name) {
  const auto found = std::ranges::find(kinds, name, &Kind::name);
  return found == kinds.end() ? nullptr : &*found;
}

class StepReader {
 public:
  StepReader(Reading& reading, const TreeNode& node, Subject& subject, const StepList& list)
      : reading_(reading), node_(node), subject_(subject), list_(list) {}

  StepPart read() {
    const std::size_t errors = reading_.problems.errors();
    part_.name = part_.uses = node_.span;
    const KeyTable& table = list_.preflight ? preflight_keys() : step_keys();
    const Json values = read_table(reading_, subject_, node_, table);
    if (const Entry* name = node_.find("name")) {
      part_.name = name->value.span;
      part_.spec.name = read_name(reading_, name->value, "the name of a step", false).value_or("");
    }
    part_.spec.timeout = Duration{integer_or(values, "timeout", part_.spec.timeout.count())};
    if (values.contains("retries")) part_.spec.retries = integer_or(values, "retries");
    part_.blocks = parse_word<Blocks>(text_or(values, "blocks")).value_or(Blocks::planned);
    read_on_failure(values);
    read_uses();
    if (part_.kind != nullptr) read_settings();
    if (!list_.preflight) read_needs();
    part_.whole = reading_.problems.errors() == errors;
    return std::move(part_);
  }

 private:
  void read_on_failure(const Json& values) {
    part_.spec.on_failure = OnFailure::rollback;
    if (list_.phase == Phase::fence) part_.spec.on_failure = OnFailure::park;
    if (list_.phase == Phase::protect) part_.spec.on_failure = OnFailure::obligation;
    const auto written = parse_word<OnFailure>(text_or(values, "on_failure"));
    if (!written) return;
    if (list_.phase == Phase::protect) {
      reading_.problems.error("no_meaning", node_.find("on_failure")->key_span,
                              "`on_failure` has no meaning in protect: its steps stay owed until "
                              "they hold",
                              "leave it out");
    }
    part_.spec.on_failure = *written;
    part_.spec.on_failure_written = true;
  }

  void read_uses() {
    const Entry* uses = node_.find("uses");
    if (uses == nullptr) return;
    part_.uses = uses->value.span;
    const auto name = read_plain_text(reading_, uses->value, "`uses`");
    if (!name) return;
    part_.spec.uses = *name;
    const Kind* kind = find(reading_.kinds.actions, *name);
    if (kind == nullptr) {
      report_unknown(*name);
      return;
    }
    const bool here =
        list_.preflight ? kind->preflight
                        : !kind->only_preflight &&
                              (kind->phases.empty() ||
                               std::ranges::find(kind->phases, list_.phase) != kind->phases.end());
    if (!here) {
      reading_.problems.error("wrong_phase", part_.uses,
                              fmt::format("{} cannot stand in {}", quote(*name), list_.key),
                              where_it_can_stand(*kind));
      return;
    }
    part_.kind = kind;
    if (!kind->warning.empty()) {
      reading_.problems.warning("discouraged", part_.uses, kind->warning, kind->instead);
    }
  }

  static std::string where_it_can_stand(const Kind& kind) {
    std::string places = kind.preflight ? "preflight" : "";
    for (const Phase phase : kind.phases) {
      places += fmt::format("{}{}", places.empty() ? "" : ", ", to_string(phase));
    }
    return places.empty() ? "" : "it can stand in: " + places;
  }

  void report_unknown(const std::string& name) {
    const Kinds& kinds = reading_.kinds;
    if (std::ranges::find(kinds.planned, name) != kinds.planned.end()) {
      report_unavailable(reading_, part_.uses, quote(name));
      return;
    }
    std::string hint;
    if (find(kinds.front_doors, name) != nullptr) {
      hint = "it is a front door: write it under front_door";
    } else if (find(kinds.probes, name) != nullptr) {
      hint = "it is a kind of check: write it under checks";
    } else {
      hint = suggestion(name, names_of(kinds.actions), kinds.planned);
    }
    reading_.problems.error("unknown_uses", part_.uses,
                            fmt::format("there is no action {}", quote(name)), hint);
  }

  void read_settings() {
    Subject own;
    own.path = fmt::format("{}.{}.{}", subject_.path, list_.key, part_.spec.name);
    own.site_values = subject_.site_values;
    own.checks = subject_.checks;
    FieldReader reader(reading_, own);
    const Entry* with = node_.find("with");
    TreeNode nothing;
    nothing.kind = NodeKind::mapping;
    nothing.span = part_.uses;
    const TreeNode& settings = with != nullptr ? with->value : nothing;
    if (expect_mapping(reading_, settings, "`with`")) {
      part_.spec.with = reader.read_kind(settings, *part_.kind);
    }
    part_.templates = std::move(own.templates);
    copy_traits(settings);
  }

  void copy_traits(const TreeNode& settings) {
    const Kind& kind = *part_.kind;
    StepSpec& spec = part_.spec;
    const auto written = [&](const std::string& field) {
      return !field.empty() && settings.find(field) != nullptr;
    };
    spec.reversible =
        kind.reversible_with.empty() ? kind.reversible : written(kind.reversible_with);
    spec.rung = kind.rung;
    if (!kind.rung_from.empty()) {
      spec.rung = parse_word<Rung>(text_or(spec.with, kind.rung_from)).value_or(kind.rung);
    }
    spec.proven_by = kind.proven_by;
    if (kind.proof_from.empty() || written(kind.proof_from)) return;
    const auto delivery = parse_word<Delivery>(text_or(spec.with, "delivery"));
    spec.delivery = delivery.value_or(Delivery::at_most_once);
    if (list_.preflight) {
      reading_.problems.error(
          "missing_proof", part_.uses,
          fmt::format(
              "{} without `{}` says nothing before it has run, and a preflight runs nothing",
              quote(kind.name), kind.proof_from),
          fmt::format("add `{}`: exit 0 it is ready, 1 it is not", kind.proof_from));
      return;
    }
    if (!delivery) {
      reading_.problems.error(
          "missing_delivery", part_.uses,
          fmt::format("{} without `{}` does not say how often it may run", quote(kind.name),
                      kind.proof_from),
          fmt::format("add `{}`, or delivery: at_most_once or at_least_once", kind.proof_from));
    }
    if (list_.phase == Phase::fence && spec.rung >= Rung::sealed) {
      const Entry* rung = settings.find(kind.rung_from);
      reading_.problems.error(
          "unproved_rung", rung == nullptr ? part_.uses : rung->value.span,
          fmt::format("rung `{}` needs `{}`: a fence that is not proved is advisory",
                      to_string(spec.rung), kind.proof_from));
    }
  }

  void read_needs() {
    const Entry* needs = node_.find("needs");
    if (needs == nullptr) {
      const bool follows = !list_.steps.empty() && !list_.steps.back().spec.name.empty();
      if (follows) part_.needs.push_back({list_.steps.back().spec.name, node_.span});
      return;
    }
    if (!expect_list(reading_, needs->value, "`needs`")) return;
    std::set<std::string> seen;
    for (const TreeNode& item : needs->value.items) {
      const auto name = read_plain_text(reading_, item, "a step in `needs`");
      if (!name) continue;
      if (!seen.insert(*name).second) {
        reading_.problems.error("duplicate_need", item.span,
                                fmt::format("{} is named twice", quote(*name)));
        continue;
      }
      part_.needs.push_back({*name, item.span});
    }
  }

  Reading& reading_;
  const TreeNode& node_;
  Subject& subject_;
  const StepList& list_;
  StepPart part_;
};

}  // namespace

const StepPart* StepList::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(steps, [&](const StepPart& step) { return step.spec.name == name; });
  return found == steps.end() ? nullptr : &*found;
}

void read_steps(Reading& reading, const TreeNode& node, Subject& subject, StepList& list) {
  if (!expect_list(reading, node, quote(list.key))) return;
  if (node.items.size() > kStepsMax) {
    reading.problems.error("too_many", node.span,
                           fmt::format("more than {} steps in one list", kStepsMax));
    return;
  }
  for (const TreeNode& item : node.items) {
    const std::string what = list.preflight ? "a preflight item" : "a step";
    if (!expect_mapping(reading, item, what)) continue;
    list.steps.push_back(StepReader(reading, item, subject, list).read());
  }
}

std::vector<CheckPart> read_checks(Reading& reading, const TreeNode& node, Subject& subject) {
  std::vector<CheckPart> checks;
  if (!expect_list(reading, node, "`checks`")) return checks;
  const KeyTable& table = check_keys();
  const std::vector<std::string> known{"name", "acts_on"};
  for (const TreeNode& item : node.items) {
    if (!expect_mapping(reading, item, "a check")) continue;
    CheckPart part;
    part.name = item.span;
    if (const Entry* name = item.find("name")) {
      part.name = name->value.span;
      part.spec.name =
          CheckName(read_name(reading, name->value, "the name of a check", true).value_or(""));
    } else {
      reading.problems.error("missing_key", item.span, "`name` is missing in a check",
                             "write name: NAME");
    }
    if (const Entry* acts_on = item.find("acts_on")) {
      const auto word = FieldReader(reading, subject).read(acts_on->value, table.plain.front());
      if (word) {
        part.spec.acts_on =
            parse_word<ActsOn>(word->get_ref<const std::string&>()).value_or(ActsOn::critical);
      }
    }
    if (const auto use = find_kind(reading, item, known, reading.kinds.probes, "a check")) {
      Subject own;
      own.path = fmt::format("{}.checks.{}", subject.path, part.spec.name);
      own.site_values = subject.site_values;
      part.spec.kind = use->kind->name;
      part.spec.watches_database = use->kind->watches_database;
      part.spec.settings = FieldReader(reading, own).read_kind(use->entry->value, *use->kind);
      part.templates = std::move(own.templates);
    }
    checks.push_back(std::move(part));
  }
  return checks;
}

}  // namespace bascule::config
