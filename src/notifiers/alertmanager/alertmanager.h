// The notifier `alertmanager`: an incident is an alert there for as long as it is open. Facts:
// Alertmanager's API v2, POST /api/v2/alerts: labels are the identity, a firing alert is sent again
// before its endsAt, a resolved one has an endsAt that has come. Of several Alertmanagers, which
// tell each other, all are told and one is enough.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

NotifierKind alertmanager_notifier(net::Resolver& resolver);

using AlertLabels = std::map<std::string, std::string>;
// The alert of a message of an incident, or of one that is still open.
Json alert_of(const Message& message, const AlertLabels& labels, Instant incident_since);
Json alert_of(const Standing& standing, const AlertLabels& labels);

}  // namespace bascule
