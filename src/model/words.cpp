#include "model/words.h"

#include <array>

namespace bascule {
namespace {

template <typename Enum, std::size_t Count>
using Table = std::array<Word<Enum>, Count>;

constexpr Table<Health, 5> kHealth{{{Health::healthy, "healthy"},
                                    {Health::degraded, "degraded"},
                                    {Health::critical, "critical"},
                                    {Health::failed, "failed"},
                                    {Health::unknown, "unknown"}}};
constexpr Table<Move, 4> kMove{{{Move::failover, "failover"},
                                {Move::switchover, "switchover"},
                                {Move::failback, "failback"},
                                {Move::drill, "drill"}}};
constexpr Table<Rung, 5> kRung{{{Rung::none, "none"},
                                {Rung::advisory, "advisory"},
                                {Rung::sealed, "sealed"},
                                {Rung::cut, "cut"},
                                {Rung::attested, "attested"}}};
constexpr Table<Phase, 6> kPhase{{{Phase::claim, "claim"},
                                  {Phase::fence, "fence"},
                                  {Phase::activate, "activate"},
                                  {Phase::front_door, "front_door"},
                                  {Phase::verify, "verify"},
                                  {Phase::protect, "protect"}}};
constexpr Table<Mode, 4> kMode{{{Mode::manual, "manual"},
                                {Mode::shadow, "shadow"},
                                {Mode::approve, "approve"},
                                {Mode::automatic, "automatic"}}};
constexpr Table<GroupState, 5> kGroupState{{{GroupState::unknown, "UNKNOWN"},
                                            {GroupState::healthy, "HEALTHY"},
                                            {GroupState::degraded, "DEGRADED"},
                                            {GroupState::critical, "CRITICAL"},
                                            {GroupState::failover, "FAILOVER"}}};
constexpr Table<Protection, 2> kProtection{
    {{Protection::protected_, "protected"}, {Protection::exposed, "exposed"}}};
constexpr Table<Trigger, 2> kTrigger{
    {{Trigger::manual, "manual"}, {Trigger::automatic, "automatic"}}};
constexpr Table<RunState, 6> kRunState{{{RunState::waiting, "waiting"},
                                        {RunState::running, "running"},
                                        {RunState::parked, "parked"},
                                        {RunState::done, "done"},
                                        {RunState::rolled_back, "rolled_back"},
                                        {RunState::aborted, "aborted"}}};
constexpr Table<WaitFor, 2> kWaitFor{
    {{WaitFor::approval, "approval"}, {WaitFor::moment, "moment"}}};
constexpr Table<Finding, 4> kFinding{{{Finding::done, "done"},
                                      {Finding::needed, "needed"},
                                      {Finding::pending, "pending"},
                                      {Finding::blocked, "blocked"}}};
constexpr Table<StepState, 8> kStepState{{{StepState::waiting, "waiting"},
                                          {StepState::started, "started"},
                                          {StepState::applied, "applied"},
                                          {StepState::done, "done"},
                                          {StepState::unchanged, "unchanged"},
                                          {StepState::skipped, "skipped"},
                                          {StepState::failed, "failed"},
                                          {StepState::reverted, "reverted"}}};
constexpr Table<OnFailure, 4> kOnFailure{{{OnFailure::rollback, "rollback"},
                                          {OnFailure::continue_, "continue"},
                                          {OnFailure::park, "park"},
                                          {OnFailure::obligation, "obligation"}}};
constexpr Table<ActsOn, 2> kActsOn{{{ActsOn::critical, "critical"}, {ActsOn::failed, "failed"}}};
constexpr Table<Blocks, 3> kBlocks{
    {{Blocks::planned, "planned"}, {Blocks::always, "always"}, {Blocks::never, "never"}}};
constexpr Table<DatabaseRole, 2> kDatabaseRole{
    {{DatabaseRole::primary, "primary"}, {DatabaseRole::replica, "replica"}}};
constexpr Table<ObligationKind, 3> kObligationKind{{{ObligationKind::front_door, "front_door"},
                                                    {ObligationKind::fence, "fence"},
                                                    {ObligationKind::standby, "standby"}}};
constexpr Table<Delivery, 3> kDelivery{{{Delivery::proven, "proven"},
                                        {Delivery::at_most_once, "at_most_once"},
                                        {Delivery::at_least_once, "at_least_once"}}};
constexpr Table<Drift, 3> kDrift{
    {{Drift::address, "address"}, {Drift::claim, "claim"}, {Drift::superseded, "superseded"}}};

}  // namespace

template <>
std::span<const Word<Health>> words() {
  return kHealth;
}
template <>
std::span<const Word<Move>> words() {
  return kMove;
}
template <>
std::span<const Word<Rung>> words() {
  return kRung;
}
template <>
std::span<const Word<Phase>> words() {
  return kPhase;
}
template <>
std::span<const Word<Mode>> words() {
  return kMode;
}
template <>
std::span<const Word<GroupState>> words() {
  return kGroupState;
}
template <>
std::span<const Word<Protection>> words() {
  return kProtection;
}
template <>
std::span<const Word<Trigger>> words() {
  return kTrigger;
}
template <>
std::span<const Word<RunState>> words() {
  return kRunState;
}
template <>
std::span<const Word<WaitFor>> words() {
  return kWaitFor;
}
template <>
std::span<const Word<Finding>> words() {
  return kFinding;
}
template <>
std::span<const Word<StepState>> words() {
  return kStepState;
}
template <>
std::span<const Word<OnFailure>> words() {
  return kOnFailure;
}
template <>
std::span<const Word<ActsOn>> words() {
  return kActsOn;
}
template <>
std::span<const Word<Blocks>> words() {
  return kBlocks;
}
template <>
std::span<const Word<DatabaseRole>> words() {
  return kDatabaseRole;
}
template <>
std::span<const Word<ObligationKind>> words() {
  return kObligationKind;
}
template <>
std::span<const Word<Delivery>> words() {
  return kDelivery;
}
template <>
std::span<const Word<Drift>> words() {
  return kDrift;
}

}  // namespace bascule
