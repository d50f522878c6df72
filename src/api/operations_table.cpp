// The table of operations itself.
#include <utility>

#include "api/operations.h"

namespace bascule::api {
namespace {

using enum OperationId;
using enum ValueType;

struct Place {
  std::string_view name;
  std::string_view path;
};

Operation asks(OperationId id, Place place, std::string_view summary, std::string_view answer,
               std::string_view command, std::vector<Parameter> query = {}) {
  return {.id = id,
          .name = place.name,
          .method = "GET",
          .path = place.path,
          .role = Role::viewer,
          .summary = summary,
          .query = std::move(query),
          .body = {},
          .answer = answer,
          .command = command};
}

// Whoever changes something says who and why; both are recorded.
Operation does(OperationId id, Place place, std::string_view summary, std::string_view command,
               std::vector<Parameter> own = {}) {
  std::vector<Parameter> body{{"actor", text, "Who asks, as records tell it.", true},
                              {"reason", text, "Why, as records tell it.", true}};
  body.insert(body.end(), own.begin(), own.end());
  return {.id = id,
          .name = place.name,
          .method = "POST",
          .path = place.path,
          .role = Role::operator_,
          .summary = summary,
          .query = {},
          .body = std::move(body),
          .answer = "Answer",
          .command = command};
}

Operation for_role(Role role, Operation operation) {
  operation.role = role;
  return operation;
}

std::vector<Operation> about_groups() {
  const Parameter to{"to", text, "The target; default the best candidate."};
  return {
      asks(status, {"getStatus", "/status"}, "The installation and all its groups.", "Status",
           "bascule status"),
      asks(groups, {"listGroups", "/groups"}, "All groups.", "Groups", "bascule status"),
      asks(group, {"getGroup", "/groups/{group}"}, "One group.", "Group", "bascule status"),
      asks(explain, {"explainGroup", "/groups/{group}/explain"},
           "Every gate, its answer and its evidence: why something or nothing is being done.",
           "Explanation", "bascule explain GROUP"),
      asks(plan, {"planMove", "/groups/{group}/plan"},
           "What a move would do now, each step inspected. Changes nothing.", "Plan",
           "bascule plan GROUP --to SITE",
           {to, {"move", text, "failover (default), switchover, failback or drill."}}),
      // It may send a test message to everybody (`notify.test`).
      for_role(Role::operator_, asks(preflight, {"runPreflight", "/groups/{group}/preflight"},
                                     "The checklist of the moves there, asked now.", "Checklist",
                                     "bascule preflight GROUP --to SITE", {to})),
  };
}

std::vector<Operation> about_the_past() {
  return {
      asks(runs, {"listRuns", "/runs"}, "Runs without their steps, newest first.", "Runs",
           "bascule runs", {{"limit", integer, "At most so many; default 50."}}),
      asks(run, {"getRun", "/runs/{run}"}, "One run with its steps and gates.", "Run",
           "bascule show RUN"),
      asks(report, {"getReport", "/runs/{run}/report"}, "The report of a run.", "Report",
           "bascule report RUN --out FILE"),
      asks(journal, {"readJournal", "/journal"}, "Records of the journal, oldest first.", "Journal",
           "bascule audit export",
           {{"after", integer, "Only records after this one; default 0."},
            {"limit", integer, "At most so many; default and at most 1000."},
            {"wait_ms", integer, "Wait so long for a record; default 0, at most 30000."},
            {"told", boolean, "Also what people are told of these records; default false."}}),
      asks(events, {"followEvents", "/events"},
           "The journal as server-sent events; resumable with Last-Event-ID.", "Events",
           "bascule watch",
           {{"after", integer, "As Last-Event-ID, for readers that cannot set it."}}),
  };
}

std::vector<Parameter> of_a_move() {
  return {
      {"move", text, "failover (default), switchover, failback or drill."},
      {"to", text, "The target; default the best candidate."},
      {"ticket", text, "Of the change or the incident."},
      {"overrides", texts, "Names of gates that this move passes."},
      {"confirmed_site", text, "The site's name as a person typed it, for an override."},
      {"idempotency_key", text, "A request that is sent again with it finds the run it started."},
      {"supersedes", text, "A parked run that this move ends."},
      {"at", time, "Not before this time."},
      {"back_after_ms", integer, "Of a drill: when the way back begins."},
      {"deadline_ms", integer, "Of a drill: when an alarm is raised."},
      {"plan", object, "The `basis` of a plan: refused unless that plan still holds."},
  };
}

std::vector<Operation> commands_of_groups() {
  const Parameter for_ms{"for_ms", integer, "It ends by itself after this long."};
  const Parameter site{"site", text, "The site.", true};
  const Parameter active{"active", text, "The site.", true};
  return {
      does(move, {"startMove", "/groups/{group}/moves"}, "Start a move.",
           "bascule failover GROUP --to SITE --reason TEXT", of_a_move()),
      does(hold_group, {"holdGroup", "/groups/{group}/hold"}, "Hold the automation of a group.",
           "bascule hold GROUP --for 2h --reason TEXT", {for_ms}),
      does(release_group, {"releaseGroup", "/groups/{group}/release"}, "End the hold of a group.",
           "bascule release GROUP --reason TEXT"),
      does(acknowledge, {"acknowledgeMove", "/groups/{group}/ack"},
           "End the cool-down after an automatic move.", "bascule ack GROUP --reason TEXT"),
      does(attest, {"attestSite", "/groups/{group}/attest"},
           "Say that a site is off: fenced as surely as a person can tell.",
           "bascule attest GROUP --site SITE --reason TEXT", {site}),
      for_role(Role::admin,
               does(adopt, {"adoptGroup", "/groups/{group}/adopt"}, "Say which site is active.",
                    "bascule adopt GROUP --active SITE --reason TEXT", {active})),
      does(hold_all, {"holdEverything", "/hold"}, "Hold all automation.",
           "bascule hold --for 2h --reason TEXT", {for_ms}),
      does(release_all, {"releaseEverything", "/release"}, "End the hold of everything.",
           "bascule release --reason TEXT"),
  };
}

std::vector<Operation> commands_of_runs() {
  return {
      does(approve, {"approveRun", "/runs/{run}/approve"},
           "Let a run begin that waits for a person.", "bascule approve RUN --reason TEXT"),
      does(abort, {"abortRun", "/runs/{run}/abort"},
           "Cancel a waiting run; take back or stop one that has begun.",
           "bascule abort RUN --reason TEXT"),
      does(resume, {"resumeRun", "/runs/{run}/resume"}, "Go on with a parked run.",
           "bascule resume RUN --reason TEXT",
           {{"step", text, "A step whose outcome a person knows."},
            {"as", text, "That outcome: done, failed or retry."}}),
      for_role(Role::admin, does(import, {"importJournal", "/import"},
                                 "Take over what another journal says was done.",
                                 "bascule import FILE --reason TEXT",
                                 {{"journal", object, "What was read from it.", true},
                                  {"open_run", text, "A run of it that has not ended."}})),
  };
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> kOperations = [] {
    std::vector<Operation> all;
    for (auto* part : {about_groups, about_the_past, commands_of_groups, commands_of_runs}) {
      const std::vector<Operation> more = part();
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return kOperations;
}

}  // namespace bascule::api
