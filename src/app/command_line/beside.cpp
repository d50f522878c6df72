#include "app/command_line/beside.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "app/client.h"
#include "app/command_line/backends.h"
#include "app/local.h"
#include "app/terminal/view_reading.h"
#include "net/endpoint.h"
#include "net/stream.h"

namespace bascule::app {
namespace {

constexpr Duration kDaemonAnswers{3'000};
constexpr Duration kFrontDoorAnswers{5'000};
constexpr Duration kBetweenLooks{100};

// What gives no answer may be there.
awaitable<bool> takes_connections(Clock& clock, net::Url base) {
  const auto address = net::parse_address(base.host);
  if (!address) co_return true;
  const auto connected = co_await net::connect(clock, net::Endpoint{*address, base.port},
                                               Deadline::in(clock, kDaemonAnswers));
  co_return connected || connected.error().code != ErrorCode::unavailable;
}

std::string cannot_be_asked(const std::string& listen, const Error& error) {
  return fmt::format("what listens at {} cannot be asked whether it is a Bascule: {}", listen,
                     error.message);
}

// Who is there, in words; nothing where nobody can be seen.
awaitable<std::optional<std::string>> who_listens(Session& session, Configuration configuration) {
  const std::string& listen = configuration.listen;
  auto daemon = daemon_of(configuration);
  if (!daemon) co_return std::nullopt;
  const bool secure = daemon->base.secure();
  // Over TLS much can go wrong beside a Bascule that is well: only who takes no connection at all
  // is not there.
  if (secure && !co_await takes_connections(session.clock(), daemon->base)) co_return std::nullopt;
  auto client = DaemonClient::make(session.io(), session.clock(), std::move(*daemon));
  if (!client) co_return cannot_be_asked(listen, client.error());
  (*client)->set_answer_timeout(kDaemonAnswers);
  const auto reply = co_await (*client)->ask("GET", path_of({"status"}), Json::object());
  if (reply || reply.error().code == ErrorCode::denied)
    co_return fmt::format("Bascule answers at {}", listen);
  const bool hangs =
      reply.error().code == ErrorCode::timeout || reply.error().code == ErrorCode::outcome_unknown;
  if (!hangs && secure) co_return cannot_be_asked(listen, reply.error());
  if (!hangs) co_return std::nullopt;
  co_return fmt::format(
      "what listens at {} gives no answer: a Bascule that hangs there may go on at any moment",
      listen);
}

// What a session that changes nothing has seen of the group that is concerned, or of all of them.
struct Seen {
  std::string foreign;  // the first line at a front door that this journal did not write, in words
  std::string active;   // of its group
  bool complete = false;
};

Seen see(const Json& groups, const std::string& concerned) {
  Seen seen;
  seen.complete = true;
  for (const Json& group : groups) {
    if (!concerned.empty() && text_or(group, "group") != concerned) continue;
    const Json& line = member(group, "front_door_line");
    if (!text_or(group, "front_door").empty() && line.is_null()) seen.complete = false;
    const bool foreign = line.is_object() && !boolean_or(line, "ours");
    if (seen.active.empty()) seen.active = text_or(group, "active");
    if (!foreign || !seen.foreign.empty()) continue;
    seen.foreign = text_or(line, "text");
    seen.active = text_or(group, "active");
  }
  return seen;
}

// A front door without a line, or one that gives no answer, shows nobody: there the claim decides.
awaitable<Result<Seen>> look_around(Session& session, config::Loaded loaded) {
  auto opened = co_await LocalSession::open(session.io(), std::move(loaded), Access::look_only);
  if (!opened) co_return error_of(opened);
  const Deadline limit = Deadline::in(session.clock(), kFrontDoorAnswers);
  Seen seen;
  while (true) {
    const auto reply = co_await (*opened)->ask("GET", path_of({"groups"}), Json::object());
    if (reply && reply->status == 200) seen = see(reply->body, session.arguments().group);
    if (seen.complete || !seen.foreign.empty() || limit.has_passed(session.clock())) break;
    co_await wait_for(session.clock(), kBetweenLooks);
  }
  const auto closed = co_await (*opened)->close();
  if (!closed) co_return error_of(closed);
  co_return seen;
}

awaitable<std::optional<ExitCode>> ask_to_pass_over(Session& session, std::string why,
                                                    std::string site) {
  std::string typed = session.arguments().confirmed_site;
  if (typed.empty() && session.terminal().can_ask()) {
    session.say(why + ".");
    typed = co_await session.ask_line(
        fmt::format("Two Bascules may act at once. To go on, type the name of the active site{}: ",
                    site.empty() ? "" : fmt::format(" ({})", site)));
  }
  if (!typed.empty() && (site.empty() || typed == site)) co_return std::nullopt;
  if (!typed.empty())
    why = fmt::format("{} is not the active site, that is {}; {}", typed, site, why);
  co_return session.fail(
      Error{ErrorCode::conflict, std::move(why),
            fmt::format("leave --local out where that Bascule can be asked, else --confirm {}",
                        site.empty() ? "SITE" : site),
            std::nullopt});
}

}  // namespace

awaitable<std::optional<ExitCode>> refuse_beside_another(Session& session,
                                                         Configuration configuration) {
  auto why = co_await who_listens(session, std::move(configuration));
  auto again = load_or_say(session, session.arguments().configuration);
  if (!again) co_return ExitCode::usage;
  const auto seen = co_await look_around(session, std::move(*again));
  if (!seen) co_return session.fail(seen.error());
  if (!why && !seen->foreign.empty()) {
    why = fmt::format("{}, and whether that Bascule still runs cannot be seen from here",
                      seen->foreign);
  }
  if (!why) co_return std::nullopt;
  // What `adopt` says is active need not be what is known here.
  const std::string& said = session.arguments().active;
  co_return co_await ask_to_pass_over(session, std::move(*why), said.empty() ? seen->active : said);
}

}  // namespace bascule::app
