#include "app/command_line/replaying.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "app/command_line/backends.h"
#include "app/command_line/journal_source.h"
#include "app/configuration_file.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "app/version.h"
#include "engine/engine.h"
#include "engine/replay/redecide.h"

namespace bascule::app {
namespace {

using engine::Redecision;
using engine::Standing;

// Of a journal of any size so many decisions are listed; all are counted.
constexpr std::size_t kMostListed = 10'000;

// The configuration that is asked about: the one of -c FILE, as it would be journaled.
struct Rules {
  std::string name;  // of its file
  std::string fingerprint;
  Configuration configuration;
};

Result<Rules> rules_of(const std::string& path, const Configuration& loaded) {
  const Json json = to_json(loaded);
  auto configuration = configuration_from_json(json);
  if (!configuration) return error_of(configuration);
  return Rules{std::filesystem::path(path).filename().string(), fingerprint(json),
               std::move(*configuration)};
}

class Replay {
 public:
  Replay(std::optional<Rules> rules, RunId run) : rules_(std::move(rules)), run_(std::move(run)) {}

  Result<void> take(const Record& record) {
    if (const auto* term = std::get_if<TermOpened>(&record.body)) {
      versions_[term->version] += 1;
      ++terms_;
    }
    if (!first_at_) first_at_ = record.at;
    last_at_ = record.at;
    ++records_;
    ask(record);
    knows_run_ = knows_run_ || state_.runs.contains(run_);
    engine::evolve(state_, record);
    return {};
  }

  [[nodiscard]] bool knows_run() const {
    return run_.empty() || knows_run_ || state_.runs.contains(run_);
  }
  [[nodiscard]] bool differs() const { return counts_.contains(Standing::differs); }

  [[nodiscard]] Json view(const std::string& path, const SeenHead& head) const {
    Json versions = Json::array();
    for (const auto& [version, times] : versions_) versions.push_back(version);
    Json not_asked = Json::array();
    for (const auto& [what, times] : undecided_)
      not_asked.push_back(Json{{"what", what}, {"times", times}});
    const auto count = [&](Standing standing) {
      const auto found = counts_.find(standing);
      return found == counts_.end() ? 0 : found->second;
    };
    return Json{{"journal", path},
                {"records", records_},
                {"from", first_at_ ? Json(to_rfc3339(*first_at_)) : Json(nullptr)},
                {"to", last_at_ ? Json(to_rfc3339(*last_at_)) : Json(nullptr)},
                {"head", {{"seq", head.seq}, {"hash", to_hex(head.hash)}}},
                {"terms", terms_},
                {"written_by", std::move(versions)},
                {"build", kVersion},
                {"configuration",
                 rules_ ? Json{{"file", rules_->name}, {"fingerprint", rules_->fingerprint}}
                        : Json(nullptr)},
                {"run", run_.empty() ? Json(nullptr) : Json(run_.text())},
                {"counts",
                 {{"same", count(Standing::same)},
                  {"differs", count(Standing::differs)},
                  {"not_decidable", count(Standing::not_decidable)}}},
                {"decisions", decisions_},
                {"left_out", left_out_},
                {"not_asked", std::move(not_asked)}};
  }

 private:
  void ask(const Record& record) {
    auto by_build = engine::redecide(state_, record, nullptr);
    if (!by_build || (!run_.empty() && by_build->run != run_)) return;
    // A configuration that was in force then has been asked already.
    std::optional<Redecision> by_rules;
    if (rules_ && rules_->fingerprint != state_.configuration_fingerprint)
      by_rules = engine::redecide(state_, record, &rules_->configuration);
    const Standing standing = by_build->standing();
    add(*by_build, by_rules, by_rules ? worse(standing, by_rules->standing()) : standing);
  }

  static Standing worse(Standing left, Standing right) {
    if (left == Standing::differs || right == Standing::differs) return Standing::differs;
    return left == Standing::not_decidable || right == Standing::not_decidable
               ? Standing::not_decidable
               : Standing::same;
  }

  void add(const Redecision& by_build, const std::optional<Redecision>& by_rules,
           Standing standing) {
    ++counts_[standing];
    Json otherwise = Json::array();
    for (const std::string& how : by_build.otherwise)
      otherwise.push_back(Json{{"by", "this build"}, {"how", how}});
    std::vector<std::string> undecided = by_build.undecided;
    if (by_rules) {
      for (const std::string& how : by_rules->otherwise) {
        if (std::ranges::find(by_build.otherwise, how) == by_build.otherwise.end())
          otherwise.push_back(Json{{"by", rules_->name}, {"how", how}});
      }
      for (const std::string& what : by_rules->undecided) {
        if (std::ranges::find(undecided, what) == undecided.end()) undecided.push_back(what);
      }
    }
    for (const std::string& what : undecided) ++undecided_[what];
    if (decisions_.size() >= kMostListed) {
      ++left_out_;
      return;
    }
    decisions_.push_back(
        Json{{"seq", by_build.seq},
             {"at", to_rfc3339(by_build.at)},
             {"group", by_build.group.text()},
             {"run", by_build.run.empty() ? Json(nullptr) : Json(by_build.run.text())},
             {"decision", by_build.decision},
             {"standing", std::string(to_string(standing))},
             {"otherwise", std::move(otherwise)},
             {"undecided", undecided}});
  }

  std::optional<Rules> rules_;
  RunId run_;  // empty: all
  engine::State state_;
  std::map<std::string, int> versions_;
  int terms_ = 0;
  std::int64_t records_ = 0;
  std::optional<Instant> first_at_, last_at_;
  bool knows_run_ = false;
  std::map<Standing, int> counts_;
  std::map<std::string, int> undecided_;
  Json decisions_ = Json::array();
  std::int64_t left_out_ = 0;
};

// Whatever keeps it from being read, nothing was decided again: that is no answer.
ExitCode refuse_input(Session& session, const Error& error) {
  session.fail(error);
  return ExitCode::usage;
}

ExitCode replay(Session& session) {
  const Arguments& arguments = session.arguments();
  std::string path = path_of_store(arguments.store);
  std::optional<Rules> rules;
  if (!arguments.configuration.empty()) {
    const auto loaded = load_or_say(session, arguments.configuration);
    if (!loaded) return ExitCode::usage;
    auto made = rules_of(arguments.configuration, loaded->configuration);
    if (!made) return refuse_input(session, made.error());
    rules = std::move(*made);
    if (path.empty()) path = store_path(loaded->configuration);
  }
  if (path.empty()) {
    return session.fail_usage("`replay` needs a journal",
                              "-c FILE, or --journal with a store or an exported journal");
  }
  Replay replay(std::move(rules), RunId(arguments.run));
  const auto head =
      read_journal(session, path, [&replay](const Record& record) { return replay.take(record); });
  if (!head) return refuse_input(session, head.error());
  if (!replay.knows_run()) {
    return refuse_input(
        session,
        Error{ErrorCode::not_found, fmt::format("there is no run `{}` in {}", arguments.run, path),
              "bascule runs", std::nullopt});
  }
  const Json view = replay.view(path, *head);
  session.show(view, replay_text(view, session.data_look()));
  return replay.differs() ? ExitCode::no : ExitCode::done;
}

void declare_replay(CLI::App& app, Arguments& arguments) {
  app.add_option("--journal", arguments.store,
                 "a store, or what `audit export` wrote (default: the store of -c FILE)")
      ->type_name("FILE");
  app.add_option("--run", arguments.run, "only the decisions of this run, all of them listed")
      ->type_name("RUN");
}

}  // namespace

Command replay_command() {
  return {
      "replay",
      "[-c FILE] [--journal FILE] [--run RUN]",
      "decide a journal again: where would this build, or other thresholds, decide otherwise",
      "Reads a journal from its first record and asks each decision again: moves that were started "
      "or proposed, by their gates and their plan; what a failed group was not moved for; "
      "verdicts; "
      "and whether a fence was enough. It asks the rules of this build and, with -c FILE, those of "
      "that configuration, on what the record says was seen then. Each decision is asked in the "
      "circumstances in which it was made: what would have followed from another one is not "
      "played.\n\n"
      "What the journal does not tell (the looks behind a verdict, what a refusing gate had seen) "
      "is not guessed: it is named and counted.\n\n"
      "Exit 0 when nothing would be decided otherwise, 1 when something would, 2 when the journal "
      "or the configuration cannot be read. It works while a daemon is writing, and writes "
      "nothing.",
      {{"bascule replay -c shop.yaml", "the journal of a configuration, by the file as it is now"},
       {"bascule replay -c stricter.yaml --journal journal.jsonl",
        "an exported journal, by other thresholds"},
       {"bascule replay --journal journal.jsonl --run r-0042", "one incident, by this build"}},
      {},
      declare_replay,
      replay};
}

}  // namespace bascule::app
