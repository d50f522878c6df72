#include "api/standby_view.h"

#include <algorithm>

#include "engine/lookups.h"

namespace bascule::api {

Json standby_view(const engine::Readings& readings, const GroupSpec& group,
                  const engine::GroupStatus& status) {
  if (!status.active || status.protection != Protection::protected_) return nullptr;
  const DatabaseFacts* source = engine::newest_facts(readings, group, *status.active);
  for (const SiteSpec& site : group.sites) {
    if (site.name == *status.active || !site.can_be_target) continue;
    const DatabaseFacts* facts = engine::newest_facts(readings, group, site.name);
    if (facts == nullptr || facts->role != DatabaseRole::replica || !facts->streaming) continue;
    Json behind = nullptr;
    if (source != nullptr && source->role == DatabaseRole::primary) {
      behind = source->position - std::min(facts->position, source->position);
    }
    return Json{{"site", site.name.text()},
                {"behind_bytes", std::move(behind)},
                {"lag_ms", facts->lag ? Json(facts->lag->count()) : Json(nullptr)},
                {"seen_at", to_rfc3339(facts->read_at)}};
  }
  return nullptr;
}

}  // namespace bascule::api
