// Answers: what went wrong and what helps, one clause each, on one line where there is room; and
// what was accepted.
#include <fmt/format.h>

#include "app/terminal/page.h"
#include "app/terminal/texts.h"
#include "app/terminal/view_reading.h"

namespace bascule::app {
namespace {

std::string complaint(const std::string& message, const std::string& what_to_do, const Look& look) {
  Page page(look);
  const std::string lead = what_to_do.starts_with("bascule ") ? "try: " : "";
  const std::string whole = fmt::format("bascule: {}; {}{}", message, lead, what_to_do);
  if (what_to_do.empty()) {
    page.flow({{"bascule:", Tone::bad}, {" " + message}}, 0, 9);
  } else if (width(whole) <= look.columns) {
    page.flow({{"bascule:", Tone::bad}, {fmt::format(" {}; {}{}", message, lead, what_to_do)}}, 0,
              9);
  } else {
    page.flow({{"bascule:", Tone::bad}, {" " + message}}, 0, 9);
    // It may be a command to be copied.
    page.verbatim("         what helps: " + what_to_do);
  }
  return page.text();
}

}  // namespace

std::string error_text(const Error& error, const Look& look) {
  return complaint(error.message, error.what_to_do, look);
}

std::string refusal_text(const Json& body, const Look& look) {
  const Json& error = member(body, "error");
  const std::string gate = text_or(body, "refused_by");
  std::string message = text_or(error, "message", text_or(body, "text"));
  if (message.empty()) message = "the answer is no, without a reason";
  if (!gate.empty()) message = fmt::format("refused by gate {}: {}", gate, message);
  return complaint(message, text_or(error, "what_to_do"), look);
}

std::string answer_text(const Json& answer, const Look& look) {
  Page page(look);
  const std::string text = text_or(answer, "text", "accepted");
  page.flow({{kDone, Tone::good}, {" " + text}}, 0, 2);
  const Json& run = member(answer, "run");
  const std::string state = text_or(run, "state");
  if (state == "running" || state == "waiting") {
    page.verbatim(fmt::format("  follow it: bascule show {} --follow", text_or(run, "run")));
  }
  return page.text();
}

}  // namespace bascule::app
