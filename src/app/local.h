// Bascule inside this process, without a daemon: for `check`, for plans when nothing is running,
// and for moves with
// `--local` on the night when the daemon is gone.
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

#include "app/backend.h"
#include "app/engine_room.h"
#include "async/scope.h"
#include "config/loader.h"

namespace bascule::app {

// Every check of the configuration once, now; roles are judged by the home site. A checks_view.
awaitable<Result<Json>> check_once(boost::asio::io_context& io, config::Loaded loaded);

// One term in this process. `Access::act` takes the journal's lease: while a daemon holds it, that
// is refused by name. Automation is off in a local session, whatever the policy says: a person is
// in charge.
class LocalSession final : public Backend {
 public:
  // Returns once every check has been looked at, or after their timeouts.
  static awaitable<Result<std::unique_ptr<LocalSession>>> open(boost::asio::io_context& io,
                                                               config::Loaded loaded,
                                                               Access access);
  ~LocalSession() override;

  awaitable<Result<Reply>> ask(std::string method, std::string target, Json body) override;

  // Stops as a daemon does: what is under way is left to the next start. Call it before the session
  // goes.
  awaitable<Result<void>> close();

 private:
  LocalSession(boost::asio::io_context& io, std::unique_ptr<EngineRoom> room);
  awaitable<void> run();

  std::unique_ptr<EngineRoom> room_;
  Scope scope_;
  bool ended_ = false;
  Result<void> result_;
};

}  // namespace bascule::app
