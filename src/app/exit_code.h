// How `bascule` ends, for scripts. Promised to users: never renumbered.
#pragma once

namespace bascule::app {

enum class ExitCode : int {
  done = 0,
  no = 1,             // the answer is no, or it failed
  usage = 2,          // the command line or the configuration is wrong
  refused = 3,        // by a gate
  rolled_back = 4,    // failed, and everything is as it was
  parked = 5,         // a person must act
  unknown = 6,        // the outcome is not known, or the wait ended without an answer
  not_reachable = 7,  // nobody there, or not the leader
  changes = 10,       // there are changes; only where it was asked for
};

}  // namespace bascule::app
