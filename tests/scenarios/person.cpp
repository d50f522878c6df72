#include "person.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "engine/test_world.h"

namespace bascule::scenario {
namespace {

namespace test_world = engine::test_world;
using test_world::kShop;

// The words after the verb: pairs of a key and its value, and perhaps one word that stands alone.
struct Details {
  engine::StartMove move;
  engine::ResumeRun resume;
  std::optional<Duration> lasting;
  std::string argument;
  std::string reason;
  bool planned = false;
};

Details read_details(const std::vector<std::string>& words) {
  Details details;
  details.move.group = kShop;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::string& key = words[i];
    const std::string value = i + 1 < words.size() ? words[i + 1] : "";
    ++i;
    if (key == "to")
      details.move.to = SiteName(value);
    else if (key == "override")
      details.move.overrides.push_back(value);
    else if (key == "confirm")
      details.move.confirmed_site = value;
    else if (key == "key")
      details.move.idempotency_key = value;
    else if (key == "at")
      details.move.at = test_world::at(parse_duration(value).value_or(Duration(0)).count());
    else if (key == "back-after")
      details.move.back_after = parse_duration(value);
    else if (key == "deadline")
      details.move.deadline = parse_duration(value);
    else if (key == "supersede")
      details.move.supersedes = RunId(value);
    else if (key == "step")
      details.resume.step = StepId(value);
    else if (key == "as")
      details.resume.as = value;
    else if (key == "for")
      details.lasting = parse_duration(value);
    else if (key == "because")
      details.reason = value;
    else {
      details.planned = details.planned || key == "planned";
      details.argument = key;
      --i;
    }
  }
  details.resume.run = RunId(details.argument);
  return details;
}

std::optional<engine::CommandBody> body_of(const std::string& verb, const Details& details) {
  const GroupName group = details.argument == "everything" ? GroupName() : kShop;
  if (verb == "saves-a-plan") return details.move;
  if (verb == "approve") return engine::ApproveRun{RunId(details.argument)};
  if (verb == "abort") return engine::AbortRun{RunId(details.argument)};
  if (verb == "resume") return details.resume;
  if (verb == "hold") return engine::HoldAutomation{group, details.lasting};
  if (verb == "release") return engine::ReleaseAutomation{group};
  if (verb == "ack") return engine::AcknowledgeMove{kShop};
  if (verb == "attest") return engine::AttestSite{kShop, SiteName(details.argument)};
  if (verb == "adopt") return engine::AdoptGroup{kShop, SiteName(details.argument)};
  const auto move = parse_word<Move>(verb);
  if (!move) return std::nullopt;
  engine::StartMove start = details.move;
  start.move = *move;
  return start;
}

}  // namespace

Result<Said> read_command(const std::vector<std::string>& words) {
  const std::string& verb = words.at(1);
  const Details details = read_details(words);
  auto body = body_of(verb, details);
  if (!body) return fail(ErrorCode::invalid, "ana cannot {}", verb);
  return Said{engine::Command{"ana", details.reason, *std::move(body)}, verb == "saves-a-plan",
              details.planned};
}

engine::ImportJournal journal_of(const std::vector<std::string>& words, const World& world,
                                 Instant now) {
  const std::string& run = words.at(2);
  const SiteName active(words.at(4));
  const std::string as = words.size() > 6 ? words.at(6) : "";
  ImportedGroup group;
  group.group = kShop;
  group.active = active;
  group.active_since = now;
  group.generation = world.door().generation;
  group.claimed_by = run;
  group.runs.push_back(ImportedRun{run, Move::failover, SiteName(), active, RunState::done, "ben",
                                   "nobody else was there", now, now});
  for (const auto& [name, machine] : world.machines()) {
    if (as != "fence-owed" || name == active) continue;
    group.obligations.push_back({ObligationKind::fence, name, "it did not answer"});
    break;
  }
  engine::ImportJournal import;
  import.journal =
      JournalImported{std::string(64, 'a'), 7,      std::string(64, 'b'), world.door().cluster,
                      ObserverName("desk"), {group}};
  if (as == "open") import.open_run = run;
  return import;
}

}  // namespace bascule::scenario
