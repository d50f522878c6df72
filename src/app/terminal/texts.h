// The views of the API as a person reads them: one glance for the state, one sentence for the
// reason, one command for the next move. Times are relative where somebody looks and exact where a
// record is kept. Pure: what is not in the view (the time now) is handed in.
//
// None of these throws; a view with pieces missing makes a text with pieces missing.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "app/terminal/look.h"
#include "base/error.h"
#include "base/time.h"
#include "model/json.h"

namespace bascule::app {

std::string status_text(const Json& status, const Look& look);
std::string explain_text(const Json& explanation, const Look& look, Instant now);
std::string plan_text(const Json& plan, const Look& look);
// `preflight`: every item, what to do about it, and whether it lets the moves through.
std::string checklist_text(const Json& checklist, const Look& look);
std::string runs_text(const Json& runs, const Look& look, Instant now);
// Everything that is known of one run.
std::string run_text(const Json& run, const Look& look, Instant now);
std::string checks_text(const Json& checks, const Look& look);
// What a journal's decisions would be by other rules.
std::string replay_text(const Json& replay, const Look& look);

// One page that is drawn again and again while the run goes on; `leaving` says what ctrl-c does.
// In `most_lines` (0: any number) what fits is shown, what is under way first.
std::string live_run_text(const Json& run, const Look& look, Instant now,
                          const std::string& leaving, std::size_t most_lines = 0);
// The same where nothing can be drawn again: the head line, and one line for each step that ended.
std::string run_head_text(const Json& run, const Look& look);
std::string step_ended_text(const Json& run, const Json& step, const Look& look);
// How it ended: outage, loss, what is owed, and the command that helps now.
std::string run_end_text(const Json& run, const Look& look);

// What `watch` draws in at most `most_lines` (0: any number): where the groups stand, what is
// wrong, each open run of `runs` as a live page, and the checks as far as there is room; `footer`
// last.
struct Watched {
  Json status;
  std::vector<Json> runs;
  Instant now;
  std::string footer;
};
std::string watch_text(const Watched& watched, const Look& look, std::size_t most_lines);
// The same where nothing can be drawn again: a group as it stands, and what people are told of a
// record, each in one line that is not broken.
std::string group_line(const Json& group, const Look& look, Instant now);
std::string told_line(const Json& told, const Look& look);

// What a command was answered, once it was accepted.
std::string answer_text(const Json& answer, const Look& look);

// "bascule: no Bascule answers at …; start one: …".
std::string error_text(const Error& error, const Look& look);
// The same of the body of a refusal: {error: {…}} or an answer that was not accepted.
std::string refusal_text(const Json& body, const Look& look);

}  // namespace bascule::app
