// The notifier `pagerduty`: one incident there per incident here.
//
// With `routing_key`, by Events API v2: trigger, acknowledge and resolve carry one dedup_key from
// first to last; moves that a person planned are change events, which call nobody. With
// `api_token`, `service` and `from`, by the REST API: an incident is opened with an incident_key,
// found again by it and resolved. Facts: PagerDuty's descriptions of both APIs; a summary has 1024
// characters.
#pragma once

#include <optional>
#include <string>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

NotifierKind pagerduty_notifier(net::Resolver& resolver);

// What a message is to PagerDuty.
enum class PageAction : std::uint8_t { nothing, trigger, acknowledge, resolve, change };
PageAction page_action(const Message& message);

// Bodies of POST /v2/enqueue and /v2/change/enqueue. REQUIRES: the action is one of theirs.
Json page_event(const Message& message, const std::string& routing_key);
Json change_event(const Message& message, const std::string& routing_key);
// Body of POST /incidents.
Json rest_incident(const Message& message, const std::string& service);

}  // namespace bascule
