#include "app/command_line/session.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"
#include "app/terminal/yaml.h"
#include "async/pool.h"

namespace bascule::app {
namespace {

std::string host_name() {
  constexpr std::size_t kLongest = 256;
  std::array<char, kLongest> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown-host";
  return name.data();
}

std::string user_name(const Session& session) {
  if (auto name = session.variable("USER")) return *name;
  const passwd* entry = ::getpwuid(::geteuid());
  return entry != nullptr && entry->pw_name != nullptr ? entry->pw_name : "somebody";
}

Json error_body(const Error& error) {
  return Json{
      {"error",
       {{"code", std::string(to_string(error.code))},
        {"message", error.message},
        {"what_to_do", error.what_to_do.empty() ? Json(nullptr) : Json(error.what_to_do)}}}};
}

}  // namespace

Session::Session(Terminal& terminal, Variables variables, Arguments arguments)
    : terminal_(terminal),
      variables_(std::move(variables)),
      arguments_(std::move(arguments)),
      data_look_(
          look_of(terminal.shows_data(), terminal.columns(), arguments_.no_color, variables_)),
      message_look_(
          look_of(terminal.shows_messages(), terminal.columns(), arguments_.no_color, variables_)),
      clock_(io_) {}

Look Session::data_look_now() const {
  return look_of(terminal_.shows_data(), terminal_.columns(), arguments_.no_color, variables_);
}

std::optional<std::string> Session::variable(const std::string& name) const {
  auto value = variables_(name);
  if (value && value->empty()) return std::nullopt;
  return value;
}

std::string Session::actor() const {
  if (!arguments_.actor.empty()) return arguments_.actor;
  return fmt::format("{}@{}", user_name(*this), host_name());
}

void Session::fill_in(std::string group, std::string to, Json plan_basis) {
  arguments_.group = std::move(group);
  arguments_.to = std::move(to);
  plan_basis_ = std::move(plan_basis);
}

void Session::show(const Json& view, const std::string& text) {
  if (arguments_.wants_view()) return write_view(view);
  terminal_.write_data(text);
}

void Session::write_view(const Json& view) {
  const bool is_yaml = arguments_.output == "yaml";
  terminal_.write_data(is_yaml ? to_yaml(view) : to_pretty_text(view) + "\n");
}

void Session::show_one_of_many(const Json& view) {
  if (!arguments_.wants_view()) return;
  const bool is_yaml = arguments_.output == "yaml";
  terminal_.write_data(is_yaml ? "---\n" + to_yaml(view) : to_text(view) + "\n");
}

void Session::show_text(const std::string& text) {
  if (!arguments_.wants_view()) terminal_.write_data(text);
}

void Session::say_text(const std::string& text) {
  terminal_.write_message(text);
}

void Session::say(const std::string& sentence) {
  terminal_.write_message(fit_to_show(sentence, message_look_) + "\n");
}

ExitCode Session::fail(const Error& error) {
  if (arguments_.wants_view()) write_view(error_body(error));
  terminal_.write_message(error_text(error, message_look_));
  return exit_code_of(error);
}

ExitCode Session::fail_usage(std::string message, std::string what_to_do) {
  if (what_to_do.empty()) what_to_do = fmt::format("bascule {} --help", arguments_.command);
  return fail(Error{ErrorCode::invalid, std::move(message), std::move(what_to_do), std::nullopt});
}

ExitCode Session::refuse(const Reply& reply) {
  if (arguments_.wants_view()) write_view(reply.body);
  terminal_.write_message(refusal_text(reply.body, message_look_));
  return exit_code_of_status(reply.status);
}

awaitable<bool> Session::confirm(std::string question) {
  const std::string answer = co_await ask_line(question + " [y/N] ");
  co_return answer == "y" || answer == "Y" || answer == "yes";
}

awaitable<std::string> Session::ask_line(std::string question) {
  terminal_.write_message(fit_to_show(question, message_look_));
  // On a thread of its own: with --local the sites are watched while a person thinks.
  BlockingPool pool(1, 1);
  const auto read = [this] { return terminal_.read_line(); };
  const auto line = co_await pool.run(read);
  std::string answer = line ? line->value_or("") : "";
  while (answer.ends_with(' ') || answer.ends_with('\r')) answer.pop_back();
  co_return answer;
}

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid:
    case ErrorCode::denied:
      return ExitCode::usage;
    case ErrorCode::timeout:
    case ErrorCode::outcome_unknown:
    case ErrorCode::canceled:
      return ExitCode::unknown;
    case ErrorCode::unavailable:
    case ErrorCode::unable:
    case ErrorCode::term_over:
      return ExitCode::not_reachable;
    case ErrorCode::conflict:
    case ErrorCode::superseded:
      return ExitCode::refused;
    case ErrorCode::throttled:
    case ErrorCode::not_found:
    case ErrorCode::corrupt:
      return ExitCode::no;
  }
  return ExitCode::no;
}

ExitCode exit_code_of_status(int status) {
  switch (status) {
    case 200:
      return ExitCode::done;
    case 400:
    case 401:
    case 403:
      return ExitCode::usage;
    case 409:
      return ExitCode::refused;
    case 503:
      return ExitCode::not_reachable;
    case 504:
      return ExitCode::unknown;
    default:
      return ExitCode::no;
  }
}

}  // namespace bascule::app
