#include "providers/dns/kinds.h"

#include <utility>

#include "providers/dns/front_door.h"
#include "providers/dns/probe.h"
#include "providers/dns/resolves.h"

namespace bascule::dns {
namespace {

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
    if (auto usable = check_server(server); !usable)
      return fail(in_context("servers", usable.error()));
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
                             .secret = true}}},
      Field{.name = "at",
            .summary = "The place of the first server; without it, it survives every site."}};
  kind.outputs = {Field{.name = "generation",
                        .type = FieldType::integer,
                        .summary = "Of a claim: the generation taken."},
                  Field{.name = "address", .summary = "What the name shows."}};
  kind.permissions = {"RFC 2136 updates of NAME and TXT _bascule.NAME with the key",
                      "queries to every server"};
  return kind;
}

// With its final dot, which people leave out.
Result<std::string> absolute_name(std::string name) {
  if (!name.ends_with('.')) name += '.';
  if (auto checked = check_record(RecordSet{name, "A", 0, {}}); !checked) return error_of(checked);
  return name;
}

Result<std::vector<std::string>> read_servers(const Json& settings) {
  std::vector<std::string> servers = texts_or_empty(settings, "servers");
  for (const std::string& server : servers) {
    if (auto usable = check_server(server); !usable)
      return fail(in_context("servers", usable.error()));
  }
  return servers;
}

Field servers_field() {
  Field servers{.name = "servers",
                .type = FieldType::list,
                .summary = "Name servers to ask, HOST:PORT; default: `resolvers`.",
                .default_value = Json::array()};
  servers.items = {Field{.name = "server"}};
  return servers;
}

Result<Expectation> read_expectation(const Json& settings, const std::string& type) {
  const Json expect = settings.value("expect", Json::object());
  Expectation expectation;
  expectation.at_least = integer_or(expect, "at_least", 1);
  expectation.agree = boolean_or(expect, "agree", true);
  const bool of_addresses = type == "A" || type == "AAAA";
  const std::string key = of_addresses ? "addresses" : "values";
  if (!texts_or_empty(expect, of_addresses ? "values" : "addresses").empty()) {
    return fail(ErrorCode::invalid, "expect: records of type {} are expected under `{}`", type,
                key);
  }
  for (const std::string& value : texts_or_empty(expect, key)) {
    Result<std::string> canonical = canonical_value(type, value);
    if (!canonical) return fail(in_context("expect." + key, canonical.error()));
    expectation.allowed.push_back(std::move(*canonical));
  }
  const auto allowed = static_cast<std::int64_t>(expectation.allowed.size());
  if (allowed > 0 && allowed < expectation.at_least) {
    return fail(ErrorCode::invalid, "expect: at_least is {}, and only {} `{}` may be answered",
                expectation.at_least, allowed, key);
  }
  return expectation;
}

Result<std::shared_ptr<Probe>> make_probe(const Json& settings, net::Resolver& resolver,
                                          Services& services) {
  Result<std::string> name = absolute_name(text_or(settings, "name"));
  if (!name) return fail(in_context("name", name.error()));
  const std::string type = text_or(settings, "type", "A");
  Result<std::vector<std::string>> servers = read_servers(settings);
  if (!servers) return error_of(servers);
  Result<Expectation> expectation = read_expectation(settings, type);
  if (!expectation) return error_of(expectation);
  return std::make_shared<DnsProbe>(services, resolver, std::move(*servers),
                                    Question{std::move(*name), type, true},
                                    std::move(*expectation));
}

Kind check_kind() {
  Field addresses{.name = "addresses",
                  .type = FieldType::list,
                  .summary =
                      "Of type A and AAAA: what may be answered; empty: anything. A name "
                      "that shows the active site lists every site's.",
                  .default_value = Json::array()};
  addresses.items = {Field{.name = "address"}};
  Field values{
      .name = "values",
      .type = FieldType::list,
      .summary = "Of other types: what may be answered, as in a zone file; empty: anything.",
      .default_value = Json::array()};
  values.items = {Field{.name = "value"}};
  Kind kind;
  kind.name = "dns";
  kind.role = KindRole::probe;
  kind.summary =
      "A name, asked at every server: as expected healthy; a server silent, behind or different "
      "degraded; a wrong answer critical; none at all failed.";
  kind.fields = {
      Field{.name = "name", .summary = "What is looked up.", .required = true},
      Field{.name = "type",
            .type = FieldType::word,
            .summary = "Record type.",
            .default_value = "A",
            .words = {"A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"}},
      servers_field(),
      Field{.name = "expect",
            .type = FieldType::object,
            .summary = "What every server shall answer.",
            .default_value = Json::object(),
            .fields = {addresses, values,
                       Field{.name = "at_least",
                             .type = FieldType::integer,
                             .summary = "How many of them.",
                             .default_value = 1,
                             .minimum = 1,
                             .maximum = 1'000},
                       Field{.name = "agree",
                             .type = FieldType::boolean,
                             .summary = "Whether all servers must answer the same.",
                             .default_value = true}}}};
  kind.permissions = {"queries of NAME and of its zone's SOA to every server"};
  return kind;
}

Result<ResolvesSettings> resolves_settings(const Json& settings) {
  ResolvesSettings made;
  for (const std::string& written : texts_or_empty(settings, "names")) {
    Result<std::string> name = absolute_name(written);
    if (!name) return fail(in_context("names", name.error()));
    made.names.push_back(std::move(*name));
  }
  if (made.names.empty()) return fail(ErrorCode::invalid, "`names` names nothing to look up");
  Result<std::vector<std::string>> servers = read_servers(settings);
  if (!servers) return error_of(servers);
  made.servers = std::move(*servers);
  const std::int64_t port = integer_or(settings, "connect", 0);
  if (port > 0) made.connect = static_cast<std::uint16_t>(port);
  return made;
}

Kind resolves_kind() {
  Field names{.name = "names",
              .type = FieldType::list,
              .summary = "What must have an address.",
              .required = true};
  names.items = {Field{.name = "name"}};
  Kind kind;
  kind.name = "dns.resolves";
  kind.summary = "Every name has an address at every resolver, and takes connections if asked.";
  kind.fields = {names, servers_field(),
                 Field{.name = "connect",
                       .type = FieldType::integer,
                       .summary = "A port that every address must take connections at; default: "
                                  "none is tried.",
                       .minimum = 1,
                       .maximum = 65'535}};
  kind.permissions = {"queries to every server", "TCP to `connect` of every address"};
  kind.preflight = true;
  kind.only_preflight = true;
  return kind;
}

}  // namespace

std::vector<ActionKind> action_kinds(net::Resolver& resolver) {
  ActionKind record;
  record.kind = record_kind();
  record.remedy =
      "see that each of its servers answers for the zone and takes updates with the key";
  record.make = [&resolver](ActionContext context, Services& services) {
    return make_front_door(std::move(context), resolver, services);
  };
  ActionKind resolves;
  resolves.kind = resolves_kind();
  resolves.remedy = "do at the resolvers, the zone or the listener what the answer says";
  resolves.make = [&resolver](ActionContext context,
                              Services& services) -> Result<std::shared_ptr<Action>> {
    Result<ResolvesSettings> settings = resolves_settings(context.settings);
    if (!settings) return error_of(settings);
    return std::make_shared<Resolves>(services, resolver, std::move(*settings));
  };
  return {record, resolves};
}

std::vector<ProbeKind> probe_kinds(net::Resolver& resolver) {
  ProbeKind check;
  check.kind = check_kind();
  check.make = [&resolver](ProbeContext context,
                           Services& services) -> Result<std::shared_ptr<Probe>> {
    return make_probe(context.settings, resolver, services);
  };
  return {check};
}

}  // namespace bascule::dns
