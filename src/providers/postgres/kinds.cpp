#include "providers/postgres/kinds.h"

#include "providers/postgres/caught_up.h"
#include "providers/postgres/fence.h"
#include "providers/postgres/probe.h"
#include "providers/postgres/promote.h"
#include "providers/postgres/rejoin.h"

namespace bascule::postgres {
namespace {

Field required_text(std::string name, std::string summary) {
  return {.name = std::move(name), .summary = std::move(summary), .required = true};
}

Field password_field() {
  return {.name = "password", .summary = "Its password.", .secret = true};
}

Field check_field() {
  return {.name = "check",
          .type = FieldType::check,
          .summary = "The postgres check of the same site, which says where its database is.",
          .required = true,
          .check_kind = "postgres"};
}

Field admin_field() {
  return {.name = "admin",
          .type = FieldType::object,
          .summary = "A superuser, for actions only; probes never use it.",
          .fields = {required_text("user", "The role that actions log in as."), password_field()}};
}

Kind probe_kind() {
  Kind kind;
  kind.name = "postgres";
  kind.role = KindRole::probe;
  kind.summary =
      "A PostgreSQL server: its role, positions, timeline and lag, over a fresh connection at "
      "every "
      "look and a held one sampled every second.";
  kind.watches_database = true;
  kind.permissions = {"LOGIN", "membership in pg_monitor"};
  kind.fields = {
      required_text("host", "A name or an address of the server."),
      {.name = "port",
       .type = FieldType::integer,
       .summary = "Its port.",
       .default_value = 5432,
       .minimum = 1,
       .maximum = 65535},
      required_text("database", "The database to connect to."),
      required_text("user", "An ordinary role; pg_monitor is enough."),
      password_field(),
      {.name = "sslmode",
       .type = FieldType::word,
       .summary = "How the connection is encrypted, and the server's certificate verified.",
       .default_value = "verify-full",
       .words = {"disable", "prefer", "require", "verify-ca", "verify-full"}},
      {.name = "sslrootcert",
       .summary = "A file of certificates to trust, instead of those that this machine trusts."},
      admin_field(),
      {.name = "degraded_lag",
       .type = FieldType::duration,
       .summary = "From which lag on a replica is degraded.",
       .default_value = "30s",
       .minimum = 0},
      {.name = "critical_lag",
       .type = FieldType::duration,
       .summary = "From which lag on a replica is critical.",
       .default_value = "5m",
       .minimum = 0},
  };
  return kind;
}

Kind fence_kind() {
  Kind kind;
  kind.name = "postgres.fence";
  kind.summary =
      "Seals the database of a site: refuses logins of ordinary roles, ends their sessions, and "
      "proves both with an ordinary role and by an end of its log.";
  kind.fields = {check_field()};
  kind.outputs = {{.name = "end_position",
                   .type = FieldType::integer,
                   .summary = "Where its log ended for transactions, in bytes."},
                  {.name = "sessions_ended",
                   .type = FieldType::integer,
                   .summary = "How many sessions were ended."},
                  {.name = "answered_at",
                   .summary = "When the server had answered the first statement, which refuses "
                              "logins and ends sessions: nobody ordinary has written since."},
                  {.name = "roles",
                   .type = FieldType::list,
                   .summary = "The roles that may not log in any more.",
                   .items = {{.name = "role"}}}};
  kind.permissions = {"superuser"};
  kind.phases = {Phase::fence};
  kind.rung = Rung::sealed;
  return kind;
}

Kind promote_kind() {
  Kind kind;
  kind.name = "postgres.promote";
  kind.summary =
      "Promotes the standby of a site and lets ordinary roles in again, until a write is accepted.";
  kind.fields = {check_field(),
                 {.name = "cancel_blocking",
                  .type = FieldType::boolean,
                  .summary = "Whether queries that replay has to wait for are canceled, and their "
                             "sessions ended where that is not enough.",
                  .default_value = true},
                 {.name = "blocked_for",
                  .type = FieldType::duration,
                  .summary = "How long replay may be blocked during the promotion before that.",
                  .default_value = to_string(kBlockedFor),
                  .minimum = 0}};
  kind.outputs = {
      {.name = "timeline",
       .type = FieldType::integer,
       .summary = "The timeline that it is on now."},
      {.name = "position", .type = FieldType::integer, .summary = "Where its log ends, in bytes."},
      {.name = "fork_position",
       .type = FieldType::integer,
       .summary = "Where it left the timeline before, in bytes."}};
  kind.permissions = {"superuser"};
  kind.phases = {Phase::activate};
  kind.reversible = false;
  kind.proven_by = "postgres.caught_up";
  return kind;
}

Kind caught_up_kind() {
  Kind kind;
  kind.name = "postgres.caught_up";
  kind.summary = "Waits until the target has replayed everything that the sealed source has.";
  kind.fields = {check_field()};
  kind.permissions = {"superuser"};
  kind.phases = {Phase::activate};
  return kind;
}

Kind rejoin_kind() {
  Kind kind;
  kind.name = "postgres.rejoin";
  kind.summary =
      "Makes the database of a site a standby of the active one by a command on its host, measures "
      "what is lost by that, and proves it by streaming.";
  kind.fields = {
      check_field(),
      {.name = "run",
       .type = FieldType::list,
       .summary = "The command, its arguments one by one: pg_rewind, or a new base backup.",
       .required = true,
       .items = {{.name = "argument"}}},
      {.name = "when_down",
       .type = FieldType::word,
       .summary = "What to do while the database does not answer: wait for it, which allows the "
                  "loss to be measured, or run the command.",
       .default_value = "wait",
       .words = {"wait", "run"}}};
  kind.outputs = {{.name = "lost_bytes",
                   .type = FieldType::integer,
                   .summary = "Log of transactions that the active site never got, in bytes."},
                  {.name = "lost_transactions",
                   .type = FieldType::integer,
                   .summary = "How many transactions had committed in it."}};
  kind.permissions = {"superuser", "whatever the command needs on its host"};
  kind.phases = {Phase::protect};
  // What is wound back is gone.
  kind.reversible = false;
  return kind;
}

Kind replication_lag_kind() {
  Kind kind;
  kind.name = "postgres.replication_lag";
  kind.summary = "Whether the lag of a standby is within a limit.";
  kind.fields = {check_field(),
                 {.name = "max",
                  .type = FieldType::duration,
                  .summary = "The longest lag that is accepted.",
                  .required = true,
                  .minimum = 0}};
  kind.permissions = {"superuser"};
  kind.preflight = true;
  kind.phases = {Phase::verify};
  return kind;
}

// An action on the database behind the check that its settings name, at the site it stands at.
template <typename Make>
ActionKind on_database(Kind kind, std::string remedy, PostgresDependencies dependencies,
                       Make make) {
  ActionKind entry;
  entry.kind = std::move(kind);
  entry.remedy = std::move(remedy);
  entry.make = [dependencies, make](ActionContext context,
                                    Services& services) -> Result<std::shared_ptr<Action>> {
    const Surroundings surroundings{services, dependencies.resolver, *dependencies.vigils};
    const std::string check = text_or(context.settings, "check");
    auto database = Database::find(surroundings, *context.group, context.site, check);
    if (!database) return error_of(database);
    return make(surroundings, std::move(*database), std::move(context), check);
  };
  return entry;
}

}  // namespace

std::vector<ProbeKind> postgres_probes(PostgresDependencies dependencies) {
  ProbeKind entry;
  entry.kind = probe_kind();
  entry.make = [dependencies](ProbeContext context,
                              Services& services) -> Result<std::shared_ptr<Probe>> {
    auto settings = check_settings(context.settings);
    if (!settings) return error_of(settings);
    return make_probe(std::move(*settings), context.timeout,
                      Surroundings{services, dependencies.resolver, *dependencies.vigils});
  };
  return {std::move(entry)};
}

std::vector<ActionKind> postgres_actions(PostgresDependencies dependencies) {
  using Made = Result<std::shared_ptr<Action>>;
  const auto fence = [](Surroundings surroundings, Database database, const ActionContext& context,
                        const std::string& /*check*/) -> Made {
    return make_fence(surroundings, std::move(database), context.group->policy);
  };
  const auto promote = [](Surroundings surroundings, Database database, ActionContext context,
                          const std::string& check) -> Made {
    return make_promote(surroundings, std::move(database), std::move(context), check);
  };
  const auto caught_up = [](Surroundings surroundings, Database database, ActionContext context,
                            const std::string& check) -> Made {
    return make_caught_up(surroundings, std::move(database), std::move(context), check);
  };
  const auto rejoin = [](Surroundings surroundings, Database database, ActionContext context,
                         const std::string& check) -> Made {
    if (texts_or_empty(context.settings, "run").empty()) {
      return fail(ErrorCode::invalid, "`run` of postgres.rejoin names no command");
    }
    return make_rejoin(surroundings, std::move(database), std::move(context), check);
  };
  const auto replication_lag = [](Surroundings /*surroundings*/, Database database,
                                  const ActionContext& context,
                                  const std::string& /*check*/) -> Made {
    return make_replication_lag(std::move(database), Duration(integer_or(context.settings, "max")));
  };
  return {
      on_database(fence_kind(), "let the superuser of `admin` log in there, and name it right",
                  dependencies, fence),
      on_database(promote_kind(), "make its database a standby again that streams", dependencies,
                  promote),
      on_database(caught_up_kind(), "see that the target is a standby of the source", dependencies,
                  caught_up),
      on_database(rejoin_kind(), "start its server, or rebuild it by hand", dependencies, rejoin),
      on_database(replication_lag_kind(),
                  "see what holds the standby up (its disk, the network, a long query), or "
                  "wait until it has caught up",
                  dependencies, replication_lag)};
}

}  // namespace bascule::postgres
