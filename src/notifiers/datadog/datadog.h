// The notifier `datadog`: events, and with `metrics: true` a few series a minute. Facts: Datadog's
// API descriptions (POST /api/v1/events, POST /api/v2/series); a text has 4000 characters, an
// aggregation key 100, and a point may be an hour old.
#pragma once

#include <string>
#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

NotifierKind datadog_notifier(net::Resolver& resolver);

Json datadog_event(const Message& message, const std::vector<std::string>& tags);
Json datadog_series(const std::vector<Standing>& groups, const std::vector<std::string>& tags);

}  // namespace bascule
