// Kinds for this room's tests, modelled on the two-site example: the real ones are declared by the
// providers. Only tests include this.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/loader.h"
#include "model/kind.h"

namespace bascule::config::sample {

inline Field required(std::string name, FieldType type = FieldType::text) {
  return Field{.name = std::move(name), .type = type, .required = true};
}
inline Field optional(std::string name, FieldType type = FieldType::text,
                      Json otherwise = nullptr) {
  return Field{.name = std::move(name), .type = type, .default_value = std::move(otherwise)};
}
inline Field secret(std::string name) {
  return Field{.name = std::move(name), .required = true, .secret = true};
}
inline Field list_of(std::string name, Field item, Json otherwise = nullptr) {
  Field field = optional(std::move(name), FieldType::list, std::move(otherwise));
  field.items = {std::move(item)};
  return field;
}
inline Field object_of(std::string name, std::vector<Field> fields, Json otherwise = nullptr) {
  Field field = optional(std::move(name), FieldType::object, std::move(otherwise));
  field.fields = std::move(fields);
  return field;
}
inline Field word(std::string name, std::vector<std::string> words, Json otherwise = nullptr) {
  Field field = optional(std::move(name), FieldType::word, std::move(otherwise));
  field.words = std::move(words);
  return field;
}
inline Field bounded(Field field, std::int64_t minimum, std::int64_t maximum) {
  field.minimum = minimum;
  field.maximum = maximum;
  return field;
}
inline Field database_check() {
  Field field = required("check", FieldType::check);
  field.check_kind = "postgres";
  return field;
}
inline Field command(std::string name, bool needed = false) {
  Field field = list_of(std::move(name), Field{.name = "word"});
  field.required = needed;
  return field;
}

inline std::vector<Kind> probes() {
  Field headers = optional("headers", FieldType::map, Json::object());
  headers.items = {Field{.name = "value"}};
  const Field status =
      list_of("status", bounded(optional("status", FieldType::integer), 100, 599), {200});
  Kind http{.name = "http", .role = KindRole::probe, .summary = "Asks over HTTP."};
  http.fields = {
      required("url"),
      word("method", {"GET", "HEAD", "POST"}, "GET"),
      headers,
      object_of("expect", {status, optional("body", FieldType::text, "")}, Json::object()),
      bounded(optional("redirects", FieldType::integer, 10), 0, 50),
      object_of("tls", {optional("ca"), optional("verify", FieldType::boolean, true)},
                Json::object())};
  Kind tcp{.name = "tcp", .role = KindRole::probe, .summary = "Connects."};
  tcp.fields = {required("host"), bounded(required("port", FieldType::integer), 1, 65'535)};
  Kind postgres{.name = "postgres", .role = KindRole::probe, .summary = "Looks at PostgreSQL."};
  postgres.fields = {
      required("host"),
      bounded(optional("port", FieldType::integer, 5432), 1, 65'535),
      required("database"),
      required("user"),
      secret("password"),
      word("sslmode", {"disable", "require", "verify-ca", "verify-full"}, "verify-full"),
      object_of("admin", {required("user"), secret("password")}),
      optional("degraded_lag", FieldType::duration, "30s"),
      optional("critical_lag", FieldType::duration, "5m")};
  postgres.watches_database = true;
  return {http, tcp, postgres};
}

inline std::vector<Kind> actions() {
  Kind fence{.name = "postgres.fence", .summary = "Seals a database."};
  fence.fields = {database_check()};
  fence.phases = {Phase::fence};
  fence.rung = Rung::sealed;
  Kind promote{.name = "postgres.promote", .summary = "Makes a standby the primary."};
  promote.fields = {database_check()};
  promote.outputs = {Field{.name = "timeline", .type = FieldType::integer}};
  promote.phases = {Phase::activate};
  promote.reversible = false;
  promote.proven_by = "postgres.caught_up";
  Kind caught_up{.name = "postgres.caught_up", .summary = "Has everything."};
  caught_up.fields = {database_check()};
  caught_up.phases = {Phase::activate};
  Kind rejoin{.name = "postgres.rejoin", .summary = "Becomes a standby again."};
  rejoin.fields = {database_check(), command("run", true)};
  rejoin.phases = {Phase::protect};
  Kind lag{.name = "postgres.replication_lag", .summary = "Is close enough."};
  lag.fields = {database_check(), optional("max", FieldType::duration, "30s")};
  lag.phases = {Phase::verify};
  lag.preflight = true;
  Kind answers{.name = "http.answers", .summary = "Is answered."};
  answers.fields = {required("url"),
                    bounded(optional("attempts", FieldType::integer, 10), 1, 1'000),
                    optional("every", FieldType::duration, "5s")};
  answers.outputs = {Field{.name = "attempts", .type = FieldType::integer}};
  answers.phases = {Phase::activate, Phase::verify, Phase::protect};
  answers.preflight = true;
  Kind hook{.name = "hook", .summary = "Runs a command."};
  hook.fields = {command("run", true),
                 command("proof"),
                 command("undo"),
                 word("rung", {"none", "advisory", "sealed", "cut"}, "none"),
                 word("delivery", {"at_most_once", "at_least_once"}),
                 optional("at")};
  hook.outputs = {Field{.name = "output"}};
  hook.reversible_with = "undo";
  hook.rung_from = "rung";
  hook.proof_from = "proof";
  hook.preflight = true;
  Kind channels{.name = "notify.test", .summary = "People can be reached."};
  channels.preflight = true;
  channels.only_preflight = true;
  return {fence, promote, caught_up, rejoin, lag, answers, hook, channels};
}

inline Kinds kinds() {
  Kind record{.name = "dns.record", .role = KindRole::front_door, .summary = "One record set."};
  record.fields = {
      list_of("servers", Field{.name = "server"}),
      required("zone"),
      required("name"),
      word("type", {"A", "AAAA", "CNAME"}, "A"),
      optional("ttl", FieldType::duration, "60s"),
      object_of("key",
                {required("name"), word("algorithm", {"hmac-sha256", "hmac-sha512"}, "hmac-sha256"),
                 secret("secret")}),
      optional("at")};
  Kind log{.name = "log", .role = KindRole::notifier, .summary = "Appends to a file."};
  log.fields = {required("path")};
  Kind pager{.name = "pager", .role = KindRole::notifier, .summary = "Wakes somebody up."};
  pager.fields = {optional("key"), optional("token"), optional("service"), optional("from")};
  pager.ways = {{"key"}, {"token", "service", "from"}};
  Kind sqlite{.name = "sqlite", .role = KindRole::store, .summary = "One file."};
  sqlite.fields = {required("path")};
  Kind memory{.name = "memory", .role = KindRole::store, .summary = "Nothing is kept."};
  Kind folder{.name = "folder", .role = KindRole::report, .summary = "Two files for each run."};
  folder.fields = {required("path")};
  return Kinds{probes(),
               actions(),
               {record},
               {log, pager},
               {sqlite, memory},
               {folder},
               {"aws.s3.upload", "aws.rds.promote_replica", "aws.route53.record", "azure.postgres",
                "etcd", "slack", "kubernetes", "dns.resolves"}};
}

}  // namespace bascule::config::sample
