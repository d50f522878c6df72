#include "app/terminal/look.h"

#include <gtest/gtest.h>

#include <map>

#include "app/terminal/live_area.h"
#include "app/terminal/page.h"
#include "app/terminal/recorder_for_test.h"
#include "app/terminal/terminal.h"

namespace bascule::app {
namespace {

TEST(Look, WidthCountsCodePoints) {
  EXPECT_EQ(width(""), 0U);
  EXPECT_EQ(width("abc"), 3U);
  EXPECT_EQ(width("✔ ‖ ◆"), 5U);
  EXPECT_EQ(width("ü→ü"), 3U);
  EXPECT_EQ(width("\xff\xfe"), 2U);
}

TEST(Look, WhatIsNotFitToShowIsReplaced) {
  Look look;
  EXPECT_EQ(fit_to_show("a\tb\nc", look), "a b c");
  EXPECT_EQ(fit_to_show("\x1b[31m", look), "?[31m");
  EXPECT_EQ(fit_to_show("\xc2\x9b", look), "?") << "C1 controls are obeyed by some terminals";
  EXPECT_EQ(fit_to_show("\xff", look), "?");
  EXPECT_EQ(fit_to_show("\xe2\x80", look), "??");
  EXPECT_EQ(fit_to_show("\xc0\xaf", look), "??") << "overlong";
  look.unicode = false;
  EXPECT_EQ(fit_to_show("✔ a → b · ü", look), "+ a -> b - ?");
}

Look look_with(std::map<std::string, std::string> variables, bool is_terminal,
               std::size_t columns = 0, bool no_color = false) {
  return look_of(is_terminal, columns, no_color,
                 [&](const std::string& name) -> std::optional<std::string> {
                   const auto found = variables.find(name);
                   if (found == variables.end()) return std::nullopt;
                   return found->second;
                 });
}

TEST(Look, ColoursAreForTerminalsThatWantThem) {
  EXPECT_TRUE(look_with({}, true).colours);
  EXPECT_FALSE(look_with({}, false).colours);
  EXPECT_FALSE(look_with({{"NO_COLOR", "1"}}, true).colours);
  EXPECT_TRUE(look_with({{"NO_COLOR", ""}}, true).colours) << "no-color.org: only when not empty";
  EXPECT_FALSE(look_with({{"TERM", "dumb"}}, true).colours);
  EXPECT_FALSE(look_with({}, true, 0, true).colours);
}

TEST(Look, TheFirstLocaleVariableThatIsSetDecides) {
  EXPECT_FALSE(look_with({}, true).unicode);
  EXPECT_TRUE(look_with({{"LANG", "en_US.UTF-8"}}, true).unicode);
  EXPECT_TRUE(look_with({{"LANG", "C.utf8"}}, true).unicode);
  EXPECT_FALSE(look_with({{"LANG", "en_US.UTF-8"}, {"LC_ALL", "C"}}, true).unicode);
  EXPECT_TRUE(look_with({{"LANG", "C"}, {"LC_ALL", ""}, {"LC_CTYPE", "de_DE.UTF8"}}, true).unicode);
}

TEST(Look, LinesAreAtMostAHundredColumns) {
  EXPECT_EQ(look_with({}, true, 200).columns, 100U);
  EXPECT_EQ(look_with({}, true, 80).columns, 80U);
  EXPECT_EQ(look_with({}, true, 5).columns, 40U);
  EXPECT_EQ(look_with({}, false, 80).columns, 100U) << "a file has no width";
}

TEST(Page, WordsFlowAndWhatIsBetweenBackticksStaysTogether) {
  Look look;
  look.columns = 30;
  Page page(look);
  page.flow({{"one two three four five six seven `bascule explain shop` end"}}, 0, 2);
  EXPECT_EQ(page.text(), "one two three four five six\n  seven `bascule explain shop`\n  end\n");
}

TEST(Page, AWordWiderThanThePageStandsAlone) {
  Look look;
  look.columns = 20;
  Page page(look);
  page.flow({{"a 0123456789012345678901234567890 b"}});
  EXPECT_EQ(page.text(), "a\n0123456789012345678901234567890\nb\n");
}

TEST(Page, TheWidestFlowingColumnGivesRoom) {
  Look look;
  look.columns = 34;
  Page page(look);
  Table table;
  table.columns = {Column("A"), Column("TEXT", true), Column("N", false, true)};
  table.rows = {{{"first"}, {"some words that go on"}, {"1"}}, {{"x"}, {"short"}, {"200"}}};
  page.table(table);
  EXPECT_EQ(page.text(),
            "A      TEXT                     N\nfirst  some words that go on    1\n"
            "x      short                  200\n");
  look.columns = 27;
  Page narrow(look);
  narrow.table(table);
  EXPECT_EQ(narrow.text(),
            "A      TEXT               N\nfirst  some words that    1\n       go on\n"
            "x      short            200\n");
}

TEST(LiveArea, DrawsOverWhatItDrewBefore) {
  Recorder terminal;
  LiveArea area;
  area.draw(terminal, "one\ntwo\n");
  EXPECT_EQ(terminal.data, "one\x1b[K\ntwo\x1b[K\n\x1b[J");
  terminal.data.clear();
  area.draw(terminal, "three\n");
  EXPECT_EQ(terminal.data, "\x1b[2Fthree\x1b[K\n\x1b[J");
}

}  // namespace
}  // namespace bascule::app
