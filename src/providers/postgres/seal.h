// The seal: how a primary is kept from writing for anybody but superusers, and how that is undone.
//
// Ordinary roles (neither superuser nor replication, nor the admin that asks) lose LOGIN and their
// sessions are ended. default_transaction_read_only is set as well, but is no fence: an ordinary
// role writes through BEGIN READ WRITE. Losing LOGIN is WAL-logged, so a standby gets it too and
// whoever promotes it has to undo it; therefore what was changed is written down in the catalog
// itself, in the same transaction: as the setting `bascule.sealed` of the check's database.
//
// All functions need an admin's connection (connection.h) and leave it usable unless they fail.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/awaitable.h"
#include "async/deadline.h"
#include "base/result.h"
#include "model/json.h"
#include "providers/postgres/connection.h"

namespace bascule::postgres {

// What a fence has written down, travelling with the catalog.
struct SealMark {
  std::vector<std::string> roles;  // that lost LOGIN, sorted
  // default_transaction_read_only as ALTER SYSTEM had set it before; nothing: it had not.
  std::optional<std::string> read_only_before;
  std::optional<LogPosition> end;  // of what transactions had written, once the seal was proved
  // Transactions of the seal itself: they are no loss when the server's end is discarded.
  std::vector<std::int64_t> transactions;

  friend bool operator==(const SealMark&, const SealMark&) = default;
};
Json to_json(const SealMark& mark);
// Nothing for what is no mark.
std::optional<SealMark> seal_mark_from(const Json& json);

// One look at everything that belongs to a seal.
struct SealState {
  bool replica = false;
  std::string system_identifier;
  std::optional<SealMark> mark;
  std::string mark_database;             // on which the mark is set
  std::vector<std::string> open_roles;   // ordinary roles that may log in, sorted
  std::int64_t sessions = 0;             // of ordinary roles, without our own that only reads
  std::set<std::int64_t> starting;       // processes of sessions that have not said whose they are
  std::optional<std::string> read_only;  // default_transaction_read_only as ALTER SYSTEM set it
  bool writes_by_default = true;         // as a new session of ours finds it
  std::string next_transaction;          // changes with every transaction that writes
  LogPosition end = 0;                   // of the log; 0 on a replica

  // Everything that can be read says so; whether a login is really refused, a login has to show.
  // Sessions that were starting when logins were refused may still get in: whoever seals waits for
  // those to end. Who starts later will be refused, so a storm of logins keeps no seal from being
  // proved.
  [[nodiscard]] bool shuts_out() const { return mark && open_roles.empty() && sessions == 0; }
};
// `monitor` is the check's own user; its sessions named "bascule" are ours and only read.
awaitable<Result<SealState>> read_seal_state(Connection& connection, std::string monitor,
                                             Deadline deadline);

// How shut_out() is to be done.
struct ShutOut {
  std::string monitor;
  // Known from before: default_transaction_read_only as ALTER SYSTEM had set it then.
  std::optional<std::optional<std::string>> read_only_before;
  // Sessions that are starting are ended as well: nobody at all slips in. Also ends new sessions of
  // superusers and of replication.
  bool starting_too = false;
};
// Everything that keeps ordinary roles out, in one request: takes LOGIN from them, writes the mark,
// ends their sessions. When it has come back, nothing that is asked of the server over a session of
// theirs is carried out any more. It waits for no disk and no standby: it is on disk with
// write_mark(). False: it is a standby, where nobody writes. The database needs plpgsql, which is
// there unless somebody dropped it.
awaitable<Result<bool>> shut_out(Connection& connection, ShutOut how, Deadline deadline);

// Replaces the mark; everything before it is then on disk.
awaitable<Result<SealMark>> write_mark(Connection& connection, SealMark mark, Deadline deadline);

// The process ids of the sessions that shut_out() or end_sessions() has asked to end last.
awaitable<Result<std::vector<std::int64_t>>> ended_sessions(Connection& connection,
                                                            Deadline deadline);

// Asks every session that read_seal_state counts to end; returns their process ids.
awaitable<Result<std::vector<std::int64_t>>> end_sessions(Connection& connection,
                                                          std::string monitor, bool starting_too,
                                                          Deadline deadline);

// ALTER SYSTEM: sets, or with nothing resets, default_transaction_read_only, and reloads. Works on
// a standby as well.
awaitable<Result<void>> set_read_only(Connection& connection, std::optional<std::string> value,
                                      Deadline deadline);

// Gives LOGIN back to those of `roles` that exist, and removes the mark from `database` (empty:
// from nowhere). REQUIRES: a primary.
awaitable<Result<void>> allow_logins(Connection& connection, std::vector<std::string> roles,
                                     std::string database, Deadline deadline);

}  // namespace bascule::postgres
