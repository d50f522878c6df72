// Steering: what health checks of load balancers and DNS providers ask, to lead clients to the
// active site and nowhere else.
//
//   GET /steer/GROUP/SITE        200: the site should get traffic
//   GET /steer/GROUP/SITE/stop   200: the site must be drained
//
// The second is made for inverted health checks: when every Bascule is dead nothing answers, and
// silence then means stay. It follows ActiveSiteChanged, so a site stops being active only once the
// next one is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/state.h"
#include "net/http_server.h"

namespace bascule::api {

// Who is active, as far as this process can know.
struct SteeringSource {
  const engine::State* state = nullptr;  // null: no term is open
  std::string stale;                     // why the answer may be old; empty: it is not
};

// `path` is what follows /steer. 404 for what is not configured.
net::ServerResponse steer(const SteeringSource& source, const std::vector<std::string>& path);

}  // namespace bascule::api
