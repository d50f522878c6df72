// Where a command is used: two streams to write to, a person who may be asked, and what the place
// can show. The real one is the process's; tests bring their own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/terminal/look.h"

namespace bascule::app {

class Terminal {
 public:
  virtual ~Terminal() = default;

  virtual void write_data(std::string_view text) = 0;     // standard output
  virtual void write_message(std::string_view text) = 0;  // standard error
  // Why data could not be written, where that was not its reader's will; empty: all was.
  [[nodiscard]] virtual std::string lost_because() const { return ""; }
  // One line of an answer, without its end; nothing when the input has ended. Blocks.
  virtual std::optional<std::string> read_line() = 0;

  [[nodiscard]] virtual bool shows_data() const = 0;      // standard output is a terminal
  [[nodiscard]] virtual bool shows_messages() const = 0;  // standard error is one
  [[nodiscard]] virtual bool can_ask() const = 0;         // a person sees a question and can answer
  [[nodiscard]] virtual std::size_t columns() const = 0;  // of the terminal; 0: none
  [[nodiscard]] virtual std::size_t rows() const = 0;     // the same
};

// The process's own streams. Nobody else writes to them meanwhile.
std::unique_ptr<Terminal> process_terminal();

using Variables = std::function<std::optional<std::string>(const std::string& name)>;

// How text may look on a stream that is a terminal or not: no colours with NO_COLOR (when not
// empty, no-color.org), TERM=dumb or --no-color; ASCII where the locale is not UTF-8; at most 100
// columns.
Look look_of(bool is_terminal, std::size_t columns, bool no_color, const Variables& variables);

}  // namespace bascule::app
