#include "net/line_stream.h"

#include <algorithm>
#include <utility>

#include "async/with_deadline.h"
#include "net/feed.h"
#include "net/stream.h"

namespace bascule::net {

namespace http = boost::beast::http;

namespace {

constexpr std::size_t kReadAtOnce = 16 * 1024;

std::string head_of(const Request& request) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n",
                                 request.method, request.url.target, request.url.authority());
  for (const auto& [name, value] : request.headers) head += fmt::format("{}: {}\r\n", name, value);
  return head + "User-Agent: bascule\r\n\r\n";
}

class Lines final : public LineStream {
 public:
  Lines(Clock& clock, std::unique_ptr<Stream> stream, Limits limits)
      : clock_(clock), stream_(std::move(stream)), limits_(limits) {
    buffer_.resize(limits.header + kReadAtOnce);
    parser_.eager(true);
    parser_.header_limit(static_cast<std::uint32_t>(limits.header));
    parser_.body_limit(boost::none);
    parser_.get().body().limit = limits.body;
  }

  awaitable<Result<void>> read_head(Deadline deadline) {
    while (!parser_.is_header_done()) {
      if (Result<bool> more = co_await read(deadline); !more) co_return error_of(more);
    }
    head_.status = static_cast<int>(parser_.get().result_int());
    head_.reason = std::string(parser_.get().reason());
    for (const auto& field : parser_.get()) {
      head_.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    head_.peer = stream_->peer();
    head_.tls = stream_->tls();
    while (head_.status != 200 && !parser_.is_done() && !is_full()) {
      const Result<bool> more = co_await read(deadline);
      if (!more || !*more) break;  // the status says enough
    }
    if (head_.status != 200) head_.body = std::exchange(parser_.get().body().bytes, {});
    co_return Result<void>();
  }

  [[nodiscard]] const Response& head() const override { return head_; }

  awaitable<Result<std::optional<std::string>>> next(Deadline deadline) override {
    while (true) {
      if (std::optional<std::string> line = take_line()) co_return line;
      if (is_full()) {
        co_return fail(ErrorCode::unavailable, "a line of the answer is larger than {} bytes",
                       limits_.body);
      }
      if (parser_.is_done()) co_return std::nullopt;
      const Result<bool> more = co_await with_deadline(clock_, deadline, "the watched server",
                                                       read(Deadline::held_outside()));
      if (!more) co_return error_of(more);
      if (!*more && !parser_.is_done()) {
        co_return fail(ErrorCode::unavailable, "connection was closed in the middle of the answer");
      }
    }
  }

 private:
  [[nodiscard]] bool is_full() { return parser_.get().body().overflowed; }

  std::optional<std::string> take_line() {
    std::string& bytes = parser_.get().body().bytes;
    const std::size_t end = bytes.find('\n', searched_);
    searched_ = bytes.size();
    if (end == std::string::npos) return std::nullopt;
    std::string line = bytes.substr(0, end);
    bytes.erase(0, end + 1);
    searched_ = 0;
    return line;
  }

  // False at the end of the connection.
  awaitable<Result<bool>> read(Deadline deadline) {
    const std::span<char> room(buffer_.data() + filled_, buffer_.size() - filled_);
    if (room.empty()) co_return fail(ErrorCode::unavailable, "the answer's header is too large");
    const Result<std::size_t> n = co_await stream_->read_some(room, deadline);
    if (!n) co_return error_of(n);
    if (*n == 0) {
      boost::beast::error_code ignored;
      if (parser_.got_some()) parser_.put_eof(ignored);
      if (!parser_.is_header_done()) {
        co_return fail(ErrorCode::unavailable, "connection was closed without an answer");
      }
      co_return false;
    }
    filled_ += *n;
    while (filled_ > 0 && !parser_.is_done()) {
      boost::beast::error_code failed;
      const std::size_t used = feed(parser_, {buffer_.data(), filled_}, failed);
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
                buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
      filled_ -= used;
      if (failed && failed != http::error::need_more) {
        co_return fail(ErrorCode::unavailable, "answer is not HTTP as it should be: {}",
                       failed.message());
      }
      if (failed || used == 0) break;
    }
    co_return true;
  }

  Clock& clock_;
  std::unique_ptr<Stream> stream_;
  Limits limits_;
  http::response_parser<BoundedBody> parser_;
  std::string buffer_;
  std::size_t filled_ = 0;
  std::size_t searched_ = 0;  // so many bytes of the body hold no end of a line
  Response head_;
};

awaitable<Result<std::unique_ptr<LineStream>>> begin(Clock& clock, Resolver& resolver,
                                                     ClientSettings settings, Request request,
                                                     Limits limits, Deadline deadline) {
  const Url url = request.url;
  Result<std::vector<IpAddress>> addresses =
      co_await resolver.resolve(url.host, settings.family, deadline);
  if (!addresses) co_return error_of(addresses);
  Result<std::unique_ptr<Stream>> stream =
      co_await connect_any(clock, *std::move(addresses), url.port, deadline);
  if (!stream) co_return error_of(stream);
  if (url.secure()) {
    if (!settings.tls) {
      auto made = TlsContext::for_client(TlsSettings());
      if (!made) co_return error_of(made);
      settings.tls = *std::move(made);
    }
    stream = co_await start_tls(clock, *std::move(stream), settings.tls, url.host, deadline);
    if (!stream) co_return error_of(stream);
  }
  const std::string head = head_of(request);
  const Result<void> sent = co_await (*stream)->write_all(head, deadline);
  if (!sent) co_return error_of(sent);
  auto lines = std::make_unique<Lines>(clock, *std::move(stream), limits);
  const Result<void> read = co_await lines->read_head(deadline);
  if (!read) co_return error_of(read);
  std::unique_ptr<LineStream> opened = std::move(lines);
  co_return opened;
}

}  // namespace

awaitable<Result<std::unique_ptr<LineStream>>> LineStream::open(Clock& clock, Resolver& resolver,
                                                                ClientSettings settings,
                                                                Request request, Limits limits,
                                                                Deadline deadline) {
  if (const Result<void> usable = request.headers.check(); !usable) co_return error_of(usable);
  co_return co_await with_deadline(clock, deadline, "the server",
                                   begin(clock, resolver, std::move(settings), std::move(request),
                                         limits, Deadline::held_outside()));
}

}  // namespace bascule::net
