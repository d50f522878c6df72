#include "app/local.h"

#include <algorithm>
#include <utility>

#include "app/catalog.h"
#include "engine/detect/detector.h"
#include "runtime/probe_scheduler.h"

namespace bascule::app {
namespace {

// A first look takes its timeout at most; this much more for starting and for the roles to be
// agreed on.
constexpr Duration kReadyMargin{2'000};

Duration longest_timeout(const Configuration& configuration) {
  Duration longest{0};
  for (const GroupSpec& group : configuration.groups)
    longest = std::max(longest, group.policy.detect.timeout);
  return longest;
}

}  // namespace

awaitable<Result<Json>> check_once(boost::asio::io_context& io, config::Loaded loaded) {
  SystemClock clock(io);
  const Configuration configuration = std::move(loaded.configuration);
  const SecretsAtEdge secrets(std::move(loaded.inline_secrets));
  Services services{io, clock, secrets};
  auto resolver = net::Resolver::make(io, clock, configuration.resolvers);
  if (!resolver) co_return error_of(resolver);
  const Catalog catalog = make_catalog(**resolver, configuration.kubernetes_contexts);
  auto checks = runtime::make_checks(configuration, catalog, services);
  if (!checks) co_return error_of(checks);
  auto looks = co_await runtime::look_once(clock, io.get_executor(), std::move(*checks),
                                           configuration.observer.name);
  for (Observation& look : looks) {
    const GroupSpec* group = configuration.find_group(look.check.group);
    const auto expected = engine::home_role(*group, look.check);
    look = engine::judge(std::move(look), expected);
  }
  co_return api::checks_view(looks, configuration);
}

LocalSession::LocalSession(boost::asio::io_context& io, std::unique_ptr<EngineRoom> room)
    : room_(std::move(room)),
      scope_(io.get_executor(), [](const std::string&, const std::string&) {}) {}

LocalSession::~LocalSession() = default;

awaitable<Result<std::unique_ptr<LocalSession>>> LocalSession::open(boost::asio::io_context& io,
                                                                    config::Loaded loaded,
                                                                    Access access) {
  const Duration patience = longest_timeout(loaded.configuration) + kReadyMargin;
  for (GroupSpec& group : loaded.configuration.groups) group.policy.mode = Mode::manual;
  auto room = EngineRoom::open(io, std::move(loaded), access, {});
  if (!room) co_return error_of(room);
  std::unique_ptr<LocalSession> session(new LocalSession(io, std::move(*room)));
  session->scope_.spawn("local session", session->run());
  runtime::Supervisor& supervisor = session->room_->supervisor();
  co_await supervisor.ready(Deadline::in(session->room_->clock(), patience));
  if (session->ended_ || supervisor.loop() == nullptr) {
    Result<void> closed = co_await session->close();
    co_return fail(closed ? Error{ErrorCode::unavailable, "the local session ended at once", "", {}}
                          : closed.error());
  }
  co_return session;
}

awaitable<void> LocalSession::run() {
  result_ = co_await room_->run();
  ended_ = true;
}

awaitable<Result<Reply>> LocalSession::ask(std::string method, std::string target, Json body) {
  api::Reply reply =
      co_await room_->routes().answer(std::move(method), std::move(target), std::move(body));
  co_return Reply{reply.status, std::move(reply.body)};
}

awaitable<Result<void>> LocalSession::close() {
  room_->supervisor().request_stop();
  co_await scope_.join();
  co_return result_;
}

}  // namespace bascule::app
