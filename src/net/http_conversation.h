// One connection of the HTTP server: requests out of its bytes, responses into them. For
// http_server.cpp, which decides what happens between the two.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace bascule::net {

// Why a request is not handed to the handler; status 0: there is none, close quietly.
struct Refusal {
  int status = 0;
  std::string text;
};

// Status line and headers, with the framing header given as a whole line.
std::string response_head(int status, const Headers& headers, const std::string& framing,
                          bool closes, Instant now);

// One request at a time. Outlived by clock and settings.
class Conversation {
 public:
  Conversation(Clock& clock, const ServerSettings& settings, std::unique_ptr<Stream> stream);

  [[nodiscard]] Stream& stream() { return *stream_; }
  [[nodiscard]] bool keeps_connection() const { return keeps_connection_; }
  void close_after_this() { keeps_connection_ = false; }

  // Waits for the first byte of a request; false when there will be none.
  awaitable<bool> wait_for_request();
  // The rest of it.
  awaitable<std::expected<ServerRequest, Refusal>> read_request();

  awaitable<Result<void>> write(std::string_view bytes);
  awaitable<Result<void>> respond(ServerResponse response, bool head_only);
  // Answers what was not understood and lets the answer arrive: closing with unread bytes in our
  // buffer would take it back.
  awaitable<void> refuse(Refusal refusal);

 private:
  std::span<char> room() { return {buffer_.data() + filled_, buffer_.size() - filled_}; }
  void consume(std::size_t used);

  Clock& clock_;
  const ServerSettings& settings_;
  std::unique_ptr<Stream> stream_;
  std::string buffer_;
  std::size_t filled_ = 0;
  bool keeps_connection_ = true;
};

}  // namespace bascule::net
