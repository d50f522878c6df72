#include "app/report_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "api/report/report.h"
#include "app/atomic_file.h"
#include "engine/lookups.h"

namespace bascule::app {
namespace {

constexpr const char* kCursor = "reports";
constexpr Duration kFirstPause{1'000};
constexpr Duration kLongestPause{60'000};

bool can_name_a_file(const std::string& run) {
  return !run.empty() && std::ranges::all_of(run, [](char letter) {
    return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '-';
  });
}

Result<void> write_whole(const std::string& path, const std::string& text) {
  auto file = AtomicFile::create(path);
  if (!file) return error_of(file);
  if (auto written = file->write(text); !written) return written;
  return file->commit();
}

}  // namespace

Result<void> write_report(const std::string& folder, const std::string& run, const Json& report) {
  if (!folder.starts_with('/'))
    return fail(ErrorCode::invalid, "`{}` does not begin at the root: write /PATH", folder);
  if (!can_name_a_file(run)) return fail(ErrorCode::invalid, "`{}` names no file", run);
  std::error_code problem;  // what matters of it is found when the file is made
  std::filesystem::create_directory(folder, problem);
  const std::string path = (std::filesystem::path(folder) / run).string();
  if (auto written = write_whole(path + ".json", to_pretty_text(report) + "\n"); !written)
    return written;
  return write_whole(path + ".html", api::report_page(report));
}

ReportKeeper::ReportKeeper(Clock& clock, boost::asio::any_io_executor executor,
                           const std::string& cursors, Sources sources)
    : clock_(clock),
      cursors_(cursors),
      sources_(std::move(sources)),
      scope_(std::move(executor), [this](const std::string& name, const std::string& why) {
        sources_.tell(fmt::format("{}: {}", name, why), true);
      }) {}

Sequence ReportKeeper::heard_up_to() const {
  // Reports of runs from before it was asked for can be made by hand.
  return cursors_.of(kCursor).value_or(std::numeric_limits<Sequence>::max());
}

void ReportKeeper::wants(const RunId& run, Sequence seq) {
  wanted_.insert_or_assign(run, seq);
  if (wanted_.size() > kWaitingAtMost) {
    const auto oldest =
        std::ranges::min_element(wanted_, {}, [](const auto& entry) { return entry.second; });
    sources_.tell(
        fmt::format("the report of {} is not kept: too many wait to be written", oldest->first),
        true);
    wanted_.erase(oldest);
  }
}

void ReportKeeper::recorded(const Record& record, const engine::State& state) {
  heard_ = record.seq;
  const bool tells = std::holds_alternative<RunEnded>(record.body) ||
                     std::holds_alternative<LossMeasured>(record.body);
  const engine::Run* run = tells ? engine::run_of(record.body, state) : nullptr;
  // One that never began has nothing to report.
  if (run != nullptr && run->began_at) {
    const GroupSpec* group = state.configuration.find_group(run->plan.group);
    if (group != nullptr && !group->reports.empty()) wants(run->id, record.seq);
  }
  changed_.notify_all();
}

void ReportKeeper::start() {
  scope_.spawn("keeping reports", keep());
}

awaitable<void> ReportKeeper::stop() {
  stopping_ = true;
  changed_.notify_all();
  co_await scope_.join();
}

awaitable<void> ReportKeeper::keep() {
  Duration pause = kFirstPause;
  bool has_noted = false;
  while (!stopping_) {
    co_await write_all();
    // From its first start on it is known where the next process has to go on.
    if (heard_ > 0 && !std::exchange(has_noted, true)) co_await note();
    if (stopping_) break;
    if (wanted_.empty()) {
      pause = kFirstPause;
      co_await changed_.wait();
      continue;
    }
    const Deadline next = Deadline::in(clock_, pause);
    while (!stopping_ && !next.has_passed(clock_)) co_await changed_.wait(clock_, next);
    pause = std::min(pause * 2, kLongestPause);
  }
  co_await note();
}

awaitable<void> ReportKeeper::write_all() {
  std::vector<std::pair<Sequence, RunId>> oldest_first;
  oldest_first.reserve(wanted_.size());
  for (const auto& [run, seq] : wanted_) oldest_first.emplace_back(seq, run);
  std::ranges::sort(oldest_first);
  for (const auto& [seq, run] : oldest_first) {
    if (stopping_) co_return;
    const Result<void> written = co_await write(run);
    if (!written) {
      const std::string problem =
          fmt::format("the report of {} is not written yet: {}", run, written.error().message);
      if (std::exchange(last_problem_, problem) != problem) sources_.tell(problem, true);
      continue;
    }
    last_problem_.clear();
    // Wanted again meanwhile: it is written once more.
    const auto entry = wanted_.find(run);
    if (entry != wanted_.end() && entry->second == seq) wanted_.erase(entry);
    co_await note();
  }
}

awaitable<Result<void>> ReportKeeper::write(RunId run) {
  const Result<Json> report = co_await sources_.report(run);
  // A journal forgets its oldest runs: their report cannot be made any more.
  if (!report && report.error().code == ErrorCode::not_found) co_return Result<void>();
  if (!report) co_return error_of(report);
  const Json& view = *report;
  const GroupName group(view.contains("run") ? text_or(view["run"], "group") : "");
  for (const std::string& folder : sources_.folders(group)) {
    const auto work = [&folder, &run, &view] { return write_report(folder, run.text(), view); };
    const Result<void> written = co_await pool_.run(work);
    if (!written) co_return written;
    sources_.tell(fmt::format("the report of {} is kept: {}/{}.html", run, folder, run), false);
  }
  co_return Result<void>();
}

// Everything before the oldest that waits has been dealt with.
awaitable<void> ReportKeeper::note() {
  Sequence done = heard_;
  for (const auto& [run, seq] : wanted_) done = std::min(done, seq - 1);
  if (heard_ > 0) cursors_.move(kCursor, done);
  co_await cursors_.keep();
}

}  // namespace bascule::app
