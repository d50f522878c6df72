#include "engine/run_story.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/execution.h"
#include "engine/gates/gate.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

std::string with_reason(std::string sentence, const std::string& reason) {
  return reason.empty() ? sentence : fmt::format("{}: {}", sentence, reason);
}

std::string why(const Run& run, Instant now) {
  const std::string who =
      run.trigger == Trigger::automatic ? "Bascule, by itself" : fmt::format("{}", run.actor);
  const bool approved = run.wait && run.wait->what == WaitFor::approval;
  std::string sentence =
      fmt::format("{} ({}, {} → {}) was {} {} by {}", run.id, to_string(run.plan.move),
                  run.plan.source, run.plan.target, approved ? "proposed" : "started",
                  ago(approved ? run.opened_at : run.began_at.value_or(run.opened_at), now), who);
  sentence = with_reason(std::move(sentence), run.reason);
  if (approved && run.began_at && run.begun_by != kAutomation) {
    sentence =
        with_reason(fmt::format("{}; {} approved it", sentence, run.begun_by), run.begun_because);
  }
  return sentence;
}

const Json* answer_in(const Run& run, GateName name) {
  if (!run.gates.is_array()) return nullptr;
  const auto found = std::ranges::find_if(
      run.gates, [name](const Json& gate) { return text_or(gate, "name") == to_string(name); });
  return found == run.gates.end() ? nullptr : &*found;
}

// What spoke for it. A planned move rests on no failure, and loses nothing.
std::optional<std::string> evidence(const Run& run) {
  constexpr std::array kOfFailover{GateName::verdict, GateName::target, GateName::data_loss};
  std::vector<std::string> clauses;
  for (const GateName name : kOfFailover) {
    if (is_planned(run.plan.move) && name != GateName::target) continue;
    const Json* answer = answer_in(run, name);
    if (answer != nullptr && boolean_or(*answer, "holds"))
      clauses.push_back(text_or(*answer, "because"));
  }
  if (clauses.empty()) return std::nullopt;
  return fmt::format("it rested on: {}", fmt::join(clauses, "; "));
}

// The gates that refused, and that somebody passed by name.
std::vector<std::string> passed(const Run& run) {
  std::vector<std::string> sentences;
  for (const std::string& word : run.overrides) {
    const auto name = gate_from(word);
    const Json* answer = name ? answer_in(run, *name) : nullptr;
    if (answer == nullptr || boolean_or(*answer, "holds")) continue;
    sentences.push_back(fmt::format("{} passed gate {} by name, which refused: {}", run.actor, word,
                                    text_or(*answer, "because")));
  }
  return sentences;
}

std::string outage(const Run& run) {
  if (!run.outage_began_at || !run.outage_ended_at) return "";
  std::string text = fmt::format("; clients were without it for {}",
                                 span_text(*run.outage_ended_at - *run.outage_began_at));
  const Instant decided_at = run.began_at.value_or(run.opened_at);
  if (run.verdict_at && *run.verdict_at > *run.outage_began_at) {
    text += fmt::format(" ({} until it was sure, {} until it was decided, {} for the steps)",
                        span_text(*run.verdict_at - *run.outage_began_at),
                        span_text(decided_at - *run.verdict_at),
                        span_text(*run.outage_ended_at - decided_at));
  }
  return text;
}

std::string ending(const Run& run) {
  const std::string after =
      run.ended_at ? span_text(*run.ended_at - run.began_at.value_or(run.opened_at)) : "";
  switch (run.state) {
    case RunState::done:
      return fmt::format("it was done after {}: {} is active{}", after, run.plan.target,
                         outage(run));
    case RunState::rolled_back:
      return with_reason(
          fmt::format("it was taken back after {}, and {} stayed active", after, run.plan.source),
          run.because);
    case RunState::aborted:
      return with_reason("it ended before its first step", run.because);
    case RunState::parked:
      return with_reason("it is parked", run.because);
    case RunState::running:
      return run.rolling_back ? with_reason("it is being taken back", run.because) : "it goes on";
    case RunState::waiting:
      return "it has not begun";
  }
  return "";
}

// What is lost is not what was copied in time.
std::optional<std::string> loss(const Run& run) {
  if (run.state != RunState::done) return std::nullopt;
  if (run.exact_rows)
    return fmt::format("it lost exactly {} {}", *run.exact_rows,
                       *run.exact_rows == 1 ? "row" : "rows");
  if (run.exact_bytes) return fmt::format("it lost exactly {} of log", size_text(*run.exact_bytes));
  if (!run.loss_bound && !run.loss_bound_bytes) return std::nullopt;
  if (is_planned(run.plan.move))
    return "it lost nothing: the target had everything before it began";
  std::string bound;
  if (run.loss_bound) bound = span_text(*run.loss_bound);
  if (run.loss_bound_bytes)
    bound += fmt::format("{}{}", bound.empty() ? "" : " and ", size_text(*run.loss_bound_bytes));
  return fmt::format("it lost at most {}; how much exactly is known once {} is back and compared",
                     bound, run.plan.source);
}

std::optional<std::string> owed(const State& state, const Run& run) {
  std::vector<std::string> debts;
  for (const auto& [id, obligation] : state.obligations) {
    if (obligation.run == run.id)
      debts.push_back(fmt::format("{} of {}", to_string(obligation.kind), obligation.site));
  }
  if (debts.empty()) return std::nullopt;
  return fmt::format("still owed: {}", fmt::join(debts, ", "));
}

}  // namespace

std::vector<std::string> story_of(const State& state, const Run& run, Instant now) {
  std::vector<std::string> story{why(run, now)};
  const auto add = [&story](std::optional<std::string> sentence) {
    if (sentence) story.push_back(*std::move(sentence));
  };
  add(evidence(run));
  for (std::string& sentence : passed(run)) story.push_back(std::move(sentence));
  story.push_back(ending(run));
  add(loss(run));
  add(owed(state, run));
  return story;
}

}  // namespace bascule::engine
