// Help as text: the overview of all commands, and one command with its options and examples.
#include <fmt/format.h>

#include <algorithm>

#include "app/command_line/command_line.h"
#include "app/command_line/parser.h"
#include "app/terminal/page.h"

namespace bascule::app {
namespace {

void add_options(Page& page, const std::vector<OptionText>& options) {
  Table table;
  table.indent = 2;
  table.with_titles = false;
  table.columns = {Column("names"), Column("description", true)};
  for (const OptionText& option : options)
    table.rows.push_back({{option.names}, {option.description}});
  page.table(table);
}

void add_options_of_all(Page& page) {
  page.gap();
  page.flow({{"Options of every command"}});
  std::vector<OptionText> options = options_of_all();
  options.push_back({"-h, --help", "this text"});
  add_options(page, options);
}

void add_paragraphs(Page& page, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    page.gap();
    page.flow({{std::string(text.substr(0, end))}});
    text.remove_prefix(std::min(end + 2, text.size()));
  }
}

}  // namespace

std::string overview() {
  Page page{Look{}};
  page.flow({{"bascule moves a service between its sites: it watches, decides, and acts."}});
  page.gap();
  page.flow({{"usage: bascule COMMAND [ARGUMENT]... [OPTION]..."}});
  std::size_t widest = 0;
  for (const Family& family : families()) {
    for (const Command& command : family.commands) widest = std::max(widest, command.name.size());
  }
  for (const Family& family : families()) {
    page.gap();
    page.flow({{family.title}});
    for (const Command& command : family.commands) {
      page.flow(
          {{command.name + std::string(widest + 3 - command.name.size(), ' ')}, {command.summary}},
          2, widest + 5);
    }
  }
  add_options_of_all(page);
  page.gap();
  page.flow({{"`bascule COMMAND --help` shows a command with examples."}});
  return page.text();
}

std::string help_of(const Command& command) {
  Page page{Look{}};
  page.flow({{fmt::format("usage: bascule {} {}", command.name, command.usage)}}, 0, 7);
  add_paragraphs(page, command.about);
  page.gap();
  page.flow({{"Examples"}});
  for (const Example& example : command.examples) {
    page.verbatim("  " + example.line);
    if (!example.meaning.empty()) page.flow({{example.meaning}}, 6, 6);
  }
  const std::vector<OptionText> options = options_of(command);
  if (!options.empty()) {
    page.gap();
    page.flow({{"Options"}});
    add_options(page, options);
  }
  add_options_of_all(page);
  return page.text();
}

}  // namespace bascule::app
