#include "model/site_values.h"

namespace bascule {

std::optional<std::string> site_value(const SiteSpec& site, std::string_view key) {
  if (key == "name") return site.name.text();
  if (key == "at") return site.at;
  const auto found = site.vars.find(std::string(key));
  if (found == site.vars.end()) return std::nullopt;
  return found->second;
}

TemplateLookup own_site_lookup(const SiteSpec& site) {
  return [site](std::string_view path) -> Result<std::optional<std::string>> {
    constexpr std::string_view kPrefix = "site.";
    if (path.starts_with(kPrefix)) {
      if (auto value = site_value(site, path.substr(kPrefix.size()))) return value;
    }
    return fail(ErrorCode::invalid, "`{}` is not known at site {}", path, site.name);
  };
}

}  // namespace bascule
