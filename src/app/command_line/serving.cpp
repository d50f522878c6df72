// serve: the daemon.
#include "app/command_line/command.h"
#include "app/daemon.h"

namespace bascule::app {
namespace {

ExitCode perform(Session& session) {
  if (session.arguments().configuration.empty())
    return session.fail_usage("`serve` needs -c FILE", "bascule serve -c FILE");
  ServeOptions options;
  options.configuration = session.arguments().configuration;
  return static_cast<ExitCode>(serve(options));
}

}  // namespace

Family serving() {
  return {"Run",
          {{"serve",
            "-c FILE",
            "the daemon: watch, decide, act",
            "Watches every site, decides, acts, and answers the other commands at the address "
            "`listen`. Stops cleanly on SIGINT and SIGTERM, also in the middle of a run: the next "
            "start goes on with it; a second one ends it at once. On SIGHUP it reads FILE again: "
            "what is wrong with it is said, and the one before stays in force.",
            {{"bascule serve -c shop.yaml", ""}},
            {},
            nullptr,
            perform}}};
}

}  // namespace bascule::app
