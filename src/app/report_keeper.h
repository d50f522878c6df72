// Keeps the report of each run that ended in the folders that its group names (`report: [{folder:
// {path: …}}]`), as RUN.json and RUN.html, and writes it again once the exact loss is known. It
// follows the journal with a cursor of its own: what was not written when the process ended is
// written by the next. Never in the way: a folder that cannot be written is tried again, with waits
// that grow to a minute, and no run waits for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/pool.h"
#include "async/scope.h"
#include "runtime/cursors.h"
#include "runtime/follower.h"

namespace bascule::app {

// Replaces RUN.json and RUN.html in the folder, each as a whole. Blocks. `invalid`: the path does
// not begin at the root, or `run` could not be the name of a file.
Result<void> write_report(const std::string& folder, const std::string& run, const Json& report);

class ReportKeeper final : public runtime::Follower {
 public:
  struct Sources {
    // The report of a run, as the API answers it.
    std::function<awaitable<Result<Json>>(RunId run)> report;
    // Where the reports of a group are kept, by the configuration in force.
    std::function<std::vector<std::string>(const GroupName& group)> folders;
    // What is worth telling, and whether something went wrong.
    std::function<void(const std::string& sentence, bool is_wrong)> tell;
  };
  // `cursors`: the file that remembers how far it has come.
  ReportKeeper(Clock& clock, boost::asio::any_io_executor executor, const std::string& cursors,
               Sources sources);

  void recorded(const Record& record, const engine::State& state) override;
  [[nodiscard]] Sequence heard_up_to() const override;

  void start();
  // Ends at once; what is not written yet is written at the next start.
  awaitable<void> stop();

  static constexpr std::size_t kWaitingAtMost = 200;

 private:
  awaitable<void> keep();
  awaitable<void> write_all();
  awaitable<Result<void>> write(RunId run);
  awaitable<void> note();
  void wants(const RunId& run, Sequence seq);

  Clock& clock_;
  runtime::Cursors cursors_;
  Sources sources_;
  BlockingPool pool_{1, 4};
  Scope scope_;
  Event changed_;
  bool stopping_ = false;
  Sequence heard_ = 0;
  std::map<RunId, Sequence> wanted_;  // by the record since which it is
  std::string last_problem_;          // told already
};

}  // namespace bascule::app
