#include "app/command_line/reporting.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <utility>

#include "api/report/report.h"
#include "app/atomic_file.h"
#include "app/command_line/backends.h"

namespace bascule::app {
namespace {

Result<void> write_page(const std::string& path, const std::string& page) {
  auto file = AtomicFile::create(path);
  if (!file) return error_of(file);
  if (auto written = file->write(page); !written) return written;
  return file->commit();
}

awaitable<ExitCode> report(Session& session, Backend& backend) {
  const Arguments& arguments = session.arguments();
  const Answer answer =
      co_await ask_for(session, backend, path_of({"runs", arguments.run, "report"}), "timeline");
  if (!answer.view) co_return answer.ended;
  const std::string page = api::report_page(*answer.view);
  if (arguments.out.empty()) {
    session.show(*answer.view, page);
    co_return answer.ended;
  }
  if (auto written = write_page(arguments.out, page); !written) {
    co_return session.fail(written.error());
  }
  session.show(*answer.view, fmt::format("{}: the report of {}, a page that needs nothing else\n",
                                         arguments.out, arguments.run));
  co_return answer.ended;
}

void declare_report(CLI::App& app, Arguments& arguments) {
  app.add_option("RUN", arguments.run, "");
  app.add_option("--out", arguments.out, "write the page to this file (default: standard output)")
      ->type_name("FILE");
  declare_local(app, arguments);
}

ExitCode perform_report(Session& session) {
  return ask_backend(session, Purpose::look, report);
}

}  // namespace

Command report_command() {
  return {"report",
          "RUN [--out FILE]",
          "the report of a run: a page of HTML to keep, or JSON",
          "Who moved what and why, the timeline from the first sign on, each step under one scale "
          "with the critical path marked, the measured outage, the loss, the gates as they stood, "
          "and the hashes of the journal's records that tell it. The page is one file without "
          "scripts. Write it again once the old site is back: it then holds the exact loss. With "
          "`report: [{folder: {path: /PATH}}]` in a group the daemon does both by itself.",
          {{"bascule report r-0042 --out r-0042.html", "a page for the ticket"},
           {"bascule report r-0042 -o json", "the same as data"}},
          {{"RUN", &Arguments::run}},
          declare_report,
          perform_report};
}

}  // namespace bascule::app
