#include "providers/http/question.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bascule::http {
namespace {

constexpr std::size_t kBodyLimit = 256 * 1024;
constexpr std::size_t kHeaderLimit = 16 * 1024;

Field expect_field() {
  Field status{.name = "status",
               .type = FieldType::list,
               .summary = "Statuses that count as healthy.",
               .default_value = Json::array({200})};
  status.items = {
      Field{.name = "status", .type = FieldType::integer, .minimum = 100, .maximum = 599}};
  Field expect{.name = "expect",
               .type = FieldType::object,
               .summary = "What a good answer looks like.",
               .default_value = Json::object(),
               .fields = {status}};
  std::ranges::move(BodyExpectation::fields(), std::back_inserter(expect.fields));
  return expect;
}

}  // namespace

std::vector<Field> question_fields() {
  std::vector<Field> fields = net::request_fields();
  fields.insert(fields.begin() + 1, Field{.name = "method",
                                          .type = FieldType::word,
                                          .summary = "Request method.",
                                          .default_value = "GET",
                                          .words = {"GET", "HEAD", "OPTIONS"}});
  fields.push_back(expect_field());
  fields.push_back(Field{.name = "redirects",
                         .type = FieldType::integer,
                         .summary = "How many redirects are followed.",
                         .default_value = 10,
                         .minimum = 0,
                         .maximum = 50});
  return fields;
}

Result<Question> make_question(const Json& settings, net::Resolver& resolver, Services& services) {
  const auto reveal = [&services](const Json& setting) { return services.secrets.reveal(setting); };
  Result<net::Request> request = net::configured_request(settings, reveal);
  if (!request) return error_of(request);
  Question question;
  question.request = *std::move(request);
  question.request.method = text_or(settings, "method", "GET");
  const auto written = settings.find("expect");
  const Json expect = written != settings.end() ? *written : Json::object();
  for (const Json& status : expect.value("status", Json::array({200}))) {
    if (status.is_number_integer()) question.expected_status.push_back(status.get<int>());
  }
  Result<BodyExpectation> body = BodyExpectation::make(expect, services.secrets);
  if (!body) return error_of(body);
  question.expected_body = *std::move(body);
  if (question.request.method == "HEAD" && !question.expected_body.is_empty()) {
    return fail(ErrorCode::invalid,
                "expect: the answer to HEAD has no body; use GET, or expect a status only");
  }
  if (text_or(expect, "otherwise") == "critical") question.otherwise = Health::critical;
  question.limits.header = kHeaderLimit;
  question.limits.body = kBodyLimit;
  question.limits.truncate_body = true;
  question.limits.redirects = static_cast<int>(integer_or(settings, "redirects", 10));
  auto client = net::ConfiguredClient::make(settings, services.clock, resolver);
  if (!client) return error_of(client);
  question.client = *std::move(client);
  return question;
}

awaitable<Result<net::Response>> Question::ask(Deadline deadline) const {
  return client->fetch(request, limits, deadline);
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
  if (const auto mistake = question.expected_body.mistake(response)) {
    observation.health = question.otherwise;
    observation.summary += ", but " + *mistake;
  }
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
  observation.detail = {{"status", response->status}, {"redirects", response->redirects}};
  judge(question, *response, observation);
  question.client->note(*response, observation);
  return observation;
}

}  // namespace bascule::http
