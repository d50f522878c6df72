// The records that concern only what is known of a group: the followers' part of evolve(). Only for
// evolve.cpp.
#pragma once

#include "engine/state.h"
#include "model/record.h"

namespace bascule::engine {

class GroupEvolution {
 public:
  GroupEvolution(State& state, const Record& record) : state_(state), record_(record) {}

  void operator()(const TwoWritersSeen& body);
  void operator()(const TwoWritersEnded& body);
  void operator()(const RoleChangeSeen& body);
  void operator()(const RoleChangeEnded& body);
  void operator()(const FrontDoorDrifted& body);
  void operator()(const FrontDoorSilent& body);
  void operator()(const FrontDoorRestored& body);
  void operator()(const HoldAlarmRaised& body);
  void operator()(const HomeReadinessChanged& body);
  void operator()(const PreflightChanged& body);
  void operator()(const DrillBegun& body);
  void operator()(const DrillOverdue& body);
  void operator()(const DrillEnded& body);
  void operator()(const WouldHaveFailedOver& body);
  void operator()(const JournalImported& body);

 protected:
  GroupStatus& group_of(const GroupName& name);
  // A configuration is in force that does not name everything that is known.
  void forget_what_is_not_configured();
  // By automation, of a front door that was changed: neither a run's nor an adoption's.
  [[nodiscard]] bool undoes_drift(const ObligationOpened& opened) const;
  // A person ended the way back of a drill, or had it taken back.
  void note_stopped_way_back(const Run& run);
  // A claim is announced: from here on the one that was found may be displaced. Its run may not
  // have heard of that yet.
  void note_displaced(const RunId& id, const Json& prior);
  void count_reassertion(GroupStatus& group);

  State& state_;
  const Record& record_;
};

}  // namespace bascule::engine
