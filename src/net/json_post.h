// One JSON request to an API of somebody else, and what its status means here: the same words for
// every vendor, so that whoever retries need not know them.
#pragma once

#include <memory>
#include <string>

#include "net/http_client.h"

namespace bascule::net {

// A client for calls that come again and again. `authority_file`: a PEM file of authorities to
// trust instead of the system's; may be empty.
Result<std::shared_ptr<HttpClient>> make_api_client(Clock& clock, Resolver& resolver,
                                                    std::string authority_file);

// Sends `request` as JSON, without following redirects. A 2xx is the Response. Errors name the host
// alone, for the rest of an address may be a secret:
//   throttled     429 and 503 with Retry-After, with that wait
//   unavailable   408 and every other 5xx; nobody there
//   denied        401, 403
//   invalid       what is left: the same request will not be taken another time either
awaitable<Result<Response>> send_json(Clock& clock, HttpClient& client, Request request,
                                      Deadline deadline);

// Seconds, or a date (RFC 9110, section 10.2.3). Nothing for anything else.
std::optional<Duration> parse_retry_after(std::string_view text, Instant now);

}  // namespace bascule::net
