#include "providers/hook/command_line.h"

#include <fmt/format.h>

namespace bascule::hook {
namespace {

constexpr std::size_t kShownBytes = 300;
constexpr std::size_t kShortestSecret = 4;
constexpr const char* kHidden = "(secret)";

// Cuts between characters, not inside one.
void shorten(std::string& text, std::size_t limit) {
  if (text.size() <= limit) return;
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
}

// What a program writes could move the cursor, set the title or hide lines of a terminal.
void blank_controls(std::string& text) {
  for (char& letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte < ' ' || byte == 0x7F) letter = ' ';
  }
}

}  // namespace

Result<CommandLine> read_command_line(const Json& settings, std::string_view name,
                                      const Secrets& secrets) {
  CommandLine command;
  const auto found = settings.find(name);
  if (found == settings.end() || !found->is_array()) return command;
  for (const Json& word : *found) {
    const bool secret = is_secret_reference(word);
    if (!secret && !word.is_string())
      return fail(ErrorCode::invalid, "`{}` holds a word that is no text", name);
    Result<std::string> text = secrets.reveal(word);
    if (!text) return fail(in_context(name, text.error()));
    command.push_back(Word{std::move(*text), secret});
  }
  return command;
}

std::vector<std::string> arguments(const CommandLine& command) {
  std::vector<std::string> words;
  for (const Word& word : command) words.push_back(word.text);
  return words;
}

std::string shown(const CommandLine& command) {
  std::string text;
  for (const Word& word : command) {
    if (!text.empty()) text += ' ';
    text += word.secret ? kHidden : word.text;
  }
  return text;
}

std::string without_secrets(std::string text, const CommandLine& command) {
  for (const Word& word : command) {
    if (!word.secret || word.text.size() < kShortestSecret) continue;
    const std::size_t step = std::string_view(kHidden).size();
    for (std::size_t at = text.find(word.text); at != std::string::npos;
         at = text.find(word.text, at + step)) {
      text.replace(at, word.text.size(), kHidden);
    }
  }
  return text;
}

std::string last_line(const Exit& exit, const CommandLine& command) {
  std::string text = exit.standard_error.text();
  if (text.empty()) text = exit.standard_output.text();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  const std::size_t line = text.find_last_of('\n');
  if (line != std::string::npos) text.erase(0, line + 1);
  text = without_secrets(std::move(text), command);
  blank_controls(text);
  shorten(text, kShownBytes);
  return text;
}

}  // namespace bascule::hook
