// A piece of a terminal that is drawn again in place. Only for terminals that obey the common
// escape sequences (ECMA-48), and for texts whose lines fit.
#pragma once

#include <cstddef>
#include <string>

#include "app/terminal/terminal.h"

namespace bascule::app {

class LiveArea {
 public:
  // Replaces what the last call drew. `text`: lines, each with its line feed.
  void draw(Terminal& terminal, const std::string& text);

 private:
  std::size_t lines_ = 0;
};

}  // namespace bascule::app
