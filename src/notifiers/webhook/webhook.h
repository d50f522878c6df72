// The notifier `webhook`: each message as one JSON object, POSTed to an address, signed.
//
//   Bascule-Delivery: CLUSTER/JOURNAL/SEQ  the same for every try of one message
//   Bascule-Timestamp: 1795449600          seconds since 1970, when it was signed
//   Bascule-Signature: sha256=HEX          HMAC-SHA-256 of "TIMESTAMP.BODY" with the shared secret
//
// A receiver checks the signature, refuses old timestamps, and remembers deliveries: a message
// whose answer was lost comes again.
#pragma once

#include <string>
#include <string_view>

#include "net/resolver.h"
#include "ports/kinds.h"

namespace bascule {

// `resolver` outlives what is made from it.
NotifierKind webhook_notifier(net::Resolver& resolver);

Json webhook_body(const Message& message);
std::string webhook_signature(std::string_view secret, std::string_view timestamp,
                              std::string_view body);

}  // namespace bascule
