#include "providers/dns/kinds.h"

#include <utility>

#include "providers/dns/front_door.h"

namespace bascule::dns {
namespace {

constexpr std::uint16_t kDnsPort = 53;

bool has_blank(const std::string& text) {
  return text.find_first_of(" \t\r\n") != std::string::npos;
}

Result<FrontDoorSettings> front_door_settings(const Json& settings, const std::string& cluster) {
  FrontDoorSettings made;
  made.zone = text_or(settings, "zone");
  made.name = text_or(settings, "name");
  made.type = text_or(settings, "type", "A");
  made.ttl_seconds = static_cast<std::uint32_t>(integer_or(settings, "ttl", 60'000) / 1'000);
  made.address = text_or(settings, "address");
  made.cluster = cluster;
  for (const std::string& name : {made.zone, made.name, "_bascule." + made.name}) {
    const RecordSet named{name, made.type, made.ttl_seconds, {}};
    if (auto checked = check_record(named); !checked) return error_of(checked);
  }
  if (!is_within(made.name, made.zone))
    return fail(ErrorCode::invalid, "{} is not in the zone {}", made.name, made.zone);
  if (has_blank(cluster))
    return fail(ErrorCode::invalid, "the cluster's name `{}` has a blank inside", cluster);
  if (made.address.empty()) return made;
  Result<std::string> address = canonical_value(made.type, made.address);
  if (!address) return fail(in_context("address", address.error()));
  made.address = std::move(*address);
  return made;
}

Result<std::shared_ptr<Action>> make_front_door(ActionContext context, net::Resolver& resolver,
                                                Services& services) {
  const Json& settings = context.settings;
  Result<FrontDoorSettings> made = front_door_settings(settings, context.cluster);
  if (!made) return error_of(made);
  const Json key_settings = settings.value("key", Json::object());
  Result<std::string> secret = services.secrets.reveal(key_settings.value("secret", Json("")));
  if (!secret) return fail(in_context("key", secret.error()));
  Key key{text_or(key_settings, "name"), text_or(key_settings, "algorithm", "hmac-sha256"),
          std::move(*secret)};
  if (auto checked = check_key(key); !checked) return error_of(checked);
  std::vector<std::string> servers = texts_or_empty(settings, "servers");
  if (servers.empty()) return fail(ErrorCode::invalid, "`servers` names no name server");
  for (const std::string& server : servers) {
    const auto address = net::parse_host_port(server, kDnsPort);
    if (!address) return fail(in_context("servers", address.error()));
  }
  auto zone = std::make_unique<ZoneClient>(services.clock, resolver, made->zone, std::move(servers),
                                           std::move(key));
  return std::make_shared<FrontDoor>(services.clock, std::move(*made), std::move(zone));
}

Kind record_kind() {
  Kind kind;
  kind.name = "dns.record";
  kind.role = KindRole::front_door;
  kind.summary =
      "A record of an own authoritative zone, written by RFC 2136 updates with TSIG as "
      "compare-and-set.";
  Field servers{
      .name = "servers",
      .type = FieldType::list,
      .summary = "Authoritative servers, HOST:PORT; updates go to the first, all are read back.",
      .required = true};
  servers.items = {Field{.name = "server"}};
  kind.fields = {
      servers,
      Field{.name = "zone", .summary = "The zone, with its final dot.", .required = true},
      Field{
          .name = "name", .summary = "What clients look up, with its final dot.", .required = true},
      Field{.name = "type",
            .type = FieldType::word,
            .summary = "Record type.",
            .default_value = "A",
            .words = {"A", "AAAA", "CNAME"}},
      Field{.name = "ttl",
            .type = FieldType::duration,
            .summary = "How long resolvers may keep it.",
            .default_value = "60s",
            .minimum = 1'000,
            .maximum = 604'800'000},
      Field{.name = "key",
            .type = FieldType::object,
            .summary = "The TSIG key that may update the zone.",
            .required = true,
            .fields = {Field{.name = "name", .summary = "Name of the key.", .required = true},
                       Field{.name = "algorithm",
                             .type = FieldType::word,
                             .summary = "Its algorithm.",
                             .default_value = "hmac-sha256",
                             .words = {"hmac-sha256", "hmac-sha512"}},
                       Field{.name = "secret",
                             .summary = "Its secret, base64.",
                             .required = true,
                             .secret = true}}}};
  kind.outputs = {Field{.name = "generation",
                        .type = FieldType::integer,
                        .summary = "Of a claim: the generation taken."},
                  Field{.name = "address", .summary = "What the name shows."}};
  kind.permissions = {"RFC 2136 updates of NAME and TXT _bascule.NAME with the key",
                      "queries to every server"};
  return kind;
}

}  // namespace

std::vector<ActionKind> action_kinds(net::Resolver& resolver) {
  ActionKind record;
  record.kind = record_kind();
  record.make = [&resolver](ActionContext context, Services& services) {
    return make_front_door(std::move(context), resolver, services);
  };
  return {record};
}

}  // namespace bascule::dns
