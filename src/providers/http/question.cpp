#include "providers/http/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace bascule::http {
namespace {

constexpr std::size_t kBodyLimit = 256 * 1024;
constexpr std::size_t kHeaderLimit = 16 * 1024;

Json object_or_empty(const Json& settings, const char* name) {
  const auto found = settings.find(name);
  return found != settings.end() && found->is_object() ? *found : Json::object();
}

Result<std::shared_ptr<const net::TlsContext>> make_tls(const Json& tls) {
  net::TlsSettings wanted;
  wanted.authority_file = text_or(tls, "ca");
  wanted.certificate_file = text_or(tls, "cert");
  wanted.key_file = text_or(tls, "key");
  wanted.verify = boolean_or(tls, "verify", true);
  wanted.server_name = text_or(tls, "server_name");
  return net::TlsContext::for_client(std::move(wanted));
}

std::optional<Microseconds> measured(Microseconds part) {
  if (part == Microseconds{0}) return std::nullopt;
  return part;
}

}  // namespace

std::vector<Field> question_fields() {
  Field status{.name = "status",
               .type = FieldType::list,
               .summary = "Statuses that count as healthy.",
               .default_value = Json::array({200})};
  status.items = {
      Field{.name = "status", .type = FieldType::integer, .minimum = 100, .maximum = 599}};
  Field headers{.name = "headers",
                .type = FieldType::map,
                .summary = "Headers sent with the request.",
                .default_value = Json::object()};
  headers.items = {Field{.name = "value", .type = FieldType::text}};
  const Field expect{.name = "expect",
                     .type = FieldType::object,
                     .summary = "What a good answer looks like.",
                     .default_value = Json::object(),
                     .fields = {status, Field{.name = "body",
                                              .type = FieldType::text,
                                              .summary = "Text that the body must contain.",
                                              .default_value = ""}}};
  const Field tls{
      .name = "tls",
      .type = FieldType::object,
      .summary = "How the server is verified, and what we show it.",
      .default_value = Json::object(),
      .fields = {
          Field{.name = "ca",
                .summary = "PEM file of the authorities to trust instead of the system's."},
          Field{.name = "cert", .summary = "PEM file of our certificate."},
          Field{.name = "key", .summary = "PEM file of our key."},
          Field{.name = "server_name",
                .summary = "Name to ask for and to verify instead of the URL's."},
          Field{.name = "verify",
                .type = FieldType::boolean,
                .summary = "false accepts any certificate; shown wherever the check is shown.",
                .default_value = true}}};
  return {Field{.name = "url", .summary = "http:// or https:// address to ask.", .required = true},
          Field{.name = "method",
                .type = FieldType::word,
                .summary = "Request method.",
                .default_value = "GET",
                .words = {"GET", "HEAD", "POST", "OPTIONS"}},
          headers,
          expect,
          Field{.name = "redirects",
                .type = FieldType::integer,
                .summary = "How many redirects are followed.",
                .default_value = 10,
                .minimum = 0,
                .maximum = 50},
          tls};
}

namespace {

// What the client writes itself, from the address and the body.
bool is_the_clients(std::string_view header) {
  constexpr std::array<std::string_view, 4> kOwn = {"Host", "Content-Length", "Connection",
                                                    "Transfer-Encoding"};
  return std::ranges::any_of(
      kOwn, [&](std::string_view own) { return net::equal_without_case(own, header); });
}

Result<net::Request> make_request(const Json& settings, const Secrets& secrets) {
  const auto url_setting = settings.find("url");
  if (url_setting != settings.end() && is_secret_reference(*url_setting)) {
    return fail(ErrorCode::invalid,
                "url: it is printed, so it cannot be a secret: send what is "
                "secret in a header");
  }
  Result<net::Url> url = net::parse_url(text_or(settings, "url"));
  if (!url) return fail(in_context("url", url.error()));
  net::Request request(text_or(settings, "method", "GET"), std::move(*url));
  request.headers.set("User-Agent", "bascule");
  for (const auto& [name, value] : object_or_empty(settings, "headers").items()) {
    if (is_the_clients(name)) {
      return fail(ErrorCode::invalid, "header {}: it is written from the url and the body", name);
    }
    Result<std::string> text = secrets.reveal(value);
    if (!text) return fail(in_context("header " + name, text.error()));
    request.headers.set(name, *text);
  }
  if (auto usable = request.headers.check(); !usable) return error_of(usable);
  return request;
}

}  // namespace

Result<Question> make_question(const Json& settings, net::Resolver& resolver, Services& services) {
  Result<net::Request> request = make_request(settings, services.secrets);
  if (!request) return error_of(request);
  Question question;
  question.request = std::move(*request);
  const Json expect = object_or_empty(settings, "expect");
  for (const Json& status : expect.value("status", Json::array({200}))) {
    if (status.is_number_integer()) question.expected_status.push_back(status.get<int>());
  }
  if (const auto part = expect.find("body"); part != expect.end() && !part->is_null()) {
    Result<std::string> text = services.secrets.reveal(*part);
    if (!text) return fail(in_context("expect.body", text.error()));
    question.expected_body = std::move(*text);
  }
  question.limits.header = kHeaderLimit;
  question.limits.body = kBodyLimit;
  question.limits.truncate_body = true;
  question.limits.redirects = static_cast<int>(integer_or(settings, "redirects", 10));
  net::ClientSettings client_settings;
  const Json tls_settings = object_or_empty(settings, "tls");
  // Plain addresses too may lead to https, by a redirect.
  const bool says_how =
      !text_or(tls_settings, "ca").empty() || !text_or(tls_settings, "cert").empty() ||
      !text_or(tls_settings, "server_name").empty() || !boolean_or(tls_settings, "verify", true);
  if (question.request.url.secure() || says_how) {
    auto tls = make_tls(tls_settings);
    if (!tls) return fail(in_context("tls", tls.error()));
    client_settings.tls = *tls;
  }
  question.client =
      std::make_shared<net::HttpClient>(services.clock, resolver, std::move(client_settings));
  return question;
}

namespace {

void judge(const Question& question, const net::Response& response, Observation& observation) {
  const bool expected = std::ranges::find(question.expected_status, response.status) !=
                        question.expected_status.end();
  if (!expected) {
    observation.health = response.status >= 500 ? Health::critical : Health::degraded;
    observation.summary =
        fmt::format("{} {}", response.status, net::reason_phrase(response.status));
    return;
  }
  observation.health = Health::healthy;
  observation.summary = fmt::format("{}", response.status);
  if (response.body.find(question.expected_body) != std::string::npos) return;
  observation.health = Health::degraded;
  observation.summary += response.body_truncated
                             ? fmt::format(
                                   ", but the first {} KiB of the body lack the expected "
                                   "text",
                                   kBodyLimit / 1024)
                             : ", but the body lacks the expected text";
}

}  // namespace

Observation judge_answer(const Question& question, const Result<net::Response>& response) {
  Observation observation;
  if (!response) {
    observation.health = Health::failed;
    observation.error = response.error();
    observation.summary = response.error().message;
    return observation;
  }
  observation.latency = response->timing.total;
  observation.timing =
      ProbeTiming{measured(response->timing.lookup), measured(response->timing.connect),
                  measured(response->timing.tls), measured(response->timing.first_byte)};
  observation.detail = {{"status", response->status}, {"redirects", response->redirects}};
  judge(question, *response, observation);
  if (response->tls && !response->tls->verified) {
    observation.detail["certificate_verified"] = false;
    observation.summary += ", certificate not verified";
  }
  return observation;
}

}  // namespace bascule::http
