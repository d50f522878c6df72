#include "net/request_settings.h"

#include <algorithm>
#include <array>
#include <utility>

namespace bascule::net {
namespace {

constexpr int kPartOfLife = 3;  // certificates that live for hours are renewed late by design

Json object_or_empty(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  return found != settings.end() && found->is_object() ? *found : Json::object();
}

// Nothing when it is not written. A secret is an object here, see ports/secrets.h.
Result<std::string> plain_text(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  if (found == settings.end() || found->is_null()) return std::string();
  if (found->is_string()) return found->get<std::string>();
  return fail(ErrorCode::invalid,
              "{}: it is printed, so it cannot be a secret; what is secret goes into a header",
              name);
}

// What the client writes itself, from the address and the body.
bool is_the_clients(std::string_view header) {
  constexpr std::array<std::string_view, 4> kOwn = {"Host", "Content-Length", "Connection",
                                                    "Transfer-Encoding"};
  return std::ranges::any_of(kOwn,
                             [&](std::string_view own) { return equal_without_case(own, header); });
}

Result<void> read_headers(const Json& settings, const Reveal& reveal, Headers& headers) {
  for (const auto& [name, value] : object_or_empty(settings, "headers").items()) {
    if (is_the_clients(name)) {
      return fail(ErrorCode::invalid,
                  "header {}: it is written from the url and the body; to ask one address for "
                  "another host, write that host into `url` and the address into `connect`",
                  name);
    }
    Result<std::string> text = reveal(value);
    if (!text) return fail(in_context("header " + name, text.error()));
    headers.set(name, *std::move(text));
  }
  return headers.check();
}

Result<std::optional<HostPort>> read_connect(const Json& settings) {
  const Result<std::string> text = plain_text(settings, "connect");
  if (!text) return error_of(text);
  if (text->empty()) return std::nullopt;
  // Port 0 cannot be written: it stands for the port of the url.
  Result<HostPort> place = parse_host_port(*text, 0);
  if (!place) return fail(in_context("connect", place.error()));
  return *std::move(place);
}

std::optional<Microseconds> measured(Microseconds part) {
  if (part == Microseconds{0}) return std::nullopt;
  return part;
}

Field tls_field() {
  return Field{
      .name = "tls",
      .type = FieldType::object,
      .summary = "How the server is verified, and what we show it.",
      .default_value = Json::object(),
      .fields = {
          Field{.name = "ca",
                .summary = "PEM file of the authorities to trust instead of the system's."},
          Field{.name = "cert",
                .summary = "PEM file of our certificate; read again when it changes."},
          Field{.name = "key", .summary = "PEM file of our key."},
          Field{.name = "server_name",
                .summary = "Name to ask for and to verify instead of the URL's."},
          Field{.name = "verify",
                .type = FieldType::boolean,
                .summary = "false accepts any certificate; shown wherever the check is shown.",
                .default_value = true}}};
}

}  // namespace

std::vector<Field> request_fields() {
  Field headers{.name = "headers",
                .type = FieldType::map,
                .summary = "Headers sent with the request.",
                .default_value = Json::object()};
  headers.items = {Field{.name = "value", .type = FieldType::text}};
  return {Field{.name = "url", .summary = "http:// or https:// address to ask.", .required = true},
          Field{.name = "connect",
                .summary = "HOST or HOST:PORT to connect to, instead of the URL's, which is still "
                           "asked for and verified: one site behind a name that several serve."},
          headers, tls_field()};
}

void add_expiry(std::vector<Field>& fields) {
  for (Field& field : fields) {
    if (field.name != "tls") continue;
    field.fields.push_back(
        Field{.name = "expires_within",
              .type = FieldType::duration,
              .summary = "Degraded when the server's certificate has less than this, and less than "
                         "a third of its life, left; 0s: never.",
              .default_value = "7d"});
  }
}

Result<Request> configured_request(const Json& settings, const Reveal& reveal) {
  const Result<std::string> written = plain_text(settings, "url");
  if (!written) return error_of(written);
  Result<Url> url = parse_url(*written);
  if (!url) return fail(in_context("url", url.error()));
  Request request("GET", *std::move(url));
  Result<std::optional<HostPort>> place = read_connect(settings);
  if (!place) return error_of(place);
  request.connect = *std::move(place);
  request.headers.set("User-Agent", "bascule");
  // Bodies are read as they come.
  request.headers.set("Accept-Encoding", "identity");
  if (auto usable = read_headers(settings, reveal, request.headers); !usable) {
    return error_of(usable);
  }
  return request;
}

Result<std::shared_ptr<ConfiguredClient>> ConfiguredClient::make(const Json& settings, Clock& clock,
                                                                 Resolver& resolver) {
  const Json tls = object_or_empty(settings, "tls");
  for (const char* name : {"ca", "cert", "key", "server_name"}) {
    // The name of the file is meant, not what it holds.
    if (const Result<std::string> text = plain_text(tls, name); !text) {
      return fail(in_context("tls", text.error()));
    }
  }
  std::shared_ptr<ConfiguredClient> client(new ConfiguredClient(clock, resolver, tls));
  if (const Result<void> loaded = client->load(); !loaded) {
    return fail(in_context("tls", loaded.error()));
  }
  return client;
}

ConfiguredClient::ConfiguredClient(Clock& clock, Resolver& resolver, const Json& tls)
    : clock_(clock), resolver_(resolver) {
  tls_.authority_file = text_or(tls, "ca");
  tls_.certificate_file = text_or(tls, "cert");
  tls_.key_file = text_or(tls, "key");
  tls_.verify = boolean_or(tls, "verify", true);
  tls_.server_name = text_or(tls, "server_name");
  own_tls_ = !tls_.authority_file.empty() || !tls_.certificate_file.empty() ||
             !tls_.key_file.empty() || !tls_.server_name.empty() || !tls_.verify;
  expires_within_ = Duration{integer_or(tls, "expires_within", 0)};
}

ConfiguredClient::Stamps ConfiguredClient::stamps() const {
  Stamps stamps;
  for (const std::string* file : {&tls_.authority_file, &tls_.certificate_file, &tls_.key_file}) {
    std::error_code missing;
    if (!file->empty()) stamps.push_back(std::filesystem::last_write_time(*file, missing));
  }
  return stamps;
}

Result<void> ConfiguredClient::load() {
  ClientSettings settings;
  Stamps stamps_before = stamps();
  if (own_tls_) {
    Result<std::shared_ptr<const TlsContext>> context = TlsContext::for_client(tls_);
    if (!context) return error_of(context);
    settings.tls = *std::move(context);
  }
  client_ = std::make_shared<HttpClient>(clock_, resolver_, std::move(settings));
  loaded_ = std::move(stamps_before);
  return {};
}

awaitable<Result<Response>> ConfiguredClient::fetch(Request request, Limits limits,
                                                    Deadline deadline) {
  if (loaded_ != stamps()) {
    // Certificate and key are two files: between the two writes they do not fit together.
    [[maybe_unused]] const Result<void> kept = load();
  }
  const std::shared_ptr<HttpClient> client = client_;
  co_return co_await client->fetch(std::move(request), limits, deadline);
}

void ConfiguredClient::note(const Response& response, Observation& observation) const {
  const Timing& timing = response.timing;
  observation.latency = timing.total;
  observation.timing = ProbeTiming{measured(timing.lookup), measured(timing.connect),
                                   measured(timing.tls), measured(timing.first_byte)};
  if (response.peer) observation.detail["address"] = to_string(*response.peer);
  if (!response.tls) return;
  const TlsDetails& tls = *response.tls;
  if (!tls.verified) {
    observation.detail["certificate_verified"] = false;
    observation.summary += ", certificate not verified";
  }
  if (!tls.expires || !tls.begins) return;
  const Duration left = *tls.expires - clock_.now();
  observation.detail["certificate_days_left"] = std::chrono::floor<std::chrono::days>(left).count();
  if (left >= expires_within_ || left >= (*tls.expires - *tls.begins) / kPartOfLife) return;
  const bool over = left <= Duration{0};  // only where it is not verified
  observation.summary += over ? std::string(", certificate has expired")
                              : ", certificate expires in " + to_rough(left);
  if (observation.health == Health::healthy && tls.verified) {
    observation.health = Health::degraded;
  }
}

}  // namespace bascule::net
