// The notifier `slack`: an incoming webhook. Facts: Slack's documentation of incoming webhooks
// (one message a second, 429 with Retry-After, texts of errors in the body) and of secondary
// attachments.
#pragma once

#include <string>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

NotifierKind slack_notifier(net::Resolver& resolver);

// `username` and `channel` may be empty.
Json slack_body(const Message& message, const std::string& username, const std::string& channel);

}  // namespace bascule
