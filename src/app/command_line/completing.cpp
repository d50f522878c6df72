#include "app/command_line/completing.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "app/command_line/backends.h"
#include "app/command_line/command.h"
#include "app/command_line/command_line.h"
#include "app/command_line/manual.h"
#include "app/command_line/parser.h"
#include "app/configuration_file.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

// A person waits with a finger on the key.
constexpr Duration kPatience{500};

// bash gives `--to=berlin` as three words, and `127.0.0.1:8420` too.
std::vector<std::string> joined(const std::vector<std::string>& words) {
  std::vector<std::string> result;
  bool glue = false;
  for (const std::string& word : words) {
    if (word == "=") continue;
    if ((glue || word == ":") && !result.empty()) {
      result.back() += word;
    } else {
      result.push_back(word);
    }
    glue = word == ":";
  }
  if (!words.empty() && words.back() == "=") result.emplace_back();
  return result;
}

// The names of an option: "-o", "--output"; and what its value is called, empty for a flag.
struct OptionWords {
  std::vector<std::string> names;
  std::string value;
  std::string meaning;
};

std::vector<OptionWords> options_for(const Command* command) {
  std::vector<OptionText> texts = options_of_all();
  if (command != nullptr) {
    const std::vector<OptionText> own = options_of(*command);
    texts.insert(texts.begin(), own.begin(), own.end());
  }
  texts.push_back({"-h, --help", "how it is used"});
  std::vector<OptionWords> options;
  for (const OptionText& text : texts) {
    OptionWords option;
    option.meaning = text.description;
    std::string names = text.names;
    const std::size_t blank = names.rfind(' ');
    if (blank != std::string::npos && names[blank + 1] != '-') {
      option.value = names.substr(blank + 1);
      names.resize(blank);
    }
    for (std::size_t at = 0; at < names.size();) {
      const std::size_t end = std::min(names.find(", ", at), names.size());
      option.names.push_back(names.substr(at, end - at));
      at = end + 2;
    }
    options.push_back(std::move(option));
  }
  return options;
}

const OptionWords* find_option(const std::vector<OptionWords>& options, const std::string& name) {
  for (const OptionWords& option : options) {
    if (std::ranges::find(option.names, name) != option.names.end()) return &option;
  }
  return nullptr;
}

// The words that are neither options nor their values; the last word of all is not among them.
struct Told {
  std::vector<std::string> plain;
  const OptionWords* open = nullptr;  // its value is being written
};

Told tell_apart(const std::vector<std::string>& words, const std::vector<OptionWords>& options) {
  Told told;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (!words[i].starts_with('-')) {
      told.plain.push_back(words[i]);
      continue;
    }
    const OptionWords* option = find_option(options, words[i]);
    if (option == nullptr || option->value.empty()) continue;
    if (i + 2 == words.size()) told.open = option;
    ++i;
  }
  return told;
}

// The command that the first words name, and how many of them do.
std::pair<const Command*, std::size_t> command_of(const std::vector<std::string>& plain) {
  if (plain.size() > 1) {
    if (const Command* found = find_command(plain[0] + " " + plain[1])) return {found, 2};
  }
  if (plain.empty()) return {nullptr, 0};
  return {find_command(plain[0]), 1};
}

void add_commands(Candidates& candidates, const std::string& first) {
  std::map<std::string, std::string> words;
  for (const Family& family : families()) {
    for (const Command& command : family.commands) {
      const std::size_t blank = command.name.find(' ');
      const std::string head = command.name.substr(0, blank);
      const bool is_below = blank != std::string::npos;
      if (first.empty()) {
        words.emplace(head, is_below ? "" : command.summary);
      } else if (is_below && head == first) {
        words.emplace(command.name.substr(blank + 1), command.summary);
      }
    }
  }
  if (first.empty()) words.emplace("help", "how a command is used");
  for (auto& [word, meaning] : words) candidates.words.push_back({word, meaning});
}

void add_words(Candidates& candidates, const std::vector<std::string>& words) {
  for (const std::string& word : words) candidates.words.push_back({word, ""});
}

// By what the help calls the value: one word means one thing everywhere.
void add_values(Candidates& candidates, std::string_view value, const std::string& group,
                const NamesKnown& names) {
  if (value == "GROUP") add_words(candidates, names.groups());
  if (value == "SITE") add_words(candidates, names.sites(group));
  if (value == "RUN") add_words(candidates, names.runs());
  if (value == "FORM") add_words(candidates, {"table", "json", "yaml"});
  if (value == "MOVE") add_words(candidates, {"failover", "switchover", "failback"});
  if (value == "OUTCOME") add_words(candidates, {"done", "failed", "retry"});
  if (value == "SHELL") add_words(candidates, {"bash", "zsh", "fish"});
  if (value == "COMMAND") add_commands(candidates, "");
  if (value == "GATE")
    add_words(candidates, {"controller", "target", "data_loss", "one_at_a_time", "fence"});
  candidates.files = value == "FILE" || value == "STORE";
}

// "GROUP [--to SITE] --reason TEXT": what the argument at that place is called.
std::string argument_at(const std::string& usage, std::size_t place) {
  std::size_t at = 0;
  for (std::size_t count = 0; at < usage.size(); ++count) {
    const std::size_t end = std::min(usage.find(' ', at), usage.size());
    std::string word = usage.substr(at, end - at);
    std::erase_if(word, [](char c) { return c == '[' || c == ']'; });
    if (word.empty() || word.front() < 'A' || word.front() > 'Z') return "";
    if (count == place) return word;
    at = end + 1;
  }
  return "";
}

// The names, asked for once and within the patience of whoever waits.
class NamesOfInstallation {
 public:
  explicit NamesOfInstallation(Session& session) : session_(session) {}

  std::vector<std::string> groups() {
    std::vector<std::string> names;
    for (const Json& group : list(status(), "groups")) names.push_back(text_or(group, "group"));
    return names;
  }
  std::vector<std::string> sites(const std::string& wanted) {
    std::vector<std::string> names;
    for (const Json& group : list(status(), "groups")) {
      if (!wanted.empty() && text_or(group, "group") != wanted) continue;
      for (const Json& site : list(group, "sites")) {
        std::string name = text_or(site, "site");
        if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
      }
    }
    return names;
  }
  std::vector<std::string> runs() {
    std::vector<std::string> names;
    const Json answer = ask_quietly(session_, path_of({"runs"}), kPatience).value_or(Json());
    if (!answer.is_array()) return names;
    for (const Json& run : answer) names.push_back(text_or(run, "run"));
    return names;
  }

 private:
  // A configuration that is at hand is asked first: it answers at once.
  const Json& status() {
    if (!status_.is_null()) return status_;
    const std::string& path = session_.arguments().configuration;
    status_ = path.empty()
                  ? ask_quietly(session_, path_of({"status"}), kPatience).value_or(Json::object())
                  : names_in(load_configuration(path).configuration);
    return status_;
  }

  static Json names_in(const Configuration& configuration) {
    Json groups = Json::array();
    for (const GroupSpec& group : configuration.groups) {
      Json sites = Json::array();
      for (const SiteSpec& site : group.sites) sites.push_back(Json{{"site", site.name.text()}});
      groups.push_back(Json{{"group", group.name.text()}, {"sites", std::move(sites)}});
    }
    return Json{{"groups", std::move(groups)}};
  }

  Session& session_;
  Json status_;
};

// Of the words being completed, those that say where the names are to be found.
void take_place(Session& session, const std::vector<std::string>& words) {
  const std::map<std::string, std::string Arguments::*> places{
      {"-c", &Arguments::configuration},
      {"--config", &Arguments::configuration},
      {"--server", &Arguments::server},
      {"--token-file", &Arguments::token_file},
      {"--ca", &Arguments::authority}};
  Arguments arguments = session.arguments();
  for (std::size_t i = 0; i + 2 < words.size(); ++i) {
    const auto place = places.find(words[i]);
    if (place != places.end()) arguments.*(place->second) = words[i + 1];
  }
  session.replace_arguments(std::move(arguments));
}

ExitCode complete(Session& session) {
  const std::vector<std::string> words = joined(session.arguments().words);
  take_place(session, words);
  NamesOfInstallation known(session);
  const Candidates candidates =
      candidates_for(words, {[&] { return known.groups(); },
                             [&](const std::string& group) { return known.sites(group); },
                             [&] { return known.runs(); }});
  std::string text = candidates.files ? ":files\n" : "";
  for (const Candidate& candidate : candidates.words) {
    text += candidate.word;
    if (!candidate.meaning.empty()) text += "\t" + candidate.meaning;
    text += "\n";
  }
  session.terminal().write_data(text);
  return ExitCode::done;
}

constexpr std::string_view kBash =
    R"sh(# bash completion of bascule; in ~/.bashrc: source <(bascule completion bash)
_bascule() {
  local line words=()
  local IFS=$'\n'
  COMPREPLY=()
  for line in $("${COMP_WORDS[0]}" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null); do
    if [ "$line" = ":files" ]; then
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
      return
    fi
    words+=("${line%%$'\t'*}")
  done
  COMPREPLY=("${words[@]}")
}
complete -F _bascule bascule
)sh";

constexpr std::string_view kZsh =
    R"sh(#compdef bascule
# zsh completion of bascule; in ~/.zshrc, after compinit: source <(bascule completion zsh)
_bascule() {
  local line tab=$'\t'
  local -a described
  for line in ${(f)"$(${words[1]} complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
    if [[ $line == ":files" ]]; then
      _files
      return
    fi
    described+=("${${line/:/\\:}/$tab/:}")
  done
  _describe bascule described
}
compdef _bascule bascule
)sh";

constexpr std::string_view kFish =
    R"sh(# fish completion of bascule; in ~/.config/fish/config.fish: bascule completion fish | source
function __bascule_complete
    set -l words (commandline -opc)
    set -l answer ($words[1] complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
    if test "$answer[1]" = ":files"
        __fish_complete_path (commandline -ct)
    else
        string join -- \n $answer
    end
end
complete -c bascule -f -a '(__bascule_complete)'
)sh";

ExitCode print_script(Session& session) {
  const std::string& shell = session.arguments().shell;
  const std::map<std::string, std::string_view> scripts{
      {"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}};
  const auto script = scripts.find(shell);
  if (script == scripts.end()) {
    return session.fail_usage(fmt::format("there is no completion for `{}`", shell),
                              "bascule completion bash, zsh or fish");
  }
  session.terminal().write_data(script->second);
  return ExitCode::done;
}

void declare_script(CLI::App& app, Arguments& arguments) {
  app.add_option("SHELL", arguments.shell, "");
}

void declare_complete(CLI::App& app, Arguments& arguments) {
  app.add_option("WORD", arguments.words, "")->expected(0, -1);
}

}  // namespace

Candidates candidates_for(std::vector<std::string> words, const NamesKnown& names) {
  Candidates candidates;
  if (words.empty()) words.emplace_back();
  const std::string& last = words.back();
  const Command* command = nullptr;
  std::size_t naming = 0;
  // Which options take a value depends on the command, and where the command stands on them: those
  // of every command come first, wherever they are written.
  std::vector<OptionWords> options = options_for(nullptr);
  std::tie(command, naming) = command_of(tell_apart(words, options).plain);
  if (command != nullptr) options = options_for(command);
  const Told told = tell_apart(words, options);
  const std::size_t skipped = !told.plain.empty() && told.plain[0] == "help" ? 1 : 0;
  const bool has_arguments = command != nullptr && told.plain.size() >= naming;
  const std::string group =
      has_arguments && told.plain.size() > naming && argument_at(command->usage, 0) == "GROUP"
          ? told.plain[naming]
          : "";
  if (told.open != nullptr) {
    add_values(candidates, told.open->value, group, names);
  } else if (last.starts_with('-')) {
    for (const OptionWords& option : options)
      candidates.words.push_back({option.names.back(), option.meaning});
  } else if (has_arguments) {
    add_values(candidates, argument_at(command->usage, told.plain.size() - naming), group, names);
  } else {
    add_commands(candidates, told.plain.size() > skipped ? told.plain[skipped] : "");
  }
  std::erase_if(candidates.words,
                [&](const Candidate& candidate) { return !candidate.word.starts_with(last); });
  return candidates;
}

Family completing() {
  return {
      "In a shell",
      {{"completion",
        "SHELL",
        "completion of commands, options and names in bash, zsh or fish",
        "Prints a script for the shell. Names of groups, sites and runs come from -c FILE where "
        "it is on the line, else from the daemon, which is waited for half a second at most.",
        {{"bascule completion bash", "in ~/.bashrc: source <(bascule completion bash)"},
         {"bascule completion zsh",
          "in ~/.zshrc, after compinit: source <(bascule completion zsh)"},
         {"bascule completion fish | source", "in ~/.config/fish/config.fish"}},
        {{"SHELL", &Arguments::shell}},
        declare_script,
        print_script},
       {"complete",
        "-- [WORD]...",
        "what may stand at the end of a command line; asked by the shells",
        "Prints one candidate a line, with what it means after a tab, or `:files` where the "
        "name of a file belongs. The last word is the one being written.",
        {{"bascule complete -- failover shop --to \"\"", "the sites of shop"}},
        {},
        declare_complete,
        complete},
       manual_command()}};
}

}  // namespace bascule::app
