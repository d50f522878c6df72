// Gates 8 and 9: one move at a time, and no site made active before the one it replaces is stopped.
#include <algorithm>

#include "engine/front_door.h"
#include "engine/gates/ask.h"
#include "engine/phrases.h"

namespace bascule::engine {
namespace {

// A switchover, a failback and a drill need `sealed`, whatever the policy says.
Rung needed_rung(const Policy& policy, Move move) {
  return is_planned(move) ? Rung::sealed : policy.fence.at_least;
}

bool may_proceed(const Policy& policy, Move move) {
  return policy.fence.proceed_otherwise && !is_planned(move);
}

// The highest rung of the fence steps that such a move would plan.
Rung planned_rung(const GroupSpec& group, const Proposal& proposal) {
  Rung highest = Rung::none;
  const SiteSpec* source = group.find_site(proposal.source);
  if (source == nullptr) return highest;
  for (const StepSpec& step : source->fence) {
    if (is_planned(proposal.move) && step.rung >= Rung::cut) continue;
    highest = std::max(highest, step.rung);
  }
  return highest;
}

const Run* run_of(const Question& question) {
  const Run* run = question.state.open_run(question.group.name);
  if (run == nullptr || run->id == question.proposal.supersedes) return nullptr;
  const bool same =
      run->plan.source == question.proposal.source && run->plan.target == question.proposal.target;
  return same ? run : nullptr;
}

bool is_fence_of_source(const Run& run, const Step& step) {
  return step.phase == Phase::fence && step.site == run.plan.source;
}

// What became of the fence steps that did not hold: `cut ended with "no answer" (3 attempts)`.
std::string failures_text(const Run& run) {
  std::string text;
  for (const Step& step : run.execution.steps) {
    const auto progress = run.execution.progress.find(step.id);
    if (!is_fence_of_source(run, step) || progress == run.execution.progress.end() ||
        progress->second.state != StepState::failed) {
      continue;
    }
    const std::int64_t attempts = progress->second.attempts;
    text += fmt::format("{}{}/{} ended with \"{}\" ({} {})", text.empty() ? "" : "; ", step.site,
                        step.name, progress->second.because, attempts,
                        attempts == 1 ? "attempt" : "attempts");
  }
  return text;
}

bool fence_is_under_way(const Run& run) {
  return std::ranges::any_of(run.execution.steps, [&](const Step& step) {
    if (!is_fence_of_source(run, step)) return false;
    const auto progress = run.execution.progress.find(step.id);
    return progress == run.execution.progress.end() || !has_ended(progress->second);
  });
}

std::string exposure(const SiteName& source) {
  return fmt::format("two writers are possible until {} is fenced", source);
}

GateAnswer answer_inside(const Question& question, const Run& run, Rung needed) {
  const SiteName& source = question.proposal.source;
  const Rung reached = reached_rung(question.state, run);
  GateAnswer answer;
  if (reached >= needed) {
    answer = it_holds(fmt::format("{} is {}", source, to_string(reached)));
  } else if (fence_is_under_way(run)) {
    answer = it_refuses(fmt::format("needs {}: {} is being fenced", to_string(needed), source));
  } else if (may_proceed(question.group.policy, question.proposal.move)) {
    answer = it_holds(exposure(source));
    answer.evidence["exposed"] = true;
  } else {
    const std::string failures = failures_text(run);
    answer = it_refuses(fmt::format(
        "needs {}: {}", to_string(needed),
        failures.empty() ? fmt::format("{} is {}", source,
                                       reached == Rung::none ? "not fenced" : to_string(reached))
                         : failures));
  }
  answer.evidence["reached"] = std::string(to_string(reached));
  return answer;
}

// The owed fence of an earlier run says best why the site could not be fenced.
std::string owed_text(const Question& question) {
  for (const auto& [id, obligation] : question.state.obligations) {
    if (obligation.group != question.group.name || obligation.site != question.proposal.source ||
        obligation.kind != ObligationKind::fence || obligation.last_error.empty()) {
      continue;
    }
    std::string text = fmt::format("; the last try ended with \"{}\"", obligation.last_error);
    if (obligation.next_at && *obligation.next_at > question.now) {
      text += ", the next is in " + span_text(*obligation.next_at - question.now);
    }
    return text;
  }
  return "";
}

GateAnswer answer_outside(const Question& question, Rung needed) {
  const SiteName& source = question.proposal.source;
  const Rung planned = planned_rung(question.group, question.proposal);
  GateAnswer answer;
  if (planned >= needed) {
    answer = it_holds(fmt::format("the plan can reach {} (needs {}){}", to_string(planned),
                                  to_string(needed), owed_text(question)));
  } else if (may_proceed(question.group.policy, question.proposal.move)) {
    answer = it_holds(exposure(source));
    answer.evidence["exposed"] = true;
  } else if (planned == Rung::none) {
    answer = it_refuses(
        fmt::format("needs {}, and {} has no step that fences it", to_string(needed), source));
  } else {
    answer = it_refuses(fmt::format("needs {}, and the fence of {} reaches {} only",
                                    to_string(needed), source, to_string(planned)));
  }
  answer.evidence["reachable"] = std::string(to_string(planned));
  return answer;
}

}  // namespace

GateAnswer ask_one_at_a_time(const Question& question) {
  const Run* open = question.state.open_run(question.group.name);
  if (open != nullptr && open->id == question.proposal.supersedes) open = nullptr;
  std::int64_t running = 0;
  for (const auto& [id, run] : question.state.runs) {
    if (run.state == RunState::running) ++running;
  }
  const std::int64_t limit = question.state.configuration.max_concurrent_runs;
  const ForeignLine* foreign = unfenced_claim(question.status, question.proposal.target);
  GateAnswer answer;
  if (is_taken(question.status)) {
    answer = it_refuses(fmt::format("{}, and this journal does not know what it did: {}",
                                    question.status.drift->because,
                                    what_helps_when_taken(question.group.name)));
    answer.since = question.status.drift->since;
  } else if (foreign != nullptr) {
    answer = it_refuses(fmt::format(
        "{} of another journal, whose claim was displaced, may still "
        "be making {} active: {}",
        foreign->run, foreign->target, what_helps_when_displaced(question.group.name, *foreign)));
    answer.since = foreign->since;
  } else if (open != nullptr && open->state == RunState::running) {
    answer = it_refuses(fmt::format("{} is running ({} to {}): `bascule show {}`", open->id,
                                    to_string(open->plan.move), open->plan.target, open->id));
    answer.since = open->opened_at;
  } else if (open != nullptr) {
    answer = it_refuses(fmt::format(
        "{} is parked ({}): `bascule resume {} --reason TEXT` or `bascule abort {} --reason TEXT`",
        open->id, open->because, open->id, open->id));
    answer.since = open->opened_at;
  } else if (running >= limit) {
    const std::string runs = running == 1 ? "a run is" : fmt::format("{} runs are", running);
    answer =
        it_refuses(fmt::format("{} running in other groups (max_concurrent_runs {})", runs, limit));
  } else {
    answer = it_holds("no run is open");
  }
  answer.evidence = {{"open_run", open != nullptr ? Json(open->id.text()) : Json(nullptr)},
                     {"running", running},
                     {"max_concurrent_runs", limit}};
  return answer;
}

GateAnswer ask_fence(const Question& question) {
  const Rung needed = needed_rung(question.group.policy, question.proposal.move);
  const auto attested = question.status.attested.find(question.proposal.source);
  GateAnswer answer;
  if (attested != question.status.attested.end()) {
    answer = it_holds(fmt::format("a person attested {} that {} is stopped",
                                  ago(attested->second, question.now), question.proposal.source));
    answer.since = attested->second;
    answer.evidence["reached"] = std::string(to_string(Rung::attested));
  } else if (const Run* run = run_of(question)) {
    answer = answer_inside(question, *run, needed);
  } else {
    answer = answer_outside(question, needed);
  }
  answer.evidence["needed"] = std::string(to_string(needed));
  answer.evidence["otherwise"] =
      may_proceed(question.group.policy, question.proposal.move) ? "proceed" : "refuse";
  return answer;
}

Rung reached_rung(const State& state, const Run& run) {
  const auto status = state.groups.find(run.plan.group);
  if (status != state.groups.end() && status->second.attested.contains(run.plan.source)) {
    return Rung::attested;
  }
  Rung reached = Rung::none;
  for (const Step& step : run.execution.steps) {
    const auto progress = run.execution.progress.find(step.id);
    // A fence is always applied: one that was found in place is proved by an apply of this run too.
    if (is_fence_of_source(run, step) && progress != run.execution.progress.end() &&
        progress->second.state == StepState::done) {
      reached = std::max(reached, step.rung);
    }
  }
  return reached;
}

}  // namespace bascule::engine
