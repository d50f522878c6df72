// Every command in every situation, twice, and with names that are wrong: each is answered, with
// the exit code that it promises, and every refusal names a whole command that can be typed as it
// is.
//
// The commands' bodies go to the routes of a Bascule over the world of fakes; what helps is read
// back by the parser of the command line itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>

#include "api/routes.h"
#include "app/command_line/command_line.h"
#include "app/command_line/session.h"
#include "app/terminal/texts.h"
#include "shop_world.h"

namespace bascule::runtime::test {
namespace {

using engine::test_world::at;
using engine::test_world::two_site_configuration;

constexpr const char* kReasonGiven = "a test";

// A Bascule in a situation.
struct Stage {
  Stage() { configuration.groups.front().policy.mode = Mode::manual; }

  void begin(bool until_steady = true) {
    bascule =
        std::make_unique<FakeBascule>(world, std::make_shared<MemoryStore>(), at(0), configuration);
    ASSERT_TRUE(bascule->until([&] {
      const auto* loop = bascule->supervisor->loop();
      return loop != nullptr && !bascule->state().configuration_fingerprint.empty() &&
             (!until_steady || bascule->steady());
    })) << bascule->story();
    routes = std::make_unique<api::Routes>(bascule->clock, *bascule->supervisor,
                                           api::Speaker{ObserverName("laptop"), true, ""});
  }
  api::Reply ask(const std::string& method, const std::string& target, Json body) {
    std::optional<api::Reply> reply;
    struct Asking {
      static awaitable<void> ask(api::Routes& routes, std::string method, std::string target,
                                 Json body, std::optional<api::Reply>* into) {
        into->emplace(
            co_await routes.answer(std::move(method), std::move(target), std::move(body)));
      }
    };
    boost::asio::co_spawn(bascule->io,
                          Asking::ask(*routes, method, "/api/v1" + target, std::move(body), &reply),
                          boost::asio::detached);
    EXPECT_TRUE(bascule->until([&] { return reply.has_value(); })) << target;
    return reply.value_or(api::Reply{504, Json()});
  }
  void start_failover() {
    const api::Reply reply = ask("POST", "/groups/shop/moves",
                                 Json{{"move", "failover"}, {"actor", "ana"}, {"reason", "first"}});
    ASSERT_EQ(reply.status, 200) << to_text(reply.body);
  }
  void wait_for(RunState state) {
    ASSERT_TRUE(bascule->until([&] {
      const engine::Run* run = bascule->newest_run();
      return run != nullptr && run->state == state;
    })) << bascule->story();
  }

  FakeWorld world;
  Configuration configuration = two_site_configuration();
  std::unique_ptr<FakeBascule> bascule;
  std::unique_ptr<api::Routes> routes;
};

struct Situation {
  const char* name;
  std::function<void(Stage&)> set;
};

std::vector<Situation> situations() {
  return {{"idle", [](Stage& stage) { stage.begin(); }},
          {"nobody is known to be active",
           [](Stage& stage) {
             // Two primaries: nobody can tell.
             stage.world.sites[kBerlin].role = DatabaseRole::primary;
             stage.begin(false);
           }},
          {"held",
           [](Stage& stage) {
             stage.begin();
             stage.ask("POST", "/hold", Json{{"actor", "ana"}, {"reason", "first"}});
             stage.ask("POST", "/groups/shop/hold", Json{{"actor", "ana"}, {"reason", "first"}});
           }},
          {"running",
           [](Stage& stage) {
             stage.begin();
             stage.world.latency = Duration{20'000};
             stage.start_failover();
             stage.wait_for(RunState::running);
           }},
          {"parked at its fence",
           [](Stage& stage) {
             stage.begin();
             stage.world.failing["hook"] =
                 Error{ErrorCode::denied, "no answer from rack-1", "", {}};
             stage.start_failover();
             stage.wait_for(RunState::parked);
           }},
          {"ended", [](Stage& stage) {
             stage.begin();
             stage.start_failover();
             stage.wait_for(RunState::done);
           }}};
}

struct Asked {
  std::string method;
  std::string target;
  Json body;
};

std::vector<Asked> questions() {
  std::vector<Asked> all;
  const auto post = [&](const std::string& target, Json body = Json::object()) {
    body["actor"] = "ana";
    body["reason"] = kReasonGiven;
    all.push_back({"POST", target, std::move(body)});
  };
  const auto get = [&](const char* target) { all.push_back({"GET", target, Json::object()}); };
  for (const char* target : {"/status",
                             "/groups/shop",
                             "/groups/shop/explain",
                             "/groups/shop/plan?to=berlin",
                             "/groups/shop/plan?move=failback",
                             "/groups/shop/plan?to=paris",
                             "/groups/shop/plan?to=amsterdam",
                             "/groups/shop/plan?to=berlin&move=jump",
                             "/groups/shop/preflight",
                             "/groups/shop/preflight?to=berlin",
                             "/groups/shop/preflight?to=amsterdam",
                             "/groups/shop/preflight?to=paris",
                             "/groups/shoe",
                             "/groups/shoe/explain",
                             "/groups/shoe/plan",
                             "/groups/shoe/preflight",
                             "/runs",
                             "/runs/r-0001",
                             "/runs/r-9999",
                             "/journal?after=0"}) {
    get(target);
  }
  for (const std::string group : {"/groups/shop", "/groups/shoe"}) {
    const auto below = [&](const char* verb) { return group + verb; };
    post(below("/hold"));
    post(below("/hold"), Json{{"for_ms", -1}});
    post(below("/release"));
    post(below("/ack"));
    post(below("/attest"), Json{{"site", "paris"}});
    post(below("/attest"));
    post(below("/adopt"), Json{{"active", "paris"}});
    post(below("/adopt"), Json{{"active", "amsterdam"}});
    post(below("/adopt"), Json{{"active", "berlin"}});
    post(below("/attest"), Json{{"site", "amsterdam"}});
    post(below("/frobnicate"));
  }
  post("/hold");
  post("/release");
  post("/runs/r-9999/abort");
  post("/runs/r-9999/resume");
  post("/runs/r-0001/resume", Json{{"step", "fence/cut"}, {"as", "perhaps"}});
  post("/runs/r-0001/resume", Json{{"step", "fence/none"}, {"as", "done"}});
  post("/runs/r-0001/resume");
  post("/runs/r-0001/abort");
  post("/groups/shoe/moves", Json{{"move", "failover"}});
  post("/groups/shop/moves", Json{{"move", "jump"}});
  post("/groups/shop/moves", Json{{"move", "failover"}, {"to", "paris"}});
  post("/groups/shop/moves", Json{{"move", "failover"}, {"to", "amsterdam"}});
  post("/groups/shop/moves", Json{{"move", "failover"}, {"overrides", {"nonsense"}}});
  post("/groups/shop/moves", Json{{"move", "failover"}, {"overrides", {"fence"}}});
  post("/groups/shop/moves", Json{{"move", "failback"}});
  post("/groups/shop/moves", Json{{"move", "switchover"}, {"to", "berlin"}});
  return all;
}

// Every `bascule …` in a text: between backticks, or the whole of a clause.
std::vector<std::string> commands_in(const std::string& text) {
  std::vector<std::string> commands;
  for (std::size_t from = 0; (from = text.find("bascule ", from)) != std::string::npos;) {
    const bool quoted = from > 0 && text[from - 1] == '`';
    std::size_t end = std::min(text.find(quoted ? "`" : "\n", from), text.size());
    if (!quoted) {
      for (const char* stop : {", ", "; ", " (", ": ", " and ", " or "})
        end = std::min(end, text.find(stop, from));
    }
    commands.push_back(text.substr(from, end - from));
    from = end;
  }
  return commands;
}

std::vector<std::string> words_of(const std::string& command) {
  std::vector<std::string> words;
  std::istringstream stream(command);
  for (std::string word; stream >> word;) words.push_back(word);
  words.erase(words.begin());  // "bascule"
  return words;
}

void expect_can_be_typed(const std::string& text) {
  for (const std::string& command : commands_in(text)) {
    EXPECT_EQ(app::parse(words_of(command)).complaint, "") << command << "\n  in: " << text;
  }
}

// Whatever a person reads of a view.
void expect_helpful(const Json& view) {
  if (view.is_string()) expect_can_be_typed(view.get<std::string>());
  if (!view.is_structured()) return;
  for (const Json& inner : view) expect_helpful(inner);
}

void check_answer(const Asked& asked, const api::Reply& reply) {
  const int code = static_cast<int>(app::exit_code_of_status(reply.status));
  EXPECT_TRUE(code == 0 || code == 1 || code == 2 || code == 3) << reply.status;
  expect_helpful(reply.body);
  if (reply.status == 200) return;
  const Json error = reply.body.value("error", Json());
  ASSERT_TRUE(error.is_object()) << to_text(reply.body);
  EXPECT_NE(text_or(error, "message"), "");
  const std::string text = app::refusal_text(reply.body, app::Look());
  EXPECT_FALSE(commands_in(text).empty()) << asked.target << " " << to_text(asked.body) << "\n"
                                          << text;
}

TEST(Situations, EveryCommandIsAnsweredInEverySituationAndEveryRefusalNamesAWholeCommand) {
  for (const Situation& situation : situations()) {
    // What one command changes must not excuse the next: each has a Bascule of its own.
    for (const Asked& asked : questions()) {
      SCOPED_TRACE(std::string(situation.name) + ": " + asked.method + " " + asked.target + " " +
                   to_text(asked.body));
      Stage stage;
      situation.set(stage);
      if (testing::Test::HasFatalFailure()) return;
      const api::Reply first = stage.ask(asked.method, asked.target, asked.body);
      check_answer(asked, first);
      const api::Reply second = stage.ask(asked.method, asked.target, asked.body);
      check_answer(asked, second);
      EXPECT_TRUE(stage.world.violations.empty());
    }
  }
}

// What is asked for a second time is so already; only what begins something is refused then.
TEST(Situations, TheSameTwiceIsNoError) {
  const Json body{{"actor", "ana"}, {"reason", kReasonGiven}};
  const auto with = [&](const char* key, const char* value) {
    Json made = body;
    made[key] = value;
    return made;
  };
  for (const auto& [target, asked] : std::vector<std::pair<std::string, Json>>{
           {"/hold", body},
           {"/release", body},
           {"/groups/shop/hold", body},
           {"/groups/shop/release", body},
           {"/groups/shop/ack", body},
           {"/groups/shop/adopt", with("active", "amsterdam")},
           {"/runs/r-0001/abort", body}}) {
    SCOPED_TRACE(target);
    Stage stage;
    stage.begin();
    if (target.starts_with("/runs")) {
      stage.world.latency = Duration{20'000};
      stage.start_failover();
      stage.wait_for(RunState::running);
    }
    for (int time = 1; time <= 2; ++time) {
      const api::Reply reply = stage.ask("POST", target, asked);
      EXPECT_EQ(reply.status, 200) << time << ": " << to_text(reply.body);
    }
  }
}

// A run that waits for nothing but its fence says first what lets it go on.
TEST(Situations, ARunParkedAtItsFencePointsToAttest) {
  Stage stage;
  situations()[4].set(stage);
  const Json run = stage.ask("GET", "/runs/r-0001", Json::object()).body;
  EXPECT_EQ(text_or(run, "next"), "bascule attest shop --site amsterdam --reason TEXT");
  const Json explained = stage.ask("GET", "/groups/shop/explain", Json::object()).body;
  ASSERT_FALSE(explained["what_helps"].empty());
  EXPECT_TRUE(explained["what_helps"][0].get<std::string>().starts_with(
      "bascule attest shop --site amsterdam --reason"));
}

TEST(Situations, TheJournalTellsWhatPeopleAreToldWhereThatIsAsked) {
  Stage stage;
  stage.begin();
  stage.start_failover();
  stage.wait_for(RunState::done);
  const api::Reply plain = stage.ask("GET", "/journal?after=0", Json::object());
  ASSERT_EQ(plain.status, 200);
  EXPECT_FALSE(plain.body.contains("told"));
  const api::Reply told = stage.ask("GET", "/journal?after=0&told=true", Json::object());
  ASSERT_EQ(told.status, 200);
  EXPECT_EQ(told.body["records"], plain.body["records"]);
  std::string titles;
  for (const Json& message : told.body["told"]) titles += text_or(message, "title") + "\n";
  EXPECT_NE(titles.find("r-0001 started by ana (failover of shop: "), std::string::npos) << titles;
  EXPECT_NE(titles.find("r-0001 is done (failover of shop: "), std::string::npos) << titles;
}

TEST(Situations, ARunThatGoesOnShowsItsOutageByNowAndWhatItsStepsWaitFor) {
  Stage stage;
  stage.begin();
  stage.world.failing["hook"] = Error{ErrorCode::denied, "no answer from rack-1", "", {}};
  stage.start_failover();
  stage.wait_for(RunState::parked);
  const api::Reply reply = stage.ask("GET", "/runs/r-0001", Json::object());
  ASSERT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body["outage"]["began_at"].is_string()) << to_text(reply.body);
  EXPECT_TRUE(reply.body["outage"]["measured_ms"].is_null());
  bool has_seen = false;
  for (const Json& step : reply.body["steps"]) {
    EXPECT_TRUE(step["needs"].is_array());
    has_seen = has_seen || step["seen"].is_object();
  }
  EXPECT_TRUE(has_seen) << to_text(reply.body);
}

}  // namespace
}  // namespace bascule::runtime::test
