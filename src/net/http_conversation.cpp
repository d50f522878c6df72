// Requests through Beast's parser, fed by hand; responses written as text.
#include "net/http_conversation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "net/feed.h"

namespace bascule::net {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadAtOnce = 16 * 1024;
constexpr Duration kLinger{1000};                 // for a client to read our refusal
constexpr std::size_t kLingerBytes = 256 * 1024;  // of a body that nobody wants any more
constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                      "PATCH", "DELETE", "OPTIONS"};

// RFC 9110, 5.6.7: "Mon, 23 Nov 2026 16:37:25 GMT".
std::string http_date(Instant now) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_time<Duration> time(now.time_since_epoch());
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  return fmt::format(
      "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(day).c_encoding()],
      static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
      static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
      clock.seconds().count());
}

bool is_ours(std::string_view header) {
  return equal_without_case(header, "Content-Length") ||
         equal_without_case(header, "Transfer-Encoding") ||
         equal_without_case(header, "Connection") || equal_without_case(header, "Date");
}

bool has_no_body(int status) {
  return status / 100 == 1 || status == 204 || status == 304;
}

Refusal refusal_for(const error_code& failed) {
  if (failed == http::error::header_limit || failed == http::error::buffer_overflow) {
    return Refusal{431, "the request's header is too large"};
  }
  if (failed == http::error::body_limit) return Refusal{413, "the request's body is too large"};
  return Refusal{400, "the request is malformed: " + failed.message()};
}

using Message = http::request<BoundedBody>;

std::string allowed_methods() {
  std::string text;
  for (const std::string_view method : kMethods) {
    text += (text.empty() ? "" : ", ") + std::string(method);
  }
  return text;
}

awaitable<Refusal> answer_expectation(const Message* message, Stream* stream, Deadline deadline) {
  const auto found = message->find(http::field::expect);
  if (found == message->end()) co_return Refusal();
  if (!equal_without_case(found->value(), "100-continue")) {
    co_return Refusal{417, "only the expectation 100-continue is known"};
  }
  co_await stream->write_all("HTTP/1.1 100 Continue\r\n\r\n", deadline);
  co_return Refusal();
}

std::expected<ServerRequest, Refusal> request_of(Message message) {
  ServerRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.add(std::string(field.name_string()), std::string(field.value()));
  }
  if (std::find(kMethods.begin(), kMethods.end(), request.method) == kMethods.end()) {
    return std::unexpected(Refusal{405, "the method " + request.method + " is not known here"});
  }
  if (message.version() >= 11 && message.count(http::field::host) != 1) {
    return std::unexpected(Refusal{400, "the request needs exactly one Host header"});
  }
  const std::string_view target = request.target;
  const std::size_t mark = std::min(target.find('?'), target.size());
  const std::optional<std::string> path = percent_decode(target.substr(0, mark));
  if (!path || !path->starts_with('/') || path->contains('\0')) {
    return std::unexpected(Refusal{400, "the target is not a path"});
  }
  request.path = *path;
  request.query = std::string(target.substr(std::min(mark + 1, target.size())));
  request.body = std::move(message.body().bytes);
  return request;
}

}  // namespace

std::string response_head(int status, const Headers& headers, const std::string& framing,
                          bool closes, Instant now) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n{}", status, reason_phrase(status),
                                 http_date(now), framing);
  for (const auto& [name, value] : headers) {
    if (!is_ours(name)) head += fmt::format("{}: {}\r\n", name, value);
  }
  head += closes ? "Connection: close\r\n\r\n" : "\r\n";
  return head;
}

Conversation::Conversation(Clock& clock, const ServerSettings& settings,
                           std::unique_ptr<Stream> stream)
    : clock_(clock), settings_(settings), stream_(std::move(stream)) {
  buffer_.resize(std::max(settings.header_limit, kReadAtOnce) + kReadAtOnce);
}

void Conversation::consume(std::size_t used) {
  std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
            buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
  filled_ -= used;
}

awaitable<bool> Conversation::wait_for_request() {
  if (filled_ > 0) co_return true;
  const Deadline deadline = Deadline::in(clock_, settings_.idle_timeout);
  const Result<std::size_t> n = co_await stream_->read_some(room(), deadline);
  if (!n || *n == 0) co_return false;
  filled_ += *n;
  co_return true;
}

awaitable<std::expected<ServerRequest, Refusal>> Conversation::read_request() {
  http::request_parser<BoundedBody> parser;
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(settings_.header_limit));
  parser.body_limit(settings_.body_limit);
  parser.get().body().limit = settings_.body_limit;
  const Deadline deadline = Deadline::in(clock_, settings_.read_timeout);
  bool asked_to_continue = false;
  while (true) {
    error_code failed;
    if (filled_ > 0) consume(feed(parser, {buffer_.data(), filled_}, failed));
    if (failed && failed != http::error::need_more) {
      co_return std::unexpected(refusal_for(failed));
    }
    if (parser.is_done()) {
      // A client of HTTP/1.0 would wait for a promise that we do not make.
      keeps_connection_ = parser.keep_alive() && parser.get().version() >= 11;
      std::expected<ServerRequest, Refusal> request = request_of(parser.release());
      const std::optional<Endpoint> peer = stream_->peer();
      if (request && peer) request->peer = *peer;
      co_return request;
    }
    if (parser.is_header_done() && !asked_to_continue) {
      asked_to_continue = true;
      const Refusal refused = co_await answer_expectation(&parser.get(), stream_.get(), deadline);
      if (refused.status != 0) co_return std::unexpected(refused);
    }
    if (room().empty()) {
      co_return std::unexpected(Refusal{431, "the request's header is too large"});
    }
    const Result<std::size_t> n = co_await stream_->read_some(room(), deadline);
    if (!n && n.error().code == ErrorCode::timeout) {
      co_return std::unexpected(Refusal{408, "the request did not end in time"});
    }
    if (!n || *n == 0) co_return std::unexpected(Refusal());
    filled_ += *n;
  }
}

awaitable<Result<void>> Conversation::write(std::string_view bytes) {
  co_return co_await stream_->write_all(bytes, Deadline::in(clock_, settings_.write_timeout));
}

awaitable<Result<void>> Conversation::respond(ServerResponse response, bool head_only) {
  std::string framing;
  if (!has_no_body(response.status)) {
    framing = fmt::format("Content-Length: {}\r\n", response.body.size());
  }
  std::string bytes =
      response_head(response.status, response.headers, framing, !keeps_connection_, clock_.now());
  if (!head_only && !has_no_body(response.status)) bytes += response.body;
  co_return co_await write(bytes);
}

awaitable<void> Conversation::refuse(Refusal refusal) {
  if (refusal.status == 0) co_return;
  close_after_this();
  ServerResponse response(refusal.status, refusal.text + "\n", "text/plain; charset=utf-8");
  if (refusal.status == 405) response.headers.set("Allow", allowed_methods());
  const Result<void> written = co_await respond(std::move(response), false);
  if (!written) co_return;
  const Deadline deadline = Deadline::in(clock_, kLinger);
  if (!co_await stream_->finish_sending(deadline)) co_return;
  std::size_t ignored = 0;
  while (ignored < kLingerBytes) {
    const Result<std::size_t> n = co_await stream_->read_some(std::span(buffer_), deadline);
    if (!n || *n == 0) co_return;
    ignored += *n;
  }
}

}  // namespace bascule::net
