// Which Kubernetes clusters there are and how each is reached.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "config/fields.h"
#include "config/keys.h"
#include "config/parts.h"
#include "config/suggest.h"

namespace bascule::config {
namespace {

constexpr std::size_t kContextsMax = 1'000;

class ContextReader {
 public:
  ContextReader(Reading& reading, const Entry& entry) : reading_(reading), entry_(entry) {}

  KubernetesContextSpec read() {
    KubernetesContextSpec spec;
    spec.name = entry_.key;
    spec.context = entry_.key;
    if (!expect_mapping(reading_, entry_.value, "a context")) return spec;
    const bool is_planned = refuse_clouds();
    Subject subject;
    subject.path = "kubernetes.contexts." + entry_.key;
    const Json read = FieldReader(reading_, subject)
                          .read_fields(entry_.value, fields(), "a context", kubernetes_clouds(),
                                       names_of(fields()));
    spec.in_cluster = read.value("in_cluster", false);
    spec.kubeconfig = text_or(read, "kubeconfig");
    spec.context = text_or(read, "context", spec.name);
    spec.timeout = Duration{integer_or(read, "timeout", spec.timeout.count())};
    if (!is_planned) check(spec);
    check_paths(spec);
    for (const TemplateUse& use : subject.templates) {
      reading_.problems.error("unknown_reference", use.where,
                              fmt::format("`{}` is not known here", use.path),
                              "no site is meant outside the groups");
    }
    return spec;
  }

 private:
  [[nodiscard]] static const std::vector<Field>& fields() {
    return kubernetes_field().fields.front().items.front().fields;
  }

  bool refuse_clouds() {
    bool any = false;
    for (const Entry& entry : entry_.value.entries) {
      const std::vector<std::string>& clouds = kubernetes_clouds();
      if (std::ranges::find(clouds, entry.key) == clouds.end()) continue;
      report_unavailable(reading_, entry.key_span, quote(entry.key),
                         "write kubeconfig: FILE; an exec plugin in there brings the token");
      any = true;
    }
    return any;
  }

  void check(const KubernetesContextSpec& spec) {
    const Entry* kubeconfig = entry_.value.find("kubeconfig");
    const Entry* context = entry_.value.find("context");
    if (spec.in_cluster && (kubeconfig != nullptr || context != nullptr)) {
      const Entry* first = kubeconfig != nullptr ? kubeconfig : context;
      reading_.problems.error("no_meaning", first->key_span,
                              fmt::format("{} has no meaning with `in_cluster`", quote(first->key)),
                              "leave one of them out");
    } else if (!spec.in_cluster && kubeconfig == nullptr) {
      reading_.problems.error(
          "missing_key", entry_.key_span,
          fmt::format("context {} does not say how the cluster is reached", quote(spec.name)),
          "write kubeconfig: FILE, or in_cluster: true");
    }
  }

  void check_paths(const KubernetesContextSpec& spec) {
    const Entry* kubeconfig = entry_.value.find("kubeconfig");
    if (kubeconfig == nullptr) return;
    std::string_view rest = spec.kubeconfig;
    while (!rest.empty()) {
      const std::string_view path = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(rest.size(), path.size() + 1));
      if (path.starts_with('/')) continue;
      // A daemon is started in a folder of somebody else's choice.
      reading_.problems.error("bad_path", kubeconfig->value.span,
                              fmt::format("{} is not an absolute path", quote(path)),
                              "name each file from / on, joined by `:`");
      return;
    }
  }

  Reading& reading_;
  const Entry& entry_;
};

}  // namespace

void read_kubernetes(Reading& reading, const TreeNode& root, Configuration& configuration) {
  const Entry* entry = root.find("kubernetes");
  if (entry == nullptr || !expect_mapping(reading, entry->value, "`kubernetes`")) return;
  Subject subject;
  FieldReader(reading, subject)
      .read_fields(entry->value, {}, "kubernetes", {"contexts"}, {"contexts"});
  const Entry* contexts = entry->value.find("contexts");
  if (contexts == nullptr || !expect_mapping(reading, contexts->value, "`contexts`")) return;
  if (contexts->value.entries.size() > kContextsMax) {
    reading.problems.error("too_many", contexts->value.span,
                           fmt::format("more than {} contexts", kContextsMax));
    return;
  }
  for (const Entry& context : contexts->value.entries) {
    configuration.kubernetes_contexts.push_back(ContextReader(reading, context).read());
  }
  reading.tables["kubernetes.contexts"] = names_of(configuration.kubernetes_contexts);
}

}  // namespace bascule::config
