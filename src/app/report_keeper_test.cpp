// Reports that are kept by themselves: written once a run has ended and again with its exact loss,
// by the next process where this one could not, and never more than a folder allows.
#include "app/report_keeper.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "async/block_on.h"
#include "async/clock.h"
#include "engine/test_world.h"

namespace bascule::app {
namespace {

using namespace engine::test_world;  // NOLINT(google-build-using-namespace): its words are the test
using namespace std::chrono_literals;

class KeepingReports : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "bascule-reports-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    home_ = name;
    folder_ = home_ / "reports";
    shop_in(state_).reports = {{"folder", {{"path", folder_.string()}}}};
    engine::Run run;
    run.id = RunId("r-0042");
    run.plan.group = kShop;
    run.state = RunState::done;
    run.began_at = at(0);
    state_.runs[run.id] = run;
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  std::unique_ptr<ReportKeeper> keeper() {
    ReportKeeper::Sources sources;
    sources.report = [this](RunId run) -> awaitable<Result<Json>> {
      ++asked_;
      if (!answers_) co_return fail(ErrorCode::unavailable, "no term is open");
      co_return Json{{"run", {{"run", run.text()}, {"group", "shop"}, {"reason", reason_}}}};
    };
    sources.folders = [this](const GroupName&) {
      return std::vector<std::string>{folder_.string()};
    };
    sources.tell = [this](const std::string& sentence, bool is_wrong) {
      (is_wrong ? wrong_ : told_).push_back(sentence);
    };
    return std::make_unique<ReportKeeper>(clock_, io_.get_executor(), (home_ / "reported").string(),
                                          std::move(sources));
  }

  void record(ReportKeeper& keeper, Sequence seq, RecordBody body) {
    keeper.recorded(Record{seq, at(0), 1, "bascule", "", std::move(body)}, state_);
  }
  static RunEnded end() {
    RunEnded ended;
    ended.run = RunId("r-0042");
    return ended;
  }

  // Runs what is under way until the condition holds.
  void until(const std::function<bool()>& holds) {
    const Deadline deadline = Deadline::in(clock_, 60s);
    while (!holds() && !deadline.has_passed(clock_)) io_.run_one_for(100ms);
    EXPECT_TRUE(holds());
  }
  void stop(ReportKeeper& keeper) { block_on(io_, keeper.stop()); }

  static std::string content(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  boost::asio::io_context io_;
  SystemClock clock_{io_};
  engine::State state_ = two_site_state(at(0));
  std::filesystem::path home_, folder_;
  std::string reason_ = "INC-2041";
  bool answers_ = true;
  int asked_ = 0;
  std::vector<std::string> told_, wrong_;
};

TEST_F(KeepingReports, WritesBothFilesAndAgainOnceTheLossIsKnown) {
  const auto keeper = this->keeper();
  keeper->start();
  record(*keeper, 31, end());
  until([&] { return told_.size() == 1; });
  EXPECT_NE(content(folder_ / "r-0042.json").find("INC-2041"), std::string::npos);
  EXPECT_NE(content(folder_ / "r-0042.html").find("<!doctype html>"), std::string::npos);
  reason_ = "and the loss is known";
  LossMeasured measured;
  measured.run = RunId("r-0042");
  record(*keeper, 40, measured);
  until([&] { return told_.size() == 2; });
  EXPECT_NE(content(folder_ / "r-0042.html").find("and the loss is known"), std::string::npos);
  EXPECT_EQ(wrong_, std::vector<std::string>());
  stop(*keeper);
  EXPECT_EQ(this->keeper()->heard_up_to(), 40U);
}

TEST_F(KeepingReports, WhatWasNotWrittenIsWrittenByTheNextProcess) {
  {
    const auto first = keeper();
    first->start();
    record(*first, 30, TermOpened());
    until([&] { return std::filesystem::exists(home_ / "reported"); });
    answers_ = false;
    record(*first, 31, end());
    record(*first, 32, TermOpened());
    until([&] { return !wrong_.empty(); });
    stop(*first);
  }
  EXPECT_FALSE(std::filesystem::exists(folder_));
  answers_ = true;
  const auto next = keeper();
  EXPECT_EQ(next->heard_up_to(), 30U);
  next->start();
  record(*next, 31, end());
  until([&] { return told_.size() == 1; });
  stop(*next);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "r-0042.json"));
}

TEST_F(KeepingReports, AFolderThatCannotBeWrittenIsTriedAgainAndToldOnce) {
  std::ofstream(folder_) << "a file where the folder should be";
  const auto keeper = this->keeper();
  keeper->start();
  record(*keeper, 31, end());
  until([&] { return asked_ >= 2; });
  EXPECT_EQ(wrong_.size(), 1U);
  std::filesystem::remove(folder_);
  until([&] { return told_.size() == 1; });
  stop(*keeper);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "r-0042.html"));
}

TEST_F(KeepingReports, NothingIsKeptOfAGroupThatNamesNoPlaceOrARunThatNeverBegan) {
  const auto keeper = this->keeper();
  keeper->start();
  shop_in(state_).reports.clear();
  record(*keeper, 31, end());
  shop_in(state_).reports = {{"folder", {{"path", folder_.string()}}}};
  state_.runs.at(RunId("r-0042")).began_at.reset();
  record(*keeper, 32, end());
  until([&] { return std::filesystem::exists(home_ / "reported"); });
  stop(*keeper);
  EXPECT_EQ(asked_, 0);
}

TEST_F(KeepingReports, WaitsForABoundedNumber) {
  answers_ = false;
  const auto keeper = this->keeper();
  for (std::size_t i = 0; i < ReportKeeper::kWaitingAtMost + 5; ++i) {
    engine::Run run = state_.runs.at(RunId("r-0042"));
    run.id = RunId(fmt::format("r-{:04}", i + 100));
    state_.runs[run.id] = run;
    RunEnded ended;
    ended.run = run.id;
    record(*keeper, 50 + i, ended);
  }
  ASSERT_EQ(wrong_.size(), 5U);
  EXPECT_NE(wrong_[0].find("the report of r-0100 is not kept"), std::string::npos);
}

TEST(WriteReport, RefusesNamesThatAreNoFilesAndFoldersThatAreNoPlaces) {
  EXPECT_FALSE(write_report("/tmp", "../r-0001", Json::object()));
  EXPECT_FALSE(write_report("/tmp", "", Json::object()));
  EXPECT_FALSE(write_report("reports", "r-0001", Json::object()));
}

}  // namespace
}  // namespace bascule::app
