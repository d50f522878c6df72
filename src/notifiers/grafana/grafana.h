// The notifier `grafana`: one annotation for each run that has ended, as long as the run was.
// Facts: Grafana's HTTP API, POST /api/annotations: times in milliseconds, timeEnd makes it a
// region, without a dashboard it is the organisation's and found by its tags.
#pragma once

#include <string>
#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

NotifierKind grafana_notifier(net::Resolver& resolver);

// `dashboard` is a UID and may be empty.
Json grafana_annotation(const Message& message, const std::vector<std::string>& tags,
                        const std::string& dashboard);

}  // namespace bascule
