// The API as the daemon serves it: where it listens, whose tokens it knows, which certificate it
// shows.
//
// One thread, the one of `io`. What is handed over outlives it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <string>

#include "api/access.h"
#include "api/server.h"
#include "app/certificate.h"
#include "app/engine_room.h"

namespace spdlog {  // NOLINT(readability-identifier-naming): the library's own name
class logger;       // NOLINT(readability-identifier-naming)
}

namespace bascule::app {

class ServedApi {
 public:
  struct Parts {
    EngineRoom& room;
    api::Metrics& metrics;
    api::EventStream& events;
    std::shared_ptr<spdlog::logger> log;
  };

  // Makes the token beside the store where there is none yet, loads the certificate, and listens.
  // Errors: invalid (address, certificate), conflict "ADDRESS:PORT is in use", denied.
  static Result<std::unique_ptr<ServedApi>> open(boost::asio::io_context& io, Parts parts);

  // Takes tokens and certificate of the room's configuration, which has been read again. A
  // certificate that cannot be used is said, and the old one stays.
  void reload();

  // https://192.0.2.1:8420
  [[nodiscard]] std::string address() const;

  awaitable<void> stop(Deadline deadline);

  // How often the certificate's files are looked at.
  static constexpr Duration kCertificateLook{5'000};

 private:
  ServedApi(boost::asio::io_context& io, Parts parts);
  Result<void> start(boost::asio::io_context& io);
  Result<void> take_tokens();
  void look_at_certificate();
  void look_again_later();
  void tell_of_expiry();

  Parts parts_;
  std::unique_ptr<Certificate> certificate_;  // null: plain
  std::unique_ptr<api::Access> access_;
  std::unique_ptr<api::Server> server_;
  boost::asio::steady_timer certificate_timer_;
  std::int64_t told_days_left_ = -1;  // of the certificate; -1: nothing yet
};

}  // namespace bascule::app
