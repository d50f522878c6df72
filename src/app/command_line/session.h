// One command being carried out: its arguments, the terminal, time, and the few ways in which every
// command speaks: data on standard output, messages on standard error, JSON or YAML alone where it
// was asked for.
#pragma once

#include <boost/asio/io_context.hpp>

#include <functional>
#include <optional>
#include <string>

#include "app/backend.h"
#include "app/command_line/arguments.h"
#include "app/exit_code.h"
#include "app/terminal/terminal.h"
#include "async/block_on.h"
#include "async/clock.h"

namespace bascule::app {

class Session {
 public:
  // The terminal outlives the session.
  Session(Terminal& terminal, Variables variables, Arguments arguments);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Arguments& arguments() const { return arguments_; }
  void replace_arguments(Arguments arguments) { arguments_ = std::move(arguments); }
  // What a saved plan says instead of the command line: the group, where to, and what it rests on.
  void fill_in(std::string group, std::string to, Json plan_basis);
  [[nodiscard]] const Json& plan_basis() const { return plan_basis_; }
  [[nodiscard]] Terminal& terminal() { return terminal_; }
  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] Clock& clock() { return clock_; }
  [[nodiscard]] const Look& data_look() const { return data_look_; }
  [[nodiscard]] const Look& message_look() const { return message_look_; }
  // data_look() for the terminal as wide as it is by now.
  [[nodiscard]] Look data_look_now() const;
  // A variable of the environment; nothing where it is not set or empty.
  [[nodiscard]] std::optional<std::string> variable(const std::string& name) const;
  // --actor, or USER@HOST.
  [[nodiscard]] std::string actor() const;

  // Data: the view as JSON or YAML, or the text made of it, as was asked for.
  void show(const Json& view, const std::string& text);
  // One of many views, where one was asked for: a line of JSON, or a document of YAML.
  void show_one_of_many(const Json& view);
  // Data as text, where no view was asked for.
  void show_text(const std::string& text);
  // A message as it is.
  void say_text(const std::string& text);
  // A message of one sentence.
  void say(const std::string& sentence);

  // Says what went wrong and how the command ends therefore. With -o json or yaml, {error: …} is
  // the data.
  ExitCode fail(const Error& error);
  ExitCode fail_usage(std::string message, std::string what_to_do = "");
  // The same of an answer that is not 200; its body is the data.
  ExitCode refuse(const Reply& reply);

  // Asks a person; everything else goes on meanwhile. REQUIRES: terminal().can_ask().
  awaitable<bool> confirm(std::string question);
  awaitable<std::string> ask_line(std::string question);

 private:
  void write_view(const Json& view);

  Terminal& terminal_;
  Variables variables_;
  Arguments arguments_;
  Json plan_basis_ = nullptr;
  Look data_look_;
  Look message_look_;
  boost::asio::io_context io_;
  SystemClock clock_;
};

ExitCode exit_code_of(const Error& error);
ExitCode exit_code_of_status(int status);

}  // namespace bascule::app
