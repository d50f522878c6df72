#include "ports/kinds.h"

namespace bascule {
namespace {

template <typename Entry>
const Entry* find(const std::vector<Entry>& entries, std::string_view name) {
  for (const Entry& entry : entries) {
    if (entry.kind.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace

const ProbeKind* Catalog::find_probe(std::string_view name) const {
  return find(probes, name);
}
const ActionKind* Catalog::find_action(std::string_view name) const {
  return find(actions, name);
}
const NotifierKind* Catalog::find_notifier(std::string_view name) const {
  return find(notifiers, name);
}

}  // namespace bascule
