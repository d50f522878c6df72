// Requests over a Stream, answers through Beast's parser: fed by hand, so that nothing of Beast's
// asynchronous machinery is instantiated.
#include "net/http_client.h"

#include <deque>
#include <map>
#include <set>
#include <utility>

#include "async/with_deadline.h"
#include "net/feed.h"

namespace bascule::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t kReadAtOnce = 16 * 1024;
constexpr int kInterimAnswers = 16;  // 1xx before the real one

std::string size_text(std::size_t bytes) {
  if (bytes % (1024 * 1024) == 0) return fmt::format("{} MiB", bytes / (1024 * 1024));
  if (bytes % 1024 == 0) return fmt::format("{} KiB", bytes / 1024);
  return fmt::format("{} bytes", bytes);
}

// Reads one answer. It owns the bytes that came after its end.
class AnswerReader {
 public:
  AnswerReader(const Limits& limits, bool head_only) : limits_(limits), head_only_(head_only) {
    buffer_.resize(std::max(limits.header, kReadAtOnce) + kReadAtOnce);
    begin();
  }

  awaitable<Result<void>> read(Stream* stream, Clock* clock, const char** phase) {
    while (!done_) {
      const std::span<char> room(buffer_.data() + filled_, buffer_.size() - filled_);
      if (room.empty()) co_return too_much_between();
      const Result<std::size_t> n = co_await stream->read_some(room, Deadline::held_outside());
      if (!n) co_return error_of(n);
      if (*n == 0) co_return ended();
      if (!first_byte_) {
        first_byte_ = clock->monotonic();
        *phase = "reading the answer";
      }
      filled_ += *n;
      const Result<void> parsed = parse();
      if (!parsed) co_return parsed;
    }
    co_return Result<void>();
  }

  [[nodiscard]] bool got_any() const { return first_byte_.has_value(); }
  [[nodiscard]] std::optional<MonotonicInstant> first_byte() const { return first_byte_; }
  // Whether the connection can carry another request.
  [[nodiscard]] bool keeps_connection() const {
    return done_ && filled_ == 0 && !cut_ && parser_->keep_alive();
  }

  Response take() {
    auto message = parser_->release();
    Response response;
    response.status = static_cast<int>(message.result_int());
    response.reason = std::string(message.reason());
    for (const auto& field : message) {
      response.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    response.body = std::move(message.body().bytes);
    response.body_truncated = cut_;
    return response;
  }

 private:
  void begin() {
    parser_.emplace();
    first_line_read_ = false;
    parser_->eager(true);
    parser_->header_limit(static_cast<std::uint32_t>(limits_.header));
    if (limits_.truncate_body) {
      parser_->body_limit(boost::none);
    } else {
      parser_->body_limit(limits_.body);
    }
    parser_->get().body().limit = limits_.body;
    if (head_only_) parser_->skip(true);
  }

  Result<void> parse() {
    while (filled_ > 0 && !done_) {
      if (!first_line_read_ && !begins_like_http()) return what_it_is_instead();
      boost::beast::error_code failed;
      const std::size_t used = feed(*parser_, {buffer_.data(), filled_}, failed);
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
                buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
      filled_ -= used;
      if (used > 0) first_line_read_ = true;
      if (failed && failed != http::error::need_more) return explain(failed);
      if (parser_->is_header_done() && parser_->get().result_int() / 100 == 1) {
        if (const Result<void> skipped = skip_interim(); !skipped) return skipped;
        continue;
      }
      if (parser_->get().body().overflowed) {
        cut_ = true;
        done_ = true;
      }
      if (parser_->is_done()) done_ = true;
      if (failed || used == 0) break;
    }
    return {};
  }

  Result<void> skip_interim() {
    if (parser_->get().result_int() == 101) {
      return fail(ErrorCode::unavailable, "server wants to switch protocols");
    }
    if (++interim_ > kInterimAnswers) {
      return fail(ErrorCode::unavailable, "server sends only interim answers (1xx)");
    }
    begin();
    return {};
  }

  [[nodiscard]] bool begins_like_http() const {
    const std::string_view expected = "HTTP/";
    const std::string_view got(buffer_.data(), std::min(filled_, expected.size()));
    return expected.starts_with(got);
  }

  [[nodiscard]] std::unexpected<Error> what_it_is_instead() const {
    const std::string_view got(buffer_.data(), filled_);
    // The first bytes of a TLS record (alert, handshake), and of an HTTP/2 frame (SETTINGS).
    if (got.size() >= 3 && (got[0] == 0x15 || got[0] == 0x16) && got[1] == 0x03) {
      return fail(ErrorCode::unavailable, "answer is TLS, not HTTP: this port wants https");
    }
    if (got.size() >= 9 && got.starts_with('\0') && got[3] == 0x04) {
      return fail(ErrorCode::unavailable, "answer is HTTP/2, which is not spoken here");
    }
    return fail(ErrorCode::unavailable, "answer is not HTTP: \"{}\"", excerpt(got));
  }

  Result<void> ended() {
    if (!got_any()) {
      return fail(ErrorCode::unavailable, "connection was closed without an answer");
    }
    boost::beast::error_code failed;
    if (parser_->got_some()) parser_->put_eof(failed);
    if (failed || !parser_->is_done()) {
      return fail(ErrorCode::unavailable, "connection was closed in the middle of the answer");
    }
    done_ = true;
    return {};
  }

  [[nodiscard]] std::unexpected<Error> header_too_large() const {
    return fail(ErrorCode::unavailable, "answer's header is larger than {}",
                size_text(limits_.header));
  }

  // The buffer is full, and no line of the protocol is complete.
  [[nodiscard]] std::unexpected<Error> too_much_between() const {
    if (!parser_->is_header_done()) return header_too_large();
    return fail(ErrorCode::unavailable, "a chunk's header or the trailer is larger than {}",
                size_text(buffer_.size()));
  }

  [[nodiscard]] std::unexpected<Error> explain(const boost::beast::error_code& failed) const {
    if (failed == http::error::header_limit || failed == http::error::buffer_overflow) {
      return header_too_large();
    }
    if (failed == http::error::body_limit) {
      return fail(ErrorCode::unavailable, "answer's body is larger than {}",
                  size_text(limits_.body));
    }
    return fail(ErrorCode::unavailable, "answer is malformed HTTP: {}", failed.message());
  }

  Limits limits_;
  bool head_only_;
  std::optional<http::response_parser<BoundedBody>> parser_;
  std::string buffer_;
  std::size_t filled_ = 0;
  std::optional<MonotonicInstant> first_byte_;
  bool first_line_read_ = false;  // of this answer; Beast takes it as a whole
  int interim_ = 0;
  bool done_ = false;
  bool cut_ = false;  // the body was larger than wanted
};

bool is_redirect(const Response& response) {
  switch (response.status) {
    case 301:
    case 302:
    case 303:
    case 307:
    case 308:
      return response.headers.contains("Location");
    default:
      return false;
  }
}

bool can_carry_no_body(const std::string& method) {
  return method == "GET" || method == "HEAD";
}

Result<std::string> head_of(const Request& request) {
  if (const Result<void> usable = request.headers.check(); !usable) return error_of(usable);
  Headers method_as_name;
  method_as_name.add(request.method, "");
  if (!method_as_name.check()) {
    return fail(ErrorCode::invalid, "\"{}\" is not a method", request.method);
  }
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method,
                                 request.url.target, request.url.authority());
  for (const auto& [name, value] : request.headers) {
    if (equal_without_case(name, "Host") || equal_without_case(name, "Content-Length") ||
        equal_without_case(name, "Connection") || equal_without_case(name, "Transfer-Encoding")) {
      continue;
    }
    head += fmt::format("{}: {}\r\n", name, value);
  }
  if (!request.headers.contains("User-Agent")) head += "User-Agent: bascule\r\n";
  if (!request.body.empty() || !can_carry_no_body(request.method)) {
    head += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  if (!request.reuse_connection) head += "Connection: close\r\n";
  head += "\r\n";
  return head;
}

}  // namespace

struct HttpClient::State {
  struct Idle {
    std::unique_ptr<Stream> stream;
    MonotonicInstant since;
  };

  State(Clock& time, Resolver& names, ClientSettings chosen)
      : clock(time), resolver(names), settings(std::move(chosen)) {}

  Clock& clock;
  Resolver& resolver;
  ClientSettings settings;
  std::map<std::string, std::deque<Idle>> idle;  // by what Exchange::key() says
  std::size_t idle_count = 0;

  void prune() {
    for (auto host = idle.begin(); host != idle.end();) {
      std::deque<Idle>& streams = host->second;
      while (!streams.empty() && elapsed(clock, streams.front().since) > settings.idle_for) {
        streams.pop_front();
        --idle_count;
      }
      host = streams.empty() ? idle.erase(host) : std::next(host);
    }
  }

  std::unique_ptr<Stream> take_idle(const std::string& key) {
    prune();
    const auto host = idle.find(key);
    while (host != idle.end() && !host->second.empty()) {
      std::unique_ptr<Stream> stream = std::move(host->second.back().stream);
      host->second.pop_back();
      --idle_count;
      if (stream->is_idle()) return stream;
    }
    return nullptr;
  }

  void keep(const std::string& key, std::unique_ptr<Stream> stream) {
    prune();
    std::deque<Idle>& streams = idle[key];
    if (idle_count >= settings.idle_in_all || streams.size() >= settings.idle_per_host) return;
    streams.push_back(Idle{std::move(stream), clock.monotonic()});
    ++idle_count;
  }

  Result<std::shared_ptr<const TlsContext>> tls() {
    if (settings.tls) return settings.tls;
    Result<std::shared_ptr<const TlsContext>> made = TlsContext::for_client(TlsSettings());
    if (made) settings.tls = *made;
    return made;
  }
};

// One fetch: the chain of requests that its redirects make.
class HttpClient::Exchange {
 public:
  Exchange(State& state, Request request, Limits limits, Deadline deadline)
      : state_(state),
        clock_(state.clock),
        request_(std::move(request)),
        origin_(request_.url),
        limits_(limits),
        deadline_(deadline),
        started_(clock_.monotonic()),
        allowed_(deadline.left(clock_)) {}

  awaitable<Result<Response>> run() {
    std::set<std::pair<std::string, std::string>> seen;
    for (int redirects = 0;; ++redirects) {
      seen.emplace(request_.method, request_.url.text());
      Result<Response> response = co_await answer();
      if (!response) co_return response;
      response->redirects = redirects;
      response->url = request_.url;
      if (limits_.redirects == 0 || !is_redirect(*response)) {
        timing_.total = elapsed(clock_, started_);
        response->timing = timing_;
        co_return response;
      }
      if (redirects >= limits_.redirects) {
        co_return fail(ErrorCode::unavailable, "more than {} redirects", limits_.redirects);
      }
      const Result<void> followed = follow(*response);
      if (!followed) co_return error_of(followed);
      if (seen.contains({request_.method, request_.url.text()})) {
        co_return fail(ErrorCode::unavailable, "redirects go in a circle ({})",
                       excerpt(request_.url.text(), 200));
      }
    }
  }

  Error final_error(Error error) const {
    if (error.code == ErrorCode::timeout) {
      error.message = fmt::format("no answer within {}ms ({})", allowed_.count(), phase_);
    }
    const bool open = error.code == ErrorCode::timeout || error.code == ErrorCode::unavailable;
    if (sent_ && open && !request_.is_safe_to_repeat()) error.code = ErrorCode::outcome_unknown;
    return error;
  }

 private:
  // Where the request as it stands now goes.
  [[nodiscard]] HostPort place() const {
    const Url& url = request_.url;
    if (!request_.connect || url.host != origin_.host) return {url.host, url.port};
    const bool own_port = request_.connect->port != 0 && url.port == origin_.port;
    return {request_.connect->host, own_port ? request_.connect->port : url.port};
  }
  // Connections with the same key are as good as each other.
  [[nodiscard]] std::string key() const {
    return fmt::format("{} {} {}", request_.url.scheme, request_.url.host, to_string(place()));
  }

  // The answer to the request as it stands now, over a kept connection or a fresh one.
  awaitable<Result<Response>> answer() {
    sent_ = false;
    if (request_.reuse_connection) {
      if (std::unique_ptr<Stream> kept = state_.take_idle(key())) {
        bool got_any = false;
        Result<Response> response = co_await converse(std::move(kept), &got_any);
        if (response) response->connection_reused = true;
        // It was closed while it lay idle: nobody has seen this request.
        const bool stale = !response && !got_any &&
                           response.error().code == ErrorCode::unavailable &&
                           request_.is_safe_to_repeat();
        if (!stale) co_return response;
      }
    }
    Result<std::unique_ptr<Stream>> stream = co_await open();
    if (!stream) co_return error_of(stream);
    bool got_any = false;
    co_return co_await converse(std::move(*stream), &got_any);
  }

  awaitable<Result<std::unique_ptr<Stream>>> open() {
    const Url url = request_.url;
    const HostPort to = place();
    phase_ = "looking up the name";
    MonotonicInstant begun = clock_.monotonic();
    Result<std::vector<IpAddress>> addresses =
        co_await state_.resolver.resolve(to.host, state_.settings.family, deadline_);
    timing_.lookup += elapsed(clock_, begun);
    if (!addresses) co_return error_of(addresses);

    phase_ = "connecting";
    begun = clock_.monotonic();
    Result<std::unique_ptr<Stream>> stream =
        co_await connect_any(clock_, std::move(*addresses), to.port, deadline_);
    timing_.connect += elapsed(clock_, begun);
    if (!stream || !url.secure()) co_return stream;

    phase_ = "TLS handshake";
    Result<std::shared_ptr<const TlsContext>> context = state_.tls();
    if (!context) co_return error_of(context);
    begun = clock_.monotonic();
    stream = co_await start_tls(clock_, std::move(*stream), std::move(*context), url.host,
                                Deadline::held_outside());
    timing_.tls += elapsed(clock_, begun);
    co_return stream;
  }

  awaitable<Result<Response>> converse(std::unique_ptr<Stream> stream, bool* got_any) {
    Result<std::string> head = head_of(request_);
    if (!head) co_return error_of(head);
    phase_ = "waiting for the answer";
    const MonotonicInstant begun = clock_.monotonic();
    sent_ = true;
    const std::string bytes = std::move(*head) + request_.body;
    const Result<void> written = co_await stream->write_all(bytes, Deadline::held_outside());
    // A server may refuse a body before it has read it all; its answer says why.
    if (!written && (request_.body.empty() || written.error().code == ErrorCode::canceled)) {
      co_return error_of(written);
    }
    AnswerReader reader(limits_, request_.method == "HEAD");
    const Result<void> read = co_await reader.read(stream.get(), &clock_, &phase_);
    *got_any = reader.got_any();
    if (!read) co_return error_of(written ? read : written);
    timing_.first_byte = std::chrono::duration_cast<Microseconds>(*reader.first_byte() - begun);
    const bool keeps = reader.keeps_connection() && written;
    Response response = reader.take();
    response.peer = stream->peer();
    response.tls = stream->tls();
    if (request_.reuse_connection && keeps) {
      state_.keep(key(), std::move(stream));
    } else {
      stream->abort();
    }
    co_return response;
  }

  Result<void> follow(const Response& response) {
    const std::string_view location = *response.headers.find("Location");
    Result<Url> next = resolve_reference(request_.url, location);
    if (!next) return fail(in_context("redirect", next.error()));
    if (request_.url.secure() && !next->secure()) {
      return fail(ErrorCode::unavailable, "redirect from https to http is not followed");
    }
    if (!next->same_origin(request_.url)) {
      for (const char* name : {"Authorization", "Cookie", "Proxy-Authorization"}) {
        request_.headers.remove(name);
      }
    }
    const bool was_post = request_.method == "POST";
    const bool turns_to_get = response.status == 303 || (was_post && response.status <= 302);
    if (turns_to_get && request_.method != "HEAD") {
      request_.safe_to_repeat = true;
      request_.method = "GET";
      request_.body.clear();
      request_.headers.remove("Content-Type");
    }
    request_.url = std::move(*next);
    return {};
  }

  State& state_;
  Clock& clock_;
  Request request_;
  Url origin_;  // before any redirect
  Limits limits_;
  Deadline deadline_;
  MonotonicInstant started_;
  Duration allowed_;
  Timing timing_;
  const char* phase_ = "connecting";
  bool sent_ = false;
};

HttpClient::HttpClient(Clock& clock, Resolver& resolver, ClientSettings settings)
    : state_(std::make_unique<State>(clock, resolver, std::move(settings))) {}
HttpClient::~HttpClient() = default;

awaitable<Result<Response>> HttpClient::fetch(Request request, Limits limits, Deadline deadline) {
  Exchange exchange(*state_, std::move(request), limits, deadline);
  Result<Response> response =
      co_await with_deadline(state_->clock, deadline, "the server", exchange.run());
  if (!response) co_return fail(exchange.final_error(response.error()));
  co_return response;
}

void HttpClient::drop_idle() {
  state_->idle.clear();
  state_->idle_count = 0;
}

std::size_t HttpClient::idle() const {
  return state_->idle_count;
}

}  // namespace bascule::net
