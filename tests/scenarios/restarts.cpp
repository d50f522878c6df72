#include "restarts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "engine/replay/redecide.h"
#include "engine/test_world.h"
#include "model/record_codec.h"
#include "player.h"
#include "transcript.h"

namespace bascule::scenario {
namespace {

using engine::test_world::kShop;

// What must be the same at the end, however often Bascule died on the way.
std::string end_of(const Player& player) {
  const engine::State& state = player.state();
  const engine::GroupStatus& group = state.groups.at(kShop);
  std::string text =
      fmt::format("{} active, {}, {}", group.active ? group.active->text() : "nobody",
                  to_string(group.state), to_string(group.protection));
  for (const auto& [id, run] : state.runs) text += fmt::format("; {} {}", id, to_string(run.state));
  for (const auto& [id, owed] : state.obligations) {
    text += fmt::format("; {} of {} owed", to_string(owed.kind), owed.site);
  }
  for (const auto& [site, machine] : player.world().machines()) {
    text += fmt::format("; {} {}{}", site, machine.serves() ? "" : "stopped ",
                        machine.primary ? "primary" : "replica");
  }
  if (group.two_writers) text += "; two writers";
  return text;
}

// Those that Bascule can see.
std::ptrdiff_t seen_writers(const World& world) {
  return std::ranges::count_if(world.writers(), [&](const SiteName& site) {
    return world.machines().at(site).answers_us();
  });
}

bool acted(const Player& player) {
  return !player.state().runs.empty();
}

}  // namespace

std::string stop_after_every_record(const Script& script) {
  Player undisturbed(script);
  undisturbed.play();
  const std::string expected = end_of(undisturbed);
  std::string complaints;
  for (std::size_t count = 1; count <= undisturbed.journal().size(); ++count) {
    for (const auto unheard : {Player::Unheard::lost, Player::Unheard::done}) {
      Player player(script);
      player.stop_after(count, unheard);
      player.play();
      const std::string where = fmt::format("stopped after record {} ({}), what was under way {}",
                                            count, type_name(undisturbed.journal()[count - 1].body),
                                            unheard == Player::Unheard::lost ? "lost" : "done");
      for (const std::string& promise : player.broken_promises()) {
        complaints += fmt::format("{}: {}\n", where, promise);
      }
      const std::string end = end_of(player);
      // Before it is decided, a restart may leave Bascule knowing too little to act: it then does
      // nothing, which is safe.
      const bool did_nothing = !acted(player) && player.world().writers().size() < 2;
      if (end != expected && !did_nothing) {
        complaints += fmt::format("{}: ends as\n  {}\ninstead of\n  {}\n", where, end, expected);
      }
    }
  }
  return complaints;
}

std::string disturb_after_every_record(const Script& script) {
  constexpr Duration kMoreTime{15'000};
  Player undisturbed(script);
  undisturbed.play();
  std::string complaints;
  for (std::size_t count = 1; count <= undisturbed.journal().size(); ++count) {
    for (const auto& [site, machine] : undisturbed.world().machines()) {
      for (const char* what : {"kill", "promote", "demote", "read-only"}) {
        Player player(script);
        player.disturb_after(count, {what, site.text()}, kMoreTime);
        player.play();
        const std::string where = fmt::format("{} {} after record {} ({})", what, site, count,
                                              type_name(undisturbed.journal()[count - 1].body));
        for (const std::string& promise : player.broken_promises()) {
          complaints += fmt::format("{}: {}\n", where, promise);
        }
        const bool is_told = player.state().groups.at(kShop).two_writers;
        if (seen_writers(player.world()) > 1 && !is_told) {
          complaints += fmt::format("{}: two write, and nobody is told\n", where);
        }
      }
    }
  }
  return complaints;
}

std::string replay_differs(const Script& script) {
  Player player(script);
  player.play();
  engine::State replayed;
  for (const Record& record : player.journal()) {
    const Result<Record> decoded = decode(encode(record));
    if (!decoded) return decoded.error().message + "\n";
    const auto again = engine::redecide(replayed, *decoded, nullptr);
    if (again && again->standing() == engine::Standing::differs) {
      return fmt::format("record {} would be decided otherwise from its own evidence: {}: {}\n",
                         again->seq, again->decision, fmt::join(again->otherwise, "; "));
    }
    engine::evolve(replayed, *decoded);
  }
  if (text_of(replayed) == text_of(player.state())) return "";
  return "a replay of the journal gives another state\n";
}

}  // namespace bascule::scenario
