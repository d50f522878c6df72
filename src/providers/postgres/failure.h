// What went wrong between us and a PostgreSQL server, as an Error of the house. Pure.
//
// libpq 15 offers a SQLSTATE for failed queries, but only text for failed connections; asked for
// verbose errors it puts the SQLSTATE and the server's routine into that text, which is what is
// read here, because neither depends on the server's language.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace bascule::postgres {

struct Failure {
  Error error;
  std::string sqlstate;  // five characters; empty when no server said anything
  // The role exists and proved who it is, and may not log in: what a seal makes of ordinary roles.
  bool login_refused = false;

  [[nodiscard]] bool no_free_slots() const { return sqlstate == "53300"; }
  // Starting up, shutting down, or in crash recovery: it answers, but not yet.
  [[nodiscard]] bool not_ready() const { return sqlstate == "57P03"; }
};

// A server's answer to a query. `text` is its primary message.
Failure query_failure(std::string_view sqlstate, std::string_view text);

// The text of a connection that failed (PQerrorMessage with PQERRORS_VERBOSE). Where several
// addresses were tried, an answer of a server counts more than the silence of another address.
Failure connect_failure(std::string_view text);

}  // namespace bascule::postgres
