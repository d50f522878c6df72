// The daemon over HTTP: where it listens, and a Backend that asks it with a bearer token. What
// answers but is not Bascule is told apart from nobody answering. It chooses no address and reads
// no file: command_line/backends.cpp does.
#pragma once

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

#include "app/backend.h"
#include "async/clock.h"
#include "net/http_client.h"
#include "net/resolver.h"
#include "net/tls.h"

namespace bascule::app {

inline constexpr const char* kDefaultServer = "127.0.0.1:8420";

struct Daemon {
  net::Url base;               // http://127.0.0.1:8420/
  std::string token;           // may be empty
  std::string no_token_since;  // why there is none, for the moment it is asked for
  net::TlsSettings tls;        // of an https base
};

// "127.0.0.1:8420", "bascule.example:8420" or a whole URL.
Result<net::Url> parse_server(std::string_view text);

class DaemonClient final : public Backend {
 public:
  // The clock and `io` outlive the client.
  static Result<std::unique_ptr<DaemonClient>> make(boost::asio::io_context& io, Clock& clock,
                                                    Daemon daemon);

  // How long an answer may take: longer than the daemon's own limits.
  static constexpr Duration kAnswerTimeout{45'000};
  void set_answer_timeout(Duration timeout) { timeout_ = timeout; }

  // Error unavailable "no Bascule answers at ADDRESS", timeout, outcome_unknown (a command that was
  // sent and not answered), denied (no token, or a wrong one: 401 and 403 of whoever answers).
  awaitable<Result<Reply>> ask(std::string method, std::string target, Json body) override;

 private:
  DaemonClient(Clock& clock, Daemon daemon, std::unique_ptr<net::Resolver> resolver,
               net::ClientSettings settings);

  [[nodiscard]] Error explain(Error error) const;
  [[nodiscard]] Result<Reply> read(const net::Response& response) const;

  Clock& clock_;
  Daemon daemon_;
  std::unique_ptr<net::Resolver> resolver_;
  net::HttpClient http_;
  Duration timeout_ = kAnswerTimeout;
};

}  // namespace bascule::app
