// `bascule status`: the installation in a line, each group in a row, then what needs a person, then
// every check.
#include <vector>

#include "app/terminal/page.h"
#include "app/terminal/status_parts.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {

std::string status_text(const Json& status, const Look& look) {
  Page page(look);
  const Instant now = instant(status, "now").value_or(Instant());
  std::vector<const Json*> groups;
  for (const Json& group : list(status, "groups")) groups.push_back(&group);
  add_status_head(page, status);
  add_groups(page, groups, 0, now);
  page.gap();
  add_trouble(page, status, now);
  for (const Json* group : groups) add_notices(page, *group, now);
  for (const Json* group : groups) {
    page.gap();
    if (groups.size() > 1) page.flow({{text_or(*group, "group"), Tone::strong}});
    add_checks(page, *group, now);
  }
  return page.text();
}

}  // namespace bascule::app
