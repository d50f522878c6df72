// One request whose answer does not end: lines as they come, as the watches of an API send them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/http.h"
#include "net/http_client.h"
#include "net/resolver.h"

namespace bascule::net {

// A connection of its own, closed with it. One thread, one call at a time. Clock and resolver
// outlive it. What it holds is bounded by its limits: `body` is the longest line, and of an answer
// with another status than 200 the whole.
class LineStream {
 public:
  // Sends the request and reads the answer's header. Redirects are not followed. Errors as those of
  // HttpClient::fetch.
  static awaitable<Result<std::unique_ptr<LineStream>>> open(Clock& clock, Resolver& resolver,
                                                             ClientSettings settings,
                                                             Request request, Limits limits,
                                                             Deadline deadline);
  virtual ~LineStream() = default;

  // Status and headers; the body only where the status is not 200, cut at the limit.
  [[nodiscard]] virtual const Response& head() const = 0;

  // The next line without its end; nothing after the last one. Errors: timeout, unavailable (the
  // connection broke, a line is longer than the limit), canceled; after one it is over.
  virtual awaitable<Result<std::optional<std::string>>> next(Deadline deadline) = 0;
};

}  // namespace bascule::net
