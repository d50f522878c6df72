#include "engine/import.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/commands.h"
#include "engine/front_door.h"
#include "engine/obligations.h"
#include "engine/plan/planner.h"

namespace bascule::engine {
namespace {

// The newest runs of a group that are told.
constexpr std::ptrdiff_t kRunsTold = 50;

ImportedGroup summary_of(const State& replayed, const GroupName& name, const GroupStatus& status) {
  ImportedGroup group;
  group.group = name;
  group.active = *status.active;
  group.active_since = status.active_since;
  group.generation = status.generation;
  group.claimed_by = status.claimed_by;
  for (const auto& [site, since] : status.attested) group.attested.push_back(site);
  for (const auto& [id, run] : replayed.runs) {
    if (run.plan.group != name) continue;
    group.runs.push_back(ImportedRun{claimant_of(id, run.mark), run.plan.move, run.plan.source,
                                     run.plan.target, run.state, run.actor, run.reason,
                                     run.opened_at, run.ended_at});
  }
  std::ranges::sort(group.runs, {}, &ImportedRun::opened_at);
  if (std::ssize(group.runs) > kRunsTold) {
    group.runs.erase(group.runs.begin(), group.runs.end() - kRunsTold);
  }
  for (const auto& [id, owed] : replayed.obligations) {
    if (owed.group == name) group.obligations.push_back({owed.kind, owed.site, owed.because});
  }
  return group;
}

// A later generation; without a front door, a site that became active later.
bool is_news(const State& state, const ImportedGroup& imported) {
  const GroupStatus& ours = state.groups.at(imported.group);
  if (imported.generation != ours.generation) return imported.generation > ours.generation;
  return imported.generation == 0 && imported.active != ours.active &&
         imported.active_since > ours.active_since;
}

std::optional<Answer> refuse_journal(const State& state, const ImportJournal& body) {
  const JournalImported& journal = body.journal;
  if (journal.cluster != state.cluster) {
    return refuse(
        ErrorCode::invalid,
        fmt::format("the journal is of cluster {}, this one of {}", journal.cluster, state.cluster),
        "bascule audit export -c FILE, at the machine where the local run was made");
  }
  if (!body.open_run.empty()) {
    return refuse(
        ErrorCode::invalid,
        fmt::format("{} is open in it: what it will have done is not known", body.open_run),
        "end it where it was started (`bascule resume RUN --local -c FILE` or `bascule "
        "abort RUN --local -c FILE`), and export again");
  }
  for (const ImportedGroup& group : journal.groups) {
    if (auto refusal = refuse_unknown_site(state, group.group, group.active)) return refusal;
    for (const SiteName& site : group.attested) {
      if (auto refusal = refuse_unknown_site(state, group.group, site)) return refusal;
    }
    for (const ImportedObligation& owed : group.obligations) {
      if (auto refusal = refuse_unknown_site(state, group.group, owed.site)) return refusal;
    }
  }
  return std::nullopt;
}

std::optional<Answer> refuse_open_run(const State& state, const std::vector<ImportedGroup>& news) {
  for (const ImportedGroup& group : news) {
    const Run* run = state.open_run(group.group);
    if (run == nullptr) continue;
    return refuse(ErrorCode::invalid,
                  fmt::format("{} is {} here: it has to end first", run->id, to_string(run->state)),
                  fmt::format("bascule abort {} --reason TEXT", run->id));
  }
  return std::nullopt;
}

std::string state_of_knowledge(const State& state, const JournalImported& journal) {
  std::string text;
  for (const ImportedGroup& group : journal.groups) {
    const GroupStatus& ours = state.groups.at(group.group);
    text += fmt::format("{}{} is at generation {} there and at {} here", text.empty() ? "" : "; ",
                        group.group, group.generation, ours.generation);
  }
  return text.empty() ? "no active site is known there" : text;
}

// What is owed is computed anew from this configuration.
std::vector<Step> steps_owed(const State& state, const GroupName& group, const SiteName& active,
                             const ImportedObligation& owed) {
  std::vector<Step> steps;
  switch (owed.kind) {
    case ObligationKind::fence:
      return fence_steps(state, group, owed.site, active);
    case ObligationKind::standby:
      return standby_steps(state, group, owed.site, active);
    case ObligationKind::front_door:
      for (const char* operation : {"claim", "switch"}) {
        if (auto step = front_door_step(state, group, active, operation)) {
          steps.push_back(*std::move(step));
        }
      }
      return steps;
  }
  return steps;
}

void take_over_obligations(Deliberation& deliberation, const ImportedGroup& group,
                           const std::string& whose) {
  for (const ImportedObligation& owed : group.obligations) {
    if (owed.kind != ObligationKind::front_door && owed.site == group.active) continue;
    std::vector<Step> steps = steps_owed(deliberation.state(), group.group, group.active, owed);
    if (steps.empty()) continue;
    // Of no run of this journal; a front door that is owed to one keeps what it had claimed.
    const RunId of(owed.kind == ObligationKind::front_door ? "imported" : "");
    open_obligation(deliberation, owed.kind, group.group, owed.site, of,
                    fmt::format("{} ({})", owed.because, whose), std::move(steps));
  }
}

void end_obligations(Deliberation& deliberation, const GroupName& group, const std::string& why) {
  std::vector<RunId> ours;
  for (const auto& [id, owed] : deliberation.state().obligations) {
    if (owed.group == group) ours.push_back(id);
  }
  for (const RunId& id : ours) end_obligation(deliberation, id, why);
}

std::string outcome_text(const State& state, const std::vector<ImportedGroup>& news) {
  std::string text;
  for (const ImportedGroup& group : news) {
    text += fmt::format("{}{} is the active site of {}, generation {}", text.empty() ? "" : "; ",
                        group.active, group.group, group.generation);
    const GroupStatus& status = state.groups.at(group.group);
    if (status.hold) {
      text += fmt::format("; automation is held: `bascule release {} --reason TEXT`", group.group);
    }
  }
  return text;
}

}  // namespace

ImportJournal summary_of(const State& replayed) {
  ImportJournal summary;
  summary.journal.cluster = replayed.cluster;
  for (const auto& [id, run] : replayed.runs) {
    if (!run.ended_at && summary.open_run.empty()) summary.open_run = id.text();
  }
  for (const auto& [name, status] : replayed.groups) {
    if (status.active) summary.journal.groups.push_back(summary_of(replayed, name, status));
  }
  return summary;
}

Answer import_journal(Deliberation& deliberation, const Command& command,
                      const ImportJournal& body) {
  if (auto refusal = refuse_journal(deliberation.state(), body)) return *std::move(refusal);
  const JournalImported& journal = body.journal;
  const auto known = deliberation.state().imported.find(journal.journal);
  if (known != deliberation.state().imported.end() && known->second >= journal.head_seq) {
    return accept(RunId(), fmt::format("this journal is known up to its record {}: nothing has "
                                       "changed",
                                       known->second));
  }
  JournalImported news = journal;
  std::erase_if(news.groups,
                [&](const ImportedGroup& group) { return !is_news(deliberation.state(), group); });
  if (news.groups.empty()) {
    return refuse(ErrorCode::conflict,
                  fmt::format("nothing in it is newer than what is known here: {}",
                              state_of_knowledge(deliberation.state(), journal)),
                  "bascule status");
  }
  if (auto refusal = refuse_open_run(deliberation.state(), news.groups)) {
    return *std::move(refusal);
  }
  const std::string whose = fmt::format("imported from {}", journal.observer);
  for (const ImportedGroup& group : news.groups) {
    end_obligations(deliberation, group.group, whose);
  }
  deliberation.propose(news, command.actor, command.reason);
  for (const ImportedGroup& group : news.groups) {
    const auto active = deliberation.state().groups.at(group.group).active;
    if (active != group.active) {
      deliberation.propose(ActiveSiteChanged{group.group, group.active, RunId(), whose},
                           command.actor, command.reason);
    }
    take_over_obligations(deliberation, group, whose);
  }
  return accept(RunId(), outcome_text(deliberation.state(), news.groups));
}

}  // namespace bascule::engine
