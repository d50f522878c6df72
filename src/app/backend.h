// Whom a command asks: a daemon over HTTP (app/client.h), or the same routes inside this process
// (app/local.h). Both answer the same questions with the same bodies, so a command does not know
// which of them it talks to.
#pragma once

#include <string>

#include "async/awaitable.h"
#include "base/result.h"
#include "model/json.h"

namespace bascule::app {

struct Reply {
  int status = 200;  // of HTTP, with its meaning
  Json body;         // a view, or {error: {code, message, what_to_do}}
};

class Backend {
 public:
  virtual ~Backend() = default;

  // `target` is path and query as they go over the wire: /api/v1/groups/shop/plan?to=berlin. A
  // Reply of any status is an answer; an Error says that there was none: unavailable (nobody
  // there), timeout, outcome_unknown (the command may have arrived), denied, invalid. Bounded in
  // time by the backend itself.
  virtual awaitable<Result<Reply>> ask(std::string method, std::string target, Json body) = 0;
};

}  // namespace bascule::app
