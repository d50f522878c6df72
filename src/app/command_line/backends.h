// Whom a command asks, found from its arguments: the daemon at --server, BASCULE_SERVER, the
// `listen` of -c FILE or the default address; with --local, Bascule inside this process.
#pragma once

#include <functional>

#include "app/backend.h"
#include "app/client.h"
#include "app/command_line/session.h"
#include "config/loader.h"

namespace bascule::app {

enum class Purpose {
  look,     // reads; with --local nothing is locked and nothing is changed
  command,  // with --local, takes the journal's lease
};

using Work = awaitable<ExitCode> (*)(Session& session, Backend& backend);

// Opens the backend, does the work, and closes what was opened. What cannot be opened is said.
awaitable<ExitCode> with_backend(Session& session, Purpose purpose, Work work);
// The same inside this process, whatever the arguments say.
awaitable<ExitCode> with_local_backend(Session& session, Purpose purpose, Work work);

// The whole of a command that asks a backend.
ExitCode ask_backend(Session& session, Purpose purpose, Work work);

// The same for a look that needs nobody: where no daemon answers and -c FILE is there, it is made
// in this process.
ExitCode ask_daemon_or_here(Session& session, Work work);

// The daemon of a configuration as it is reached from its own machine: without a token, and over
// TLS with the certificate that the configuration names and no other.
Result<Daemon> daemon_of(const Configuration& configuration);

// The configuration of -c FILE; nothing when it was refused, which has then been said.
std::optional<config::Loaded> load_or_say(Session& session, const std::string& path);

// A view, asked for by GET. Nothing but a 200 with that member (or an array, where `must_have` is
// empty) is one; everything else has been said, and `ended` tells how the command ends.
struct Answer {
  std::optional<Json> view;
  ExitCode ended = ExitCode::done;
};
awaitable<Answer> ask_for(Session& session, Backend& backend, std::string target,
                          std::string must_have);

// The body of what the daemon answers with 200 within the patience; nothing otherwise, and nothing
// is said about it.
std::optional<Json> ask_quietly(Session& session, const std::string& target, Duration patience);

// "/api/v1/groups/shop/plan", each part encoded.
std::string path_of(std::initializer_list<std::string_view> parts);

}  // namespace bascule::app
