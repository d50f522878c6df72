#include "api/server.h"

#include <fmt/format.h>

#include <utility>

#include "api/openapi.h"
#include "api/operations.h"
#include "api/steering.h"

namespace bascule::api {
namespace {

constexpr std::size_t kBodyLimit = 256 * 1024;
// Readers of the event stream stay for hours; everybody else comes and goes.
constexpr std::size_t kConnections = 2'048;
constexpr std::size_t kScrapesWaiting = 4;
constexpr std::string_view kSteer = "/steer/";

net::ServerResponse respond(int status, std::string json) {
  net::ServerResponse response(status, std::move(json) + "\n", "application/json");
  response.headers.set("Cache-Control", "no-store");
  return response;
}

net::ServerResponse respond(int status, const Json& body) {
  return respond(status, to_text(body));
}

net::ServerResponse refuse(const Error& error) {
  const bool unknown = error.code == ErrorCode::denied;
  net::ServerResponse response = respond(unknown ? 401 : status_of(error), error_view(error));
  if (unknown) response.headers.set("WWW-Authenticate", "Bearer");
  if (error.retry_after) {
    constexpr Duration kSecond{1'000};
    response.headers.set("Retry-After", fmt::format("{}", *error.retry_after / kSecond + 1));
  }
  return response;
}

// A path that is known with another method, or not at all.
net::ServerResponse refuse_operation(const Error& error, std::string_view path) {
  if (error.code != ErrorCode::invalid) return refuse(error);
  net::ServerResponse response = respond(405, error_view(error));
  response.headers.set("Allow", methods_of(path));
  return response;
}

net::ServerSettings settings_for(Served served) {
  net::ServerSettings settings;
  settings.listen = std::move(served.listen);
  settings.tls = std::move(served.tls);
  settings.body_limit = kBodyLimit;
  settings.max_connections = kConnections;
  return settings;
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

// A reader of the stream counts for as long as it is served, however that ends.
awaitable<void> serve_reader(EventStream& events, Metrics& metrics,
                             std::shared_ptr<net::BodyWriter> writer,
                             std::optional<Sequence> after) {
  struct Counted {
    explicit Counted(Metrics& counting) : metrics(counting) { metrics.event_reader_came(); }
    ~Counted() { metrics.event_reader_went(); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    Metrics& metrics;
  };
  const Counted counted(metrics);
  const Result<void> ended = co_await events.serve(std::move(writer), after);
  if (!ended && ended.error().code == ErrorCode::timeout) metrics.event_reader_dropped();
}

}  // namespace

Server::Server(boost::asio::io_context& context, Clock& clock, Served served, ServerParts parts)
    : parts_(std::move(parts)),
      scraping_(1, kScrapesWaiting),
      server_(context, clock, settings_for(std::move(served)),
              [this](net::ServerRequest request) { return handle(std::move(request)); }) {}

awaitable<net::ServerResponse> Server::handle(net::ServerRequest request) {
  net::ServerResponse response = co_await dispatch(std::move(request));
  parts_.metrics.answered(response.status);
  co_return response;
}

awaitable<net::ServerResponse> Server::dispatch(net::ServerRequest request) {
  const std::string_view path = request.path;
  if (path.starts_with(kApiPrefix)) co_return co_await answer_api(std::move(request));
  // Everything else can only be read.
  if (request.method != "GET" && request.method != "HEAD") {
    net::ServerResponse response = respond(
        405,
        error_view(Error{ErrorCode::invalid, fmt::format("{} has no meaning there", request.method),
                         "use GET, HEAD", std::nullopt}));
    response.headers.set("Allow", "GET, HEAD");
    co_return response;
  }
  if (path == "/openapi.json") co_return respond(200, openapi());
  if (path == "/healthz") co_return net::ServerResponse(200, "ok\n", "text/plain");
  if (path == "/readyz") co_return ready();
  if (path == "/metrics") co_return co_await scrape();
  if (path.starts_with(kSteer)) co_return steer_to(path.substr(kSteer.size()));
  co_return respond(404, error_view(Error{ErrorCode::not_found,
                                          fmt::format("there is nothing at {}", path),
                                          "GET /openapi.json lists what there is",
                                          {}}));
}

std::string Server::stale() const {
  const runtime::Loop* loop = parts_.supervisor.loop();
  if (loop == nullptr) return "the term is not open";
  return loop->store_answers() ? "" : "the journal does not answer";
}

net::ServerResponse Server::ready() const {
  const runtime::Loop* loop = parts_.supervisor.loop();
  std::string why = stale();
  if (why.empty() && loop->state().configuration_fingerprint.empty()) {
    why = "the configuration has not been taken yet";
  }
  if (why.empty()) return {200, "ready\n", "text/plain"};
  return {503, why + "\n", "text/plain"};
}

net::ServerResponse Server::steer_to(std::string_view path) const {
  const runtime::Loop* loop = parts_.supervisor.loop();
  const engine::State* state = loop == nullptr ? nullptr : &loop->state();
  return steer(SteeringSource{state, stale()}, parts_of(path));
}

awaitable<net::ServerResponse> Server::scrape() {
  parts_.metrics.look_at(parts_.supervisor.loop(), parts_.observer);
  Metrics& metrics = parts_.metrics;
  const auto write = [&metrics] { return metrics.text(); };
  Result<std::string> text = co_await scraping_.run(write);
  if (!text) co_return refuse(text.error());
  co_return net::ServerResponse(200, *std::move(text), "text/plain; version=0.0.4; charset=utf-8");
}

net::ServerResponse Server::stream_events(const net::ServerRequest& request) {
  net::ServerResponse response(200, "", "text/event-stream");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Accel-Buffering", "no");  // nginx would hold events back
  const std::optional<Sequence> after = last_event_id(request);
  EventStream& events = parts_.events;
  Metrics& metrics = parts_.metrics;
  response.producer = [&events, &metrics, after](std::shared_ptr<net::BodyWriter> writer) {
    return serve_reader(events, metrics, std::move(writer), after);
  };
  return response;
}

// Whose token it is comes before all else: who has none learns nothing, not even what there is.
awaitable<net::ServerResponse> Server::answer_api(net::ServerRequest request) {
  const Result<Identity> identity =
      parts_.access.identify(request.headers.find("Authorization"), request.peer);
  if (!identity) co_return refuse(identity.error());
  const std::string path = request.target.substr(0, request.target.find('?'));
  const Result<Matched> asked = match(request.method, path);
  if (!asked) co_return refuse_operation(asked.error(), path);
  const Operation& operation = *asked->operation;
  if (identity->role < operation.role) {
    const Error error{
        ErrorCode::denied,
        fmt::format("the token {} is of a {}; this needs {} {}", identity->name,
                    to_string(identity->role), operation.role == Role::viewer ? "a" : "an",
                    to_string(operation.role)),
        "use a token of that role", std::nullopt};
    co_return respond(403, error_view(error));
  }
  if (operation.id == OperationId::events && request.method == "GET") {
    const Result<void> query = check_query(operation, net::parse_query(request.query));
    co_return query ? stream_events(request) : refuse(query.error());
  }
  if (operation.id == OperationId::status && request.method == "GET" && request.query.empty()) {
    if (std::optional<std::string> text = parts_.routes.status_text()) {
      co_return respond(200, *std::move(text));
    }
  }
  Json body = Json::object();
  if (!request.body.empty()) {
    Result<Json> parsed = parse_json(request.body, kBodyLimit);
    if (!parsed) co_return respond(400, error_view(in_context("the body", parsed.error())));
    body = std::move(*parsed);
  }
  // On this machine people are believed who they are; elsewhere a token has a name of its own.
  if (!identity->is_local && body.is_object()) {
    const std::string claimed = text_or(body, "actor");
    const bool is_wrong = body.contains("actor") && !body["actor"].is_string();
    if (!is_wrong) {
      body["actor"] =
          claimed.empty() ? identity->name : fmt::format("{} ({})", claimed, identity->name);
    }
  }
  Reply reply = co_await parts_.routes.answer(request.method, request.target, std::move(body));
  co_return respond(reply.status, reply.body);
}

}  // namespace bascule::api
