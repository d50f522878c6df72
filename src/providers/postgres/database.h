// A site's database as actions see it: where it is, how to get in as the admin, and what an
// ordinary role gets. Every error carries the site's and the check's name.
#pragma once

#include <memory>
#include <string>

#include "async/awaitable.h"
#include "async/deadline.h"
#include "base/result.h"
#include "net/resolver.h"
#include "ports/kinds.h"
#include "ports/services.h"
#include "providers/postgres/connection.h"
#include "providers/postgres/settings.h"
#include "providers/postgres/vigils.h"

namespace bascule::postgres {

// What probes and actions are made from besides their settings; all of it outlives them.
struct Surroundings {
  Services& services;
  net::Resolver& resolver;
  Vigils& vigils;
};

// What became of an attempt to log in as the check's own user.
enum class LoginAnswer : std::uint8_t { refused, admitted };

class Database {
 public:
  Database(Surroundings surroundings, SiteName site, std::string check_name, CheckSettings check);

  // The database behind a check of a site; Error invalid when it has no admin.
  static Result<Database> find(Surroundings surroundings, const GroupSpec& group,
                               const SiteName& site, const std::string& check);

  [[nodiscard]] const SiteName& site() const { return site_; }
  [[nodiscard]] const CheckSettings& check() const { return check_; }
  [[nodiscard]] std::string label() const;  // "amsterdam/database"
  // "error" as an error of this database.
  [[nodiscard]] Error named(Error error) const;

  // A session that waits for no standby when it commits (a dead one must not keep us from sealing
  // or unsealing), and whose open transaction does not outlive us for long. While a seal
  // waits for this server, only that goes in, and what it meets is the answer.
  awaitable<Result<std::unique_ptr<Connection>>> admin(Deadline deadline) const;
  // The same, and what the server then says of itself.
  struct Sight {
    std::unique_ptr<Connection> connection;
    DatabaseFacts facts;
  };
  awaitable<Result<Sight>> look(Deadline deadline) const;
  // A login for that seal itself. The deadline limits the login, `statement_timeout` what follows;
  // the connection's failure() tells what was wrong.
  awaitable<Result<void>> log_in_first(Connection& connection, Deadline deadline,
                                       Duration statement_timeout) const;
  [[nodiscard]] std::unique_ptr<Connection> connection() const;
  [[nodiscard]] Vigils::Vigil keep_vigil() const;

  // Logs in as the check's user and out again. `refused`: that role may not log in; any other
  // failure is an Error.
  awaitable<Result<LoginAnswer>> try_ordinary_login(Deadline deadline) const;

 private:
  Surroundings surroundings_;
  SiteName site_;
  std::string check_name_;
  CheckSettings check_;
};

// What the admin sees of a server: the same facts as the probe's.
awaitable<Result<DatabaseFacts>> read_facts(Connection& connection, Clock& clock,
                                            Deadline deadline);

// The history of the timeline a primary is on; empty on timeline 1.
awaitable<Result<std::vector<TimelineEnd>>> read_history(Connection& connection,
                                                         std::int64_t timeline, Deadline deadline);

}  // namespace bascule::postgres
