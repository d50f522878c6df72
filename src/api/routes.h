// The routes of the API, one handler each: queries read the loop's state, mutations submit commands
// and answer with the run or group as it stands afterwards. Nothing here changes state by itself.
//
// Used by the server and, in-process, by the command line without a daemon: both ask the same
// questions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/operations.h"
#include "api/report/report.h"
#include "api/status_text.h"
#include "api/views.h"
#include "async/clock.h"
#include "model/json.h"
#include "runtime/supervisor.h"

namespace bascule::api {

struct Reply {
  int status = 200;
  Json body;
};

class Routes {
 public:
  // Clock and supervisor outlive the routes.
  Routes(Clock& clock, runtime::Supervisor& supervisor, Speaker speaker);

  // `target` is path and query as they go over the wire, e.g. /api/v1/groups/shop/plan?to=berlin.
  // What the table of operations does not allow is refused. Never throws.
  awaitable<Reply> answer(std::string method, std::string target, Json body);
  // What GET /status answers; null while no term is open.
  [[nodiscard]] Json status() const;
  // The same as text; nothing while no term is open.
  std::optional<std::string> status_text();

 private:
  struct Question {
    Matched asked;
    std::vector<std::pair<std::string, std::string>> query;
    Json body;

    [[nodiscard]] std::string parameter(std::string_view name) const;
    [[nodiscard]] GroupName group() const { return GroupName(asked.value("group")); }
  };

  awaitable<Reply> read(Question question);
  awaitable<Reply> act(Question question);
  awaitable<Reply> read_run(Question question);
  awaitable<Reply> read_group(Question question);
  awaitable<Reply> read_journal(Question question);
  awaitable<Reply> read_report(RunId run);
  awaitable<Result<JournalRange>> range_of(RunId run);
  awaitable<Reply> preview(Question question);
  awaitable<Reply> preflight(Question question);
  [[nodiscard]] Result<SiteName> target_of(const Question& question, Move move) const;
  awaitable<Reply> submit(engine::Command command);

  Clock& clock_;
  runtime::Supervisor& supervisor_;
  Speaker speaker_;
  StatusText status_text_;
};

// The HTTP status of an error.
int status_of(const Error& error);

}  // namespace bascule::api
