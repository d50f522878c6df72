#include "providers/http/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bascule::http {
namespace {

constexpr std::size_t kBodyLimit = 256 * 1024;
constexpr std::size_t kHeaderLimit = 16 * 1024;

Result<std::shared_ptr<const net::TlsContext>> make_tls(const Json& settings) {
  const Json tls = settings.value("tls", Json::object());
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

Result<Question> make_question(const Json& settings, net::Resolver& resolver, Services& services) {
  Question question;
  Result<net::Url> url = net::parse_url(text_or(settings, "url"));
  if (!url) return fail(in_context("url", url.error()));
  question.request = net::Request(text_or(settings, "method", "GET"), *url);
  question.request.headers.set("User-Agent", "bascule");
  const Json headers = settings.value("headers", Json::object());
  for (const auto& [name, value] : headers.items()) {
    Result<std::string> text = services.secrets.reveal(value);
    if (!text) return fail(in_context("header " + name, text.error()));
    question.request.headers.set(name, *text);
  }
  const Json expect = settings.value("expect", Json::object());
  for (const Json& status : expect.value("status", Json::array({200}))) {
    if (status.is_number_integer()) question.expected_status.push_back(status.get<int>());
  }
  question.expected_body = text_or(expect, "body");
  question.limits.header = kHeaderLimit;
  question.limits.body = kBodyLimit;
  question.limits.truncate_body = true;
  question.limits.redirects = static_cast<int>(integer_or(settings, "redirects", 10));
  net::ClientSettings client_settings;
  if (url->secure()) {
    auto tls = make_tls(settings);
    if (!tls) return error_of(tls);
    client_settings.tls = *tls;
  }
  question.client =
      std::make_shared<net::HttpClient>(services.clock, resolver, std::move(client_settings));
  return question;
}

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
  if (response->tls && !response->tls->verified) observation.detail["certificate_verified"] = false;
  observation.summary = fmt::format("{}", response->status);
  if (std::ranges::find(question.expected_status, response->status) ==
      question.expected_status.end()) {
    observation.health = response->status >= 500 ? Health::critical : Health::degraded;
    observation.summary =
        fmt::format("{} {}", response->status, net::reason_phrase(response->status));
    return observation;
  }
  if (response->body.find(question.expected_body) == std::string::npos) {
    observation.health = Health::degraded;
    observation.summary = fmt::format("{}, but the body lacks the expected text", response->status);
    return observation;
  }
  observation.health = Health::healthy;
  return observation;
}

}  // namespace bascule::http
