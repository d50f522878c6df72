// Gates 1, 4 and 5: what keeps Bascule from acting by itself. A person may always act past them.
#include <algorithm>
#include <limits>

#include "engine/gates/ask.h"
#include "engine/lookups.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

GateAnswer held(const Hold& hold, const std::string& what, const std::string& release) {
  std::string because =
      fmt::format("{}held by {} since {}", what, hold.actor, clock_time(hold.since));
  if (hold.until) because += " until " + clock_time(*hold.until);
  if (!hold.reason.empty()) because += fmt::format(" ({})", hold.reason);
  GateAnswer answer = it_refuses(fmt::format("{}: `{}`", because, release));
  answer.since = hold.since;
  answer.until = hold.until;
  answer.evidence = {{"held_by", hold.actor}, {"reason", hold.reason}};
  return answer;
}

// The wait after an automatic move: the policy's, multiplied with every flap, saturating.
Duration cooldown_of(const Policy& policy, std::int64_t flaps) {
  constexpr Duration kLongest{std::numeric_limits<std::int64_t>::max() / 1'000'000};
  Duration wait = std::min(policy.cooldown, kLongest);
  const std::int64_t grow = std::max<std::int64_t>(policy.flap_grow, 1);
  for (std::int64_t flap = 1; flap < flaps && grow > 1; ++flap) {
    if (wait > kLongest / grow) return kLongest;
    wait *= grow;
  }
  return wait;
}

// After an automatic run that was rolled back the next candidate is tried at once: the episode is
// the same, the source is as lost as before.
bool follows_a_rollback(const Question& question) {
  const auto last = question.state.runs.find(question.status.last_run);
  if (last == question.state.runs.end()) return false;
  const Run& run = last->second;
  return run.trigger == Trigger::automatic && run.state == RunState::rolled_back &&
         run.plan.source == question.proposal.source &&
         run.plan.target != question.proposal.target &&
         std::ranges::find(question.status.tried, run.plan.target) != question.status.tried.end();
}

}  // namespace

GateAnswer ask_mode(const Question& question) {
  const Policy& policy = question.group.policy;
  const std::string mode(to_string(policy.mode));
  GateAnswer answer;
  if (is_in_force(question.state.hold, question.now)) {
    answer = held(*question.state.hold, "everything is ", "bascule release --reason TEXT");
  } else if (is_in_force(question.status.hold, question.now)) {
    answer = held(*question.status.hold, "",
                  fmt::format("bascule release {} --reason TEXT", question.group.name));
  } else {
    switch (policy.mode) {
      case Mode::automatic:
        answer = it_holds("automatic");
        break;
      case Mode::manual:
        answer = it_refuses("the mode is manual: a person starts every move");
        break;
      case Mode::shadow:
        answer = it_refuses("the mode is shadow: what would be done is only journaled");
        break;
      case Mode::approve:
        answer = it_refuses("the mode is approve: a move waits for a person");
        break;
    }
  }
  answer.evidence["mode"] = mode;
  return answer;
}

GateAnswer ask_not_everything(const Question& question) {
  std::string passing;
  std::string refused;
  Json candidates = Json::object();
  for (const SiteSpec& site : question.group.sites) {
    if (site.name == question.proposal.source || !site.can_be_target) continue;
    Proposal proposal = question.proposal;
    proposal.target = site.name;
    const GateAnswer answer =
        ask_gate(GateName::target, question.state, question.readings, proposal, question.now);
    candidates[site.name.text()] = answer.holds;
    std::string& list = answer.holds ? passing : refused;
    if (!list.empty()) list += answer.holds ? ", " : "; ";
    list += answer.holds ? site.name.text() : answer.because;
  }
  GateAnswer answer;
  if (!passing.empty()) {
    const bool several = passing.find(',') != std::string::npos;
    answer = it_holds(passing + (several ? " pass" : " passes"));
  } else if (refused.empty()) {
    answer = it_refuses("no other site may be a target");
  } else {
    answer = it_refuses("no candidate passes: " + refused);
  }
  answer.evidence = {{"candidates", candidates}};
  return answer;
}

GateAnswer ask_cooldown(const Question& question) {
  const GroupStatus& status = question.status;
  const Proposal& proposal = question.proposal;
  const bool tried = std::ranges::find(status.tried, proposal.target) != status.tried.end();
  GateAnswer answer;
  if (!proposal.target.empty() && tried) {
    answer = it_refuses(
        fmt::format("{} was tried already in this failure: one failure starts at most one "
                    "automatic run for each candidate",
                    proposal.target));
  } else if (!status.declined.empty()) {
    answer = it_refuses(
        fmt::format("{} was proposed in this failure and not approved: it is not proposed again",
                    status.declined));
  } else if (!status.last_automatic_at) {
    answer = it_holds("no automatic move yet");
  } else {
    const Instant last = *status.last_automatic_at;
    const Duration wait = cooldown_of(question.group.policy, status.flaps);
    const std::string when = "last automatic move " + ago(last, question.now);
    answer.since = last;
    if (status.acknowledged) {
      answer = it_holds(when + ", acknowledged");
    } else if (question.now >= last + wait) {
      answer = it_holds(when);
    } else if (follows_a_rollback(question)) {
      answer = it_holds(when + ", rolled back: the next candidate is tried");
    } else {
      answer =
          it_refuses(fmt::format("{}, cooling down for another {}: `bascule ack {} --reason TEXT`",
                                 when, span_text(last + wait - question.now), question.group.name));
      answer.until = last + wait;
    }
    answer.since = last;
    answer.evidence["cooldown_ms"] = wait.count();
  }
  answer.evidence["flaps"] = status.flaps;
  answer.evidence["last_automatic_at"] = moment(status.last_automatic_at);
  answer.evidence["acknowledged"] = status.acknowledged;
  answer.evidence["tried"] = Json::array();
  for (const SiteName& site : status.tried) answer.evidence["tried"].push_back(site.text());
  return answer;
}

}  // namespace bascule::engine
