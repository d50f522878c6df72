// The enumerations of the glossary and their words, which are the same in configuration, journal,
// metrics, API and on the terminal. `to_string` and `parse_word` are the only way between the two.
// Stored words are never renamed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace bascule {

// Ordered from best to worst, `unknown` apart: it is neither good nor bad and moves nothing.
enum class Health : std::uint8_t { healthy, degraded, critical, failed, unknown };

enum class Move : std::uint8_t { failover, switchover, failback, drill };

// How surely a site is stopped from serving writes; each rung includes the ones before it.
enum class Rung : std::uint8_t { none, advisory, sealed, cut, attested };

enum class Phase : std::uint8_t { claim, fence, activate, front_door, verify, protect };

enum class Mode : std::uint8_t { manual, shadow, approve, automatic };

enum class GroupState : std::uint8_t { unknown, healthy, degraded, critical, failover };

enum class Protection : std::uint8_t { protected_, exposed };

enum class Trigger : std::uint8_t { manual, automatic };

enum class RunState : std::uint8_t { waiting, running, parked, done, rolled_back, aborted };

// What a run that does not begin when it is opened waits for: a person's approval, or its time.
enum class WaitFor : std::uint8_t { approval, moment };

// What an action's inspection found: nothing to do, something to do, under way by itself, or
// impossible.
enum class Finding : std::uint8_t { done, needed, pending, blocked };

enum class StepState : std::uint8_t {
  waiting,    // its needs have not ended
  started,    // announced in the journal; apply may be running
  applied,    // apply came back; inspected until it is done
  done,       // inspected as done after an apply of this run
  unchanged,  // was done at its first inspection: never reverted
  skipped,    // not wanted any more (a higher rung was reached, a person said so)
  failed,     // ended without success; on_failure said what followed
  reverted,   // taken back to its prior state
};

enum class OnFailure : std::uint8_t { rollback, continue_, park, obligation };
enum class ActsOn : std::uint8_t { critical, failed };
enum class Blocks : std::uint8_t { planned, always, never };
enum class DatabaseRole : std::uint8_t { primary, replica };
enum class ObligationKind : std::uint8_t { front_door, fence, standby };
enum class Delivery : std::uint8_t { proven, at_most_once, at_least_once };
// How a front door differs from what this Bascule left there: it leads clients elsewhere, its
// record of who looks after it is gone or old, or somebody else looks after it now.
enum class Drift : std::uint8_t { address, claim, superseded };

template <typename Enum>
struct Word {
  Enum value;
  std::string_view text;
};

// One table per enumeration, in words.cpp; specialised for each of the types above.
template <typename Enum>
std::span<const Word<Enum>> words();

template <typename Enum>
std::string_view to_string(Enum value)
  requires requires { words<Enum>(); }
{
  for (const auto& word : words<Enum>()) {
    if (word.value == value) return word.text;
  }
  return "unknown";
}

template <typename Enum>
std::optional<Enum> parse_word(std::string_view text) {
  for (const auto& word : words<Enum>()) {
    if (word.text == text) return word.value;
  }
  return std::nullopt;
}

template <>
std::span<const Word<Health>> words();
template <>
std::span<const Word<Move>> words();
template <>
std::span<const Word<Rung>> words();
template <>
std::span<const Word<Phase>> words();
template <>
std::span<const Word<Mode>> words();
template <>
std::span<const Word<GroupState>> words();
template <>
std::span<const Word<Protection>> words();
template <>
std::span<const Word<Trigger>> words();
template <>
std::span<const Word<RunState>> words();
template <>
std::span<const Word<WaitFor>> words();
template <>
std::span<const Word<Finding>> words();
template <>
std::span<const Word<StepState>> words();
template <>
std::span<const Word<OnFailure>> words();
template <>
std::span<const Word<ActsOn>> words();
template <>
std::span<const Word<Blocks>> words();
template <>
std::span<const Word<DatabaseRole>> words();
template <>
std::span<const Word<ObligationKind>> words();
template <>
std::span<const Word<Delivery>> words();
template <>
std::span<const Word<Drift>> words();

}  // namespace bascule
