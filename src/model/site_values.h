// What `${{ site.KEY }}` stands for: the site's variables, `name` and `at`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/configuration.h"
#include "model/template.h"

namespace bascule {

std::optional<std::string> site_value(const SiteSpec& site, std::string_view key);

// A lookup for settings that may name only their own site, as those of checks do.
TemplateLookup own_site_lookup(const SiteSpec& site);

}  // namespace bascule
