#include "providers/hook/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "async/capture.h"

namespace bascule::hook {
namespace {

constexpr std::size_t kShownBytes = 300;
constexpr std::size_t kShortestSecret = 4;
constexpr std::size_t kOutputLimit = 16 * 1024;  // per stream: it is journaled
constexpr std::string_view kHidden = "(secret)";
constexpr std::string_view kOwnVariables = "BASCULE_";

// As a program's output is shown: valid UTF-8.
std::vector<std::string> secrets_of(const CommandLine& command) {
  std::vector<std::string> secrets;
  const auto add = [&](const Word& word) {
    if (word.secret && word.text.size() >= kShortestSecret) secrets.push_back(to_utf8(word.text));
  };
  for (const Word& word : command.words) add(word);
  for (const auto& [name, word] : command.environment) add(word);
  // The longest first: one may be a part of another.
  std::ranges::sort(secrets, std::ranges::greater(), &std::string::size);
  return secrets;
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (std::size_t at = text.find(secret); at != std::string::npos;
         at = text.find(secret, at + kHidden.size())) {
      text.replace(at, secret.size(), kHidden);
    }
  }
  return text;
}

// The end of `text` may be the beginning of a secret whose rest was left out.
void hide_cut_end(std::string& text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (std::size_t size = secret.size() - 1; size >= kShortestSecret; --size) {
      if (!text.ends_with(std::string_view(secret).substr(0, size))) continue;
      text.replace(text.size() - size, size, kHidden);
      return;
    }
  }
}

// Its beginning may be the end of one.
void hide_cut_begin(std::string& text, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    for (std::size_t size = secret.size() - 1; size >= kShortestSecret; --size) {
      if (!text.starts_with(std::string_view(secret).substr(secret.size() - size))) continue;
      text.replace(0, size, kHidden);
      return;
    }
  }
}

Result<Word> read_word(const Json& setting, std::string_view name, const Secrets& secrets) {
  const bool secret = is_secret_reference(setting);
  if (!secret && !setting.is_string())
    return fail(ErrorCode::invalid, "`{}` holds a word that is no text", name);
  Result<std::string> text = secrets.reveal(setting);
  if (!text) return fail(in_context(name, text.error()));
  return Word{std::move(*text), secret};
}

Result<void> check_variable(const std::string& name, const Word& value) {
  const bool usable =
      !name.empty() && name.find('=') == std::string::npos && name.find('\0') == std::string::npos;
  if (!usable) return fail(ErrorCode::invalid, "environment: `{}` cannot be a variable", name);
  if (name.starts_with(kOwnVariables))
    return fail(ErrorCode::invalid, "environment: {} is set by Bascule itself", name);
  if (value.text.find('\0') != std::string::npos)
    return fail(ErrorCode::invalid, "environment: the value of {} holds a NUL", name);
  return {};
}

}  // namespace

Field command_field(std::string name, std::string summary, bool required) {
  Field field{.name = std::move(name),
              .type = FieldType::list,
              .summary = std::move(summary),
              .required = required};
  field.items = {Field{.name = "word", .type = FieldType::text}};
  return field;
}

std::vector<Field> common_fields() {
  Field environment{.name = "environment",
                    .type = FieldType::map,
                    .summary =
                        "Variables for the command; of ours it gets PATH, HOME, LANG and "
                        "the like.",
                    .default_value = Json::object()};
  environment.items = {Field{.name = "value"}};
  return {environment,
          Field{.name = "directory", .summary = "Where it runs; default: where Bascule runs."}};
}

Result<CommandLine> read_command_line(const Json& settings, std::string_view name,
                                      const Secrets& secrets) {
  CommandLine command;
  const auto found = settings.find(name);
  if (found == settings.end() || !found->is_array()) return command;
  for (const Json& setting : *found) {
    Result<Word> word = read_word(setting, name, secrets);
    if (!word) return error_of(word);
    command.words.push_back(std::move(*word));
  }
  for (const auto& [variable, setting] : settings.value("environment", Json::object()).items()) {
    Result<Word> value = read_word(setting, "environment", secrets);
    if (!value) return error_of(value);
    if (auto usable = check_variable(variable, *value); !usable) return error_of(usable);
    command.environment.emplace(variable, std::move(*value));
  }
  command.directory = text_or(settings, "directory");
  return command;
}

std::string CommandLine::program() const {
  return words.front().secret ? std::string(kHidden) : words.front().text;
}

std::string shown(const CommandLine& command) {
  std::string text;
  for (const Word& word : command.words) {
    if (!text.empty()) text += ' ';
    text += word.secret ? kHidden : word.text;
  }
  return text;
}

awaitable<Result<Exit>> execute(Clock& clock, CommandLine command_line,
                                std::map<std::string, std::string> identity, Duration grace,
                                Deadline deadline) {
  Command command;
  for (const Word& word : command_line.words) command.argv.push_back(word.text);
  command.working_directory = command_line.directory;
  command.output_limit = kOutputLimit;
  command.grace = grace;
  command.environment = std::move(identity);
  for (const auto& [name, value] : command_line.environment)
    command.environment.emplace(name, value.text);
  const auto said = std::make_shared<std::string>();
  ChildWatcher watcher;
  watcher.on_killed = [said, command_line](const Exit& exit) {
    *said = last_line(exit, command_line);
  };
  Result<Exit> exit = co_await run_command(clock, std::move(command), deadline, std::move(watcher));
  if (exit) co_return exit;
  Error error = exit.error();
  error.message = without(std::move(error.message), secrets_of(command_line));
  if (!said->empty()) error.message += fmt::format("; it said last: {}", *said);
  co_return fail(std::move(error));
}

std::string text_of(const Output& output, const CommandLine& command) {
  const std::vector<std::string> secrets = secrets_of(command);
  Output clean = output;
  clean.head = without(std::move(clean.head), secrets);
  clean.tail = without(std::move(clean.tail), secrets);
  if (!output.truncated()) return clean.text();
  hide_cut_end(clean.head, secrets);
  hide_cut_begin(clean.tail, secrets);
  return clean.text();
}

std::string one_line(std::string text, std::size_t limit) {
  // What a program writes could move the cursor, set the title or hide lines of a terminal.
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < ' ' || byte == 0x7F) letter = ' ';
  }
  if (text.size() <= limit) return text;
  // Cuts between characters, not inside one.
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

std::string last_line(const Exit& exit, const CommandLine& command) {
  std::string text = text_of(exit.standard_error, command);
  if (text.empty()) text = text_of(exit.standard_output, command);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const std::size_t line = text.find_last_of('\n');
  if (line != std::string::npos) text.erase(0, line + 1);
  return one_line(std::move(text), kShownBytes);
}

}  // namespace bascule::hook
