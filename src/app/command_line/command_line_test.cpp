// How words become commands, what is said about mistakes, and which exit code follows: tables.
#include "app/command_line/command_line.h"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "app/command_line/session.h"
#include "app/terminal/recorder_for_test.h"

namespace bascule::app {
namespace {

std::vector<std::string> words(const std::string& line) {
  std::istringstream stream(line);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

Parsed parsed(const std::string& line) {
  return parse(words(line));
}

TEST(CommandLine, TheConfigurationMayStandAnywhere) {
  for (const char* line :
       {"-c shop.yaml explain shop", "explain -c shop.yaml shop", "explain shop -c shop.yaml",
        "explain shop --config=shop.yaml", "--config shop.yaml explain shop",
        "-o json -c shop.yaml explain shop", "explain shop -cshop.yaml"}) {
    const Parsed result = parsed(line);
    ASSERT_EQ(result.complaint, "") << line;
    EXPECT_EQ(result.arguments.command, "explain") << line;
    EXPECT_EQ(result.arguments.configuration, "shop.yaml") << line;
    EXPECT_EQ(result.arguments.group, "shop") << line;
  }
}

TEST(CommandLine, CommandsOfTwoWordsAreFoundAroundOptions) {
  for (const char* line : {"config validate shop.yaml", "config -o table validate shop.yaml",
                           "config validate -c other.yaml shop.yaml"}) {
    const Parsed result = parsed(line);
    ASSERT_EQ(result.complaint, "") << line;
    EXPECT_EQ(result.arguments.command, "config validate");
    EXPECT_EQ(result.arguments.file, "shop.yaml");
  }
  EXPECT_EQ(parsed("audit verify --head 3:ab store.db").arguments.store, "store.db");
}

TEST(CommandLine, AMoveTakesItsOptions) {
  const Parsed result = parse({"failover",   "shop",
                               "--to",       "berlin",
                               "--reason",   "INC-2041: it is dark",
                               "--override", "fence",
                               "--override", "data_loss,target",
                               "--confirm",  "amsterdam",
                               "--ticket",   "INC-2041",
                               "-y",         "--no-wait",
                               "--actor",    "ana",
                               "-c",         "shop.yaml"});
  ASSERT_EQ(result.complaint, "");
  EXPECT_EQ(result.arguments.group, "shop");
  EXPECT_EQ(result.arguments.to, "berlin");
  EXPECT_EQ(result.arguments.reason, "INC-2041: it is dark");
  EXPECT_EQ(result.arguments.overrides, (std::vector<std::string>{"fence", "data_loss", "target"}));
  EXPECT_EQ(result.arguments.confirmed_site, "amsterdam");
  EXPECT_EQ(result.arguments.ticket, "INC-2041");
  EXPECT_EQ(result.arguments.actor, "ana");
  EXPECT_TRUE(result.arguments.yes);
  EXPECT_TRUE(result.arguments.no_wait);
  EXPECT_FALSE(result.arguments.local);
}

TEST(CommandLine, AMoveMayWaitFollowAPlanOrTakeARunsPlace) {
  const Parsed result =
      parsed("switchover --plan plan.json --at 02:30 --supersede r-0042 --reason x");
  ASSERT_EQ(result.complaint, "");
  EXPECT_EQ(result.arguments.group, "");
  EXPECT_EQ(result.arguments.plan_file, "plan.json");
  EXPECT_EQ(result.arguments.at, "02:30");
  EXPECT_EQ(result.arguments.supersedes, "r-0042");
  EXPECT_EQ(parsed("approve r-0042 --reason seen").arguments.run, "r-0042");
}

TEST(CommandLine, AnOverrideDoesNotSwallowTheGroup) {
  const Parsed result = parse({"failover", "--override", "fence", "shop", "--reason", "x"});
  ASSERT_EQ(result.complaint, "");
  EXPECT_EQ(result.arguments.group, "shop");
}

TEST(CommandLine, AReasonThatNamesACommandIsAReason) {
  const Parsed result = parse({"hold", "--reason", "status", "shop"});
  ASSERT_EQ(result.complaint, "");
  EXPECT_EQ(result.arguments.command, "hold");
  EXPECT_EQ(result.arguments.group, "shop");
  EXPECT_EQ(parse({"--reason", "x", "explain", "shop"}).complaint,
            "`explain` has no option --reason");
  EXPECT_EQ(parse({"explain", "status"}).arguments.group, "status") << "a group of that name";
}

struct Mistake {
  const char* line;
  const char* complaint;
  const char* what_to_do;
};

TEST(CommandLine, MistakesAreNamedInOneClauseWithWhatToDo) {
  const std::vector<Mistake> mistakes{
      {"statsu", "there is no command `statsu`", "did you mean: bascule status"},
      {"failovr shop", "there is no command `failovr`", "did you mean: bascule failover"},
      {"frobnicate", "there is no command `frobnicate`", "bascule --help"},
      {"shift shop", "there is no command `shift`", "bascule --help"},
      {"", "which command?", "bascule --help"},
      {"-c shop.yaml", "which command?", "bascule --help"},
      {"config", "`config` needs another word", "bascule config validate"},
      {"config valdate x", "there is no command `config valdate`",
       "did you mean: bascule config validate"},
      {"audit", "`audit` needs another word", "bascule audit verify"},
      {"explain", "`explain` needs GROUP", "bascule explain --help"},
      {"failover shop", "`failover` needs --reason TEXT", "bascule failover --help"},
      {"attest shop --reason x", "`attest` needs --site SITE", "bascule attest --help"},
      {"status shop", "`status` has no use for `shop`", "bascule status --help"},
      {"status --no-colour", "`status` has no option --no-colour", "did you mean --no-color?"},
      {"failover shop --reasn x", "`failover` has no option --reasn", "did you mean --reason?"},
      {"failover shop --frobnicate", "`failover` has no option --frobnicate",
       "bascule failover --help"},
      {"failover shop --to", "--to needs a value", "bascule failover --help"},
      {"failover shop --to a --to b", "--to was given more than once", "bascule failover --help"},
      {"runs --limit many", "the value of --limit is not a number", "bascule runs --help"},
      {"status -o xml", "`-o xml` is not a form of output", "use -o table, -o json or -o yaml"}};
  for (const Mistake& mistake : mistakes) {
    const Parsed result = parsed(mistake.line);
    EXPECT_EQ(result.complaint, mistake.complaint) << mistake.line;
    EXPECT_EQ(result.what_to_do, mistake.what_to_do) << mistake.line;
    EXPECT_EQ(result.help, "");
  }
}

TEST(CommandLine, EveryCommandHasHelpWithExamples) {
  const std::string all = parsed("--help").help;
  for (const Family& family : families()) {
    for (const Command& command : family.commands) {
      EXPECT_NE(all.find("  " + command.name + " "), std::string::npos) << command.name;
      for (const std::string& line : {command.name + " --help", "help " + command.name,
                                      "-h " + command.name, command.name + " -c x --help"}) {
        const std::string help = parsed(line).help;
        EXPECT_NE(help.find("usage: bascule " + command.name), std::string::npos) << line;
        EXPECT_NE(help.find("\nExamples\n  bascule "), std::string::npos) << line;
        EXPECT_NE(help.find("--output"), std::string::npos) << line;
      }
      EXPECT_FALSE(command.examples.empty()) << command.name;
      for (const Example& example : command.examples)
        EXPECT_TRUE(example.line.starts_with("bascule " + command.name)) << example.line;
    }
  }
}

TEST(CommandLine, WhatIsNotBuiltYetIsNotListed) {
  const std::string all = overview();
  for (const char* word : {"shift", "sandbox"})
    EXPECT_EQ(all.find(std::string("\n  ") + word + " "), std::string::npos) << word;
}

struct Ended {
  int code = 0;
  std::string data;
  std::string messages;
};

Ended run(std::vector<std::string> given, std::map<std::string, std::string> variables = {},
          std::vector<std::string> answers = {}) {
  Recorder terminal;
  terminal.answers = std::move(answers);
  variables.try_emplace("LANG", "C.UTF-8");
  const ExitCode code = run_command_line(
      given, terminal, [variables](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        if (found == variables.end()) return std::nullopt;
        return found->second;
      });
  return {static_cast<int>(code), terminal.data, terminal.messages};
}

TEST(CommandLine, AMistakeIsExitCodeTwoOnStandardError) {
  const Ended ended = run({"statsu"});
  EXPECT_EQ(ended.code, 2);
  EXPECT_EQ(ended.data, "");
  EXPECT_EQ(ended.messages,
            "bascule: there is no command `statsu`; did you mean: bascule status\n");
}

TEST(CommandLine, AMoveThatCannotBeMeantIsExitCodeTwoBeforeAnybodyIsAsked) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"failover --reason x", "bascule: `failover` needs GROUP; try: bascule failover --help\n"},
      {"failover shop --at 25:00 --reason x", "bascule: --at: `25:00` is not a time; write +30m"},
      {"failover shop --at +5m --local --reason x",
       "bascule: --at needs a daemon that is there at that time"},
      {"failover --plan /nowhere/plan.json --reason x",
       "bascule: /nowhere/plan.json cannot be read: No such file or directory"}};
  for (const auto& [line, message] : table) {
    const Ended ended = run(words(line));
    EXPECT_EQ(ended.code, 2) << line;
    EXPECT_EQ(ended.data, "") << line;
    EXPECT_TRUE(ended.messages.starts_with(message)) << ended.messages;
  }
}

TEST(CommandLine, HelpIsDataAndSuccess) {
  const Ended ended = run({"failover", "--help"});
  EXPECT_EQ(ended.code, 0);
  EXPECT_EQ(ended.messages, "");
  EXPECT_NE(ended.data.find("usage: bascule failover GROUP"), std::string::npos);
}

TEST(CommandLine, TheVersionIsPrintedInTwoWays) {
  for (const char* word : {"version", "--version"}) {
    const Ended ended = run({word});
    EXPECT_EQ(ended.code, 0);
    EXPECT_TRUE(ended.data.starts_with("bascule ")) << ended.data;
  }
  const Ended json = run({"version", "-o", "json"});
  EXPECT_NE(json.data.find("\"version\""), std::string::npos);
}

TEST(CommandLine, NobodyThereIsExitCodeSevenAndSaysWhatToStart) {
  // Port 1 of the loopback: nobody listens there.
  const Ended ended = run({"status", "--server", "127.0.0.1:1"});
  EXPECT_EQ(ended.code, 7);
  EXPECT_EQ(ended.data, "");
  EXPECT_EQ(ended.messages,
            "bascule: no Bascule answers at 127.0.0.1:1; start one: bascule serve -c FILE, or use "
            "--local\n");
  const Ended json = run({"status", "-o", "json"}, {{"BASCULE_SERVER", "127.0.0.1:1"}});
  EXPECT_EQ(json.code, 7);
  const auto body = parse_json(json.data);
  ASSERT_TRUE(body) << json.data;
  EXPECT_EQ((*body)["error"]["code"], "unavailable");
}

TEST(CommandLine, WhatCannotBeAskedIsRefusedByTheNameOfItsFlag) {
  const Ended override_alone =
      run({"failover", "shop", "--override", "fence", "--reason", "x", "--server", "127.0.0.1:1"});
  EXPECT_EQ(override_alone.code, 2);
  EXPECT_NE(override_alone.messages.find("--confirm SITE"), std::string::npos);
  const Ended attest =
      run({"attest", "shop", "--site", "amsterdam", "--reason", "x", "--server", "127.0.0.1:1"});
  EXPECT_EQ(attest.code, 2);
  EXPECT_NE(attest.messages.find("--yes"), std::string::npos);
  // Nothing to ask: it goes on until it finds nobody.
  EXPECT_EQ(run({"failover", "shop", "--reason", "x", "--server", "127.0.0.1:1"}).code, 7);
  EXPECT_EQ(run({"failover", "shop", "--override", "fence", "--confirm", "amsterdam", "--reason",
                 "x", "--server", "127.0.0.1:1"})
                .code,
            7);
}

TEST(CommandLine, APersonWhoCanAnswerIsAsked) {
  const std::vector<std::string> move{"failover", "shop",     "--reason",
                                      "x",        "--server", "127.0.0.1:1"};
  const Ended no = run(move, {}, {"n"});
  EXPECT_EQ(no.code, 1);
  EXPECT_NE(no.messages.find("Start this failover? [y/N]"), std::string::npos);
  EXPECT_NE(no.messages.find("not confirmed: nothing has been changed"), std::string::npos);
  EXPECT_EQ(run(move, {}, {""}).code, 1) << "no is the default";
  EXPECT_EQ(run(move, {}, {"y"}).code, 7) << "it goes on until it finds nobody";
  std::vector<std::string> at_once = move;
  at_once.push_back("--yes");
  EXPECT_EQ(run(at_once, {}, {"not read"}).messages.find("[y/N]"), std::string::npos);
  std::vector<std::string> over = at_once;
  over.insert(over.end(), {"--override", "fence"});
  const Ended typed = run(over, {}, {"amsterdam"});
  EXPECT_NE(typed.messages.find("Type the name of the site that is given up"), std::string::npos);
  EXPECT_EQ(typed.code, 7);
  EXPECT_EQ(run(over, {}, {""}).code, 1);
  const std::vector<std::string> attest{"attest",   "shop", "--site",   "amsterdam",
                                        "--reason", "x",    "--server", "127.0.0.1:1"};
  EXPECT_EQ(run(attest, {}, {"no"}).code, 1);
  EXPECT_EQ(run(attest, {}, {"yes"}).code, 7);
}

TEST(CommandLine, GatesAndValuesAreCheckedBeforeAnybodyIsAsked) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> mistakes{
      {{"failover", "shop", "--override", "fense", "--reason", "x"}, "did you mean `fence`?"},
      {{"failover", "shop", "--override", "cooldown", "--reason", "x"}, "binds automation only"},
      {{"failover", "shop", "--override", "fence", "--to", "a", "--confirm", "a", "--reason", "x"},
       "names the site that becomes active"},
      {{"failover", "shop", "--local", "--no-wait", "-c", "x", "--reason", "x"}, "--no-wait"},
      {{"failover", "shop", "--local", "--reason", "x"}, "--local needs a configuration"},
      {{"plan", "shop", "--move", "dril"}, "`dril` is not a move"},
      {{"drill", "shop", "--reason", "x"}, "a drill says when its way back begins"},
      {{"drill", "shop", "--back-after", "30", "--reason", "x"},
       "--back-after `30` is not a duration"},
      {{"drill", "shop", "--back-after", "30m", "--deadline", "soon", "--reason", "x"},
       "--deadline `soon` is not a duration"},
      {{"drill", "shop", "--back-after", "30m", "--local", "-c", "x", "--reason", "x"},
       "a drill needs a daemon"},
      {{"hold", "--for", "2", "--reason", "x"}, "`--for 2` is not a duration"},
      {{"resume", "r-1", "--step", "a/b", "--reason", "x"}, "--step and --as belong together"},
      {{"show", "r-1", "--follow", "--timeout", "soon"}, "`--timeout soon` is not a duration"},
      {{"serve"}, "`serve` needs -c FILE"},
      {{"check"}, "`check` needs -c FILE"},
      {{"config", "validate"}, "`config validate` needs FILE"},
      {{"audit", "verify"}, "`audit verify` needs a journal"},
      {{"audit", "verify", "x.db", "--head", "nonsense"}, "is not a head of a journal"},
      {{"status", "--server", "ftp://x"}, "server `ftp://x`"},
      {{"status", "--server", "127.0.0.1:99999"}, "server `127.0.0.1:99999`"}};
  for (const auto& [line, part] : mistakes) {
    const Ended ended = run(line, {{"BASCULE_SERVER", "127.0.0.1:1"}});
    EXPECT_EQ(ended.code, 2) << line[0] << ": " << ended.messages;
    EXPECT_NE(ended.messages.find(part), std::string::npos) << ended.messages;
  }
}

TEST(CommandLine, ATokenIsNotSentToAnotherMachineInTheClear) {
  const std::map<std::string, std::string> token{{"BASCULE_TOKEN", "secret"}};
  for (const char* server : {"http://192.0.2.1:8420", "192.0.2.1:8420", "bascule.example:1"}) {
    const Ended ended = run({"status", "--server", server}, token);
    EXPECT_EQ(ended.code, 2) << server;
    EXPECT_NE(ended.messages.find("unencrypted"), std::string::npos) << ended.messages;
    EXPECT_NE(ended.messages.find("--insecure"), std::string::npos) << ended.messages;
  }
  for (const char* server : {"127.0.0.1:1", "[::1]:1", "http://127.0.0.1:1"})
    EXPECT_EQ(run({"status", "--server", server}, token).code, 7) << server;
  EXPECT_EQ(run({"status", "--insecure", "--server", "127.0.0.1:1"}, token).code, 7);
}

TEST(CommandLine, AJournalThatIsNotThereIsAnAnswerOfNo) {
  const Ended ended = run({"audit", "verify", "no-such-folder/journal.db"});
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.data, "");
}

TEST(CommandLine, AConfigurationThatIsNotThereIsExitCodeTwo) {
  for (const std::vector<std::string>& line :
       std::vector<std::vector<std::string>>{{"config", "validate", "no-such.yaml"},
                                             {"check", "-c", "no-such.yaml"},
                                             {"status", "-c", "no-such.yaml"},
                                             {"plan", "shop", "--local", "-c", "no-such.yaml"}}) {
    const Ended ended = run(line);
    EXPECT_EQ(ended.code, 2) << line[0];
    EXPECT_NE((ended.data + ended.messages).find("no-such.yaml"), std::string::npos);
  }
}

TEST(CommandLine, EveryErrorHasItsExitCode) {
  const std::map<ErrorCode, int> codes{
      {ErrorCode::invalid, 2},   {ErrorCode::denied, 2},          {ErrorCode::timeout, 6},
      {ErrorCode::canceled, 6},  {ErrorCode::outcome_unknown, 6}, {ErrorCode::unavailable, 7},
      {ErrorCode::term_over, 7}, {ErrorCode::conflict, 3},        {ErrorCode::superseded, 3},
      {ErrorCode::not_found, 1}, {ErrorCode::throttled, 1},       {ErrorCode::corrupt, 1}};
  for (const auto& [error, code] : codes)
    EXPECT_EQ(static_cast<int>(exit_code_of(Error{error, "", "", std::nullopt})), code);
  const std::map<int, int> statuses{{200, 0}, {400, 2}, {401, 2}, {403, 2}, {404, 1},
                                    {409, 3}, {429, 1}, {500, 1}, {503, 7}, {504, 6}};
  for (const auto& [status, code] : statuses)
    EXPECT_EQ(static_cast<int>(exit_code_of_status(status)), code) << status;
}

}  // namespace
}  // namespace bascule::app
