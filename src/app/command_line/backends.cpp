#include "app/command_line/backends.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "app/client.h"
#include "app/command_line/beside.h"
#include "app/configuration_file.h"
#include "app/environment.h"
#include "app/local.h"
#include "app/terminal/view_reading.h"
#include "config/problem.h"
#include "net/http.h"

namespace bascule::app {
namespace {

constexpr std::size_t kTokenMax = 4'096;

std::string trimmed(std::string text) {
  const auto is_blank = [](char c) { return c == '\n' || c == '\r' || c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  while (!text.empty() && is_blank(text.front())) text.erase(text.begin());
  return text;
}

// A token that cannot be read is told when somebody asks for it: the daemon may be gone as well.
void read_token(const std::string& path, Daemon& daemon) {
  auto content = read_file(path, kTokenMax);
  if (content) {
    daemon.token = trimmed(std::move(*content));
    return;
  }
  daemon.no_token_since =
      fmt::format("its file {} cannot be read: {}", path, content.error().message);
}

// Whether what is sent there stays on this machine. A name other than localhost may lead anywhere.
bool is_here(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// Over a network without TLS the token can be read on the way, and used by whoever did.
bool gives_token_away(const Daemon& daemon) {
  return !daemon.token.empty() && !daemon.base.secure() && !is_here(daemon.base.host);
}

// Where the daemon is and what it wants to see. Nothing when that has been refused, and said.
std::optional<Daemon> find_daemon(Session& session, ExitCode& ended) {
  const Arguments& arguments = session.arguments();
  Daemon daemon;
  std::string server =
      arguments.server.empty() ? session.variable("BASCULE_SERVER").value_or("") : arguments.server;
  std::string token_file = arguments.token_file;
  daemon.token = token_file.empty() ? session.variable("BASCULE_TOKEN").value_or("") : "";
  const bool knows_token = !token_file.empty() || !daemon.token.empty();
  if (!arguments.configuration.empty() && (server.empty() || !knows_token)) {
    const auto loaded = load_or_say(session, arguments.configuration);
    if (!loaded) {
      ended = ExitCode::usage;
      return std::nullopt;
    }
    if (server.empty()) {
      auto found = daemon_of(loaded->configuration);
      if (!found) {
        ended = session.fail_usage(found.error().message);
        return std::nullopt;
      }
      daemon.base = std::move(found->base);
      daemon.tls = std::move(found->tls);
    }
    if (!knows_token) token_file = token_path(loaded->configuration);
  }
  if (daemon.base.host.empty()) {
    auto url = parse_server(server.empty() ? kDefaultServer : server);
    if (!url) {
      ended = session.fail_usage(url.error().message);
      return std::nullopt;
    }
    daemon.base = std::move(*url);
  }
  const std::string authority = arguments.authority.empty()
                                    ? session.variable("BASCULE_CA").value_or("")
                                    : arguments.authority;
  if (!authority.empty()) {
    daemon.tls.authority_file = authority;
    daemon.tls.pinned_certificate_file.clear();
  }
  if (!token_file.empty()) read_token(token_file, daemon);
  if (gives_token_away(daemon) && !arguments.insecure) {
    ended = session.fail_usage(
        fmt::format("the token would go to {} unencrypted, for everybody on the way to read",
                    daemon.base.authority()),
        "use --server https://…, a tunnel to its loopback address, or --insecure");
    return std::nullopt;
  }
  return daemon;
}

awaitable<ExitCode> with_daemon(Session& session, Work work) {
  ExitCode ended = ExitCode::done;
  auto daemon = find_daemon(session, ended);
  if (!daemon) co_return ended;
  auto client = DaemonClient::make(session.io(), session.clock(), std::move(*daemon));
  if (!client) co_return session.fail(client.error());
  co_return co_await work(session, **client);
}

// Two processes cannot write one journal, whatever is confirmed.
Error explain_store(Error error) {
  const bool is_held = error.code == ErrorCode::unavailable && error.what_to_do.empty();
  if (is_held) {
    error.what_to_do =
        "leave --local out, or end that process first; a process that only hangs has to be killed";
  }
  return error;
}

}  // namespace

Result<Daemon> daemon_of(const Configuration& configuration) {
  auto listen = net::parse_endpoint(configuration.listen);
  if (!listen) return fail(in_context("listen", listen.error()));
  // Who listens at every address does so at the one of this machine.
  if (listen->address.is_unspecified()) {
    listen->address = *net::parse_address(listen->address.is_v6() ? "::1" : "127.0.0.1");
  }
  const bool secure = configuration.access.has_tls();
  auto url =
      parse_server(fmt::format("{}://{}", secure ? "https" : "http", net::to_string(*listen)));
  if (!url) return error_of(url);
  Daemon daemon;
  daemon.base = std::move(*url);
  if (secure) daemon.tls.pinned_certificate_file = configuration.access.certificate_file;
  return daemon;
}

awaitable<ExitCode> with_local_backend(Session& session, Purpose purpose, Work work) {
  if (session.arguments().configuration.empty())
    co_return session.fail_usage("--local needs a configuration: -c FILE");
  auto loaded = load_or_say(session, session.arguments().configuration);
  if (!loaded) co_return ExitCode::usage;
  const Access access = purpose == Purpose::command ? Access::act : Access::look_only;
  if (purpose == Purpose::command) {
    if (const auto refused = co_await refuse_beside_another(session, loaded->configuration))
      co_return *refused;
  }
  auto opened = co_await LocalSession::open(session.io(), std::move(*loaded), access);
  if (!opened) co_return session.fail(explain_store(opened.error()));
  ExitCode ended = co_await work(session, **opened);
  const auto closed = co_await (*opened)->close();
  if (!closed && ended == ExitCode::done) ended = session.fail(closed.error());
  co_return ended;
}

awaitable<ExitCode> with_backend(Session& session, Purpose purpose, Work work) {
  if (session.arguments().local) co_return co_await with_local_backend(session, purpose, work);
  co_return co_await with_daemon(session, work);
}

ExitCode ask_backend(Session& session, Purpose purpose, Work work) {
  return block_on(session.io(), with_backend(session, purpose, work));
}

namespace {

awaitable<ExitCode> daemon_or_here(Session& session, Work work) {
  const Arguments& arguments = session.arguments();
  const bool may_be_here =
      !arguments.local && !arguments.configuration.empty() && arguments.server.empty();
  if (!may_be_here) co_return co_await with_backend(session, Purpose::look, work);
  ExitCode ended = ExitCode::done;
  auto daemon = find_daemon(session, ended);
  if (!daemon) co_return ended;
  auto client = DaemonClient::make(session.io(), session.clock(), std::move(*daemon));
  if (!client) co_return session.fail(client.error());
  const auto there = co_await (*client)->ask("GET", path_of({"status"}), Json::object());
  if (there || there.error().code != ErrorCode::unavailable)
    co_return co_await work(session, **client);
  session.say(fmt::format("{}: this is asked from here", there.error().message));
  co_return co_await with_local_backend(session, Purpose::look, work);
}

}  // namespace

ExitCode ask_daemon_or_here(Session& session, Work work) {
  return block_on(session.io(), daemon_or_here(session, work));
}

std::optional<config::Loaded> load_or_say(Session& session, const std::string& path) {
  config::Loaded loaded = load_configuration(path);
  if (loaded.ok()) return loaded;
  session.say_text(config::to_text(loaded.problems));
  return std::nullopt;
}

awaitable<Answer> ask_for(Session& session, Backend& backend, std::string target,
                          std::string must_have) {
  auto reply = co_await backend.ask("GET", std::move(target), Json::object());
  if (!reply) co_return Answer{std::nullopt, session.fail(reply.error())};
  if (reply->status != 200) co_return Answer{std::nullopt, session.refuse(*reply)};
  const bool fits =
      must_have.empty() ? reply->body.is_array() : !member(reply->body, must_have).is_null();
  if (!fits) {
    const Error strange{ErrorCode::unavailable,
                        "the answer is not one of Bascule's, or of a version that is too old",
                        "name the daemon: --server ADDRESS, or -c FILE", std::nullopt};
    co_return Answer{std::nullopt, session.fail(strange)};
  }
  co_return Answer{std::move(reply->body), ExitCode::done};
}

std::optional<Json> ask_quietly(Session& session, const std::string& target, Duration patience) {
  ExitCode ended = ExitCode::done;
  auto daemon = find_daemon(session, ended);
  if (!daemon) return std::nullopt;
  auto client = DaemonClient::make(session.io(), session.clock(), std::move(*daemon));
  if (!client) return std::nullopt;
  (*client)->set_answer_timeout(patience);
  auto reply = block_on(session.io(), (*client)->ask("GET", target, Json::object()));
  if (!reply || reply->status != 200) return std::nullopt;
  return std::move(reply->body);
}

std::string path_of(std::initializer_list<std::string_view> parts) {
  std::string path = "/api/v1";
  for (const std::string_view part : parts) path += "/" + net::percent_encode(part);
  return path;
}

}  // namespace bascule::app
