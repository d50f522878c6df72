// Everything that one in-process Bascule consists of, in the order in which it must live: io,
// clock, resolver, catalog, secrets, journal, supervisor, routes. `serve` and local sessions are
// two ways to run it.
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

#include "api/routes.h"
#include "app/secrets.h"
#include "async/clock.h"
#include "config/loader.h"
#include "journals/memory/memory_journal.h"
#include "journals/sqlite/sqlite_journal.h"
#include "net/resolver.h"
#include "ports/kinds.h"
#include "runtime/notifications.h"
#include "runtime/supervisor.h"

namespace bascule::app {

enum class Access {
  act,        // opens the journal for writing, takes the lease, acts
  look_only,  // reads a copy of the journal; decisions stay in memory and nothing outside is
              // changed
};

class EngineRoom {
 public:
  // `loaded` must be ok(). Errors: the store belongs to somebody else, cannot be made, is damaged.
  static Result<std::unique_ptr<EngineRoom>> open(boost::asio::io_context& io,
                                                  config::Loaded loaded, Access access,
                                                  std::vector<runtime::Follower*> followers);
  ~EngineRoom();

  [[nodiscard]] const Configuration& configuration() const { return configuration_; }
  [[nodiscard]] Clock& clock() { return clock_; }
  [[nodiscard]] runtime::Supervisor& supervisor() { return *supervisor_; }
  [[nodiscard]] api::Routes& routes() { return *routes_; }
  // Null where nobody is told anything: a session that only looks.
  [[nodiscard]] runtime::Notifications* notifications() { return notifications_.get(); }
  [[nodiscard]] const Catalog& catalog() const { return catalog_; }
  [[nodiscard]] Services& services() { return services_; }

  // The configuration as it is now: what it makes (checks, references, ways to people, secrets) is
  // made anew, and the term goes on. Refused, with nothing changed, when it differs in what cannot
  // change while a process runs, and for the reasons of Supervisor::reload. `loaded` must be ok().
  awaitable<Result<void>> reload(config::Loaded loaded);

  // Runs one term and then lets the notifiers finish.
  awaitable<Result<void>> run();

 private:
  EngineRoom(boost::asio::io_context& io, config::Loaded loaded);
  Result<void> open_store(Access access);

  boost::asio::io_context& io_;
  SystemClock clock_;
  Configuration configuration_;
  SecretsAtEdge secrets_;
  std::unique_ptr<net::Resolver> resolver_;
  Catalog catalog_;
  Services services_;
  std::unique_ptr<SqliteJournal> sqlite_;
  std::unique_ptr<MemoryJournal> memory_;
  Journal* journal_ = nullptr;
  Lease* lease_ = nullptr;
  std::unique_ptr<runtime::Notifications> notifications_;
  std::unique_ptr<runtime::Supervisor> supervisor_;
  std::unique_ptr<api::Routes> routes_;
};

}  // namespace bascule::app
