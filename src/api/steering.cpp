#include "api/steering.h"

#include <fmt/format.h>

namespace bascule::api {
namespace {

net::ServerResponse say(int status, const std::string& text, const std::string& stale) {
  const std::string more = stale.empty() ? std::string() : fmt::format(" (stale: {})", stale);
  net::ServerResponse response(status, text + more + "\n", "text/plain; charset=utf-8");
  response.headers.set("Cache-Control", "no-store");
  if (!stale.empty()) response.headers.set("Bascule-Stale", "true");
  return response;
}

}  // namespace

net::ServerResponse steer(const SteeringSource& source, const std::vector<std::string>& path) {
  const bool asks_stop = path.size() == 3 && path[2] == "stop";
  if (path.size() != 2 && !asks_stop) {
    return say(404, "ask /steer/GROUP/SITE or /steer/GROUP/SITE/stop", "");
  }
  // Neither question may be answered with yes by a process that does not know.
  if (source.state == nullptr) return say(503, "no term is open here", source.stale);
  const GroupName group(path[0]);
  const SiteName site(path[1]);
  const GroupSpec* spec = source.state->configuration.find_group(group);
  const auto status = source.state->groups.find(group);
  if (spec == nullptr || status == source.state->groups.end() || spec->find_site(site) == nullptr) {
    return say(404, fmt::format("there is no site {} of {}", site, group), source.stale);
  }
  const auto& active = status->second.active;
  if (!active) {
    return say(503, fmt::format("which site of {} is active is not known", group), source.stale);
  }
  const bool is_active = *active == site;
  const bool yes = asks_stop ? !is_active : is_active;
  const std::string text = is_active ? fmt::format("{} is active", site)
                                     : fmt::format("{} is not active: {} is", site, *active);
  return say(yes ? 200 : 503, text, source.stale);
}

}  // namespace bascule::api
