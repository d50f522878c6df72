// A piece of a terminal that is drawn again in place. Only for terminals that obey the common
// escape sequences (ECMA-48). A text that is higher than the terminal is cut at its end: what has
// left the screen at its top could not be drawn again.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "app/terminal/terminal.h"

namespace bascule::app {

class LiveArea {
 public:
  // Replaces what the last call drew. `text`: lines, each with its line feed, that fit the width.
  void draw(Terminal& terminal, const std::string& text);

  // Replaces what was drawn by a text of any height that stays where it is: the next drawing goes
  // below it.
  void leave(Terminal& terminal, const std::string& text);

 private:
  [[nodiscard]] std::string back_to_the_first(const Terminal& terminal) const;

  std::vector<std::size_t> widths_;  // columns of each line that was drawn
};

}  // namespace bascule::app
