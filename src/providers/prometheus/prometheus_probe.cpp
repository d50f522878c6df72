#include <algorithm>
#include <cmath>
#include <utility>

#include "net/request_settings.h"
#include "providers/prometheus/answer.h"
#include "providers/prometheus/limits.h"
#include "providers/prometheus/prometheus.h"

namespace bascule::prometheus {
namespace {

constexpr std::size_t kBodyLimit = 512 * 1024;

struct Settings {
  net::Request request;  // without the time that is left
  std::shared_ptr<net::ConfiguredClient> client;
  Limits limits;
  Health no_data = Health::unknown;
};

class PrometheusProbe final : public Probe {
 public:
  PrometheusProbe(Settings settings, Clock& clock)
      : settings_(std::move(settings)), clock_(clock) {}

  awaitable<Observation> look(Deadline deadline) override {
    net::Request request = settings_.request;
    // Nobody waits for the answer after that.
    const Duration left = std::max(deadline.left(clock_), Duration{1});
    request.url.target += fmt::format("&timeout={}ms", left.count());
    net::Limits limits;
    limits.body = kBodyLimit;
    const Result<net::Response> response =
        co_await settings_.client->fetch(std::move(request), limits, deadline);
    if (!response) co_return unknown(response.error());
    const Result<Answer> answer = read_answer(*response);
    Observation seen = answer ? judge(*answer) : unknown(answer.error());
    settings_.client->note(*response, seen);
    co_return seen;
  }

  // There is nothing to hold: waits for its cancellation.
  awaitable<void> watch(Watcher&) override {
    constexpr Duration kLong{3'600'000};
    while (true) co_await wait_for(clock_, kLong);
  }

 private:
  static Observation unknown(const Error& error) {
    Observation seen;
    seen.health = Health::unknown;
    seen.error = error;
    seen.summary = error.message;
    return seen;
  }

  // The worst series counts; those without a number are what `no_data` says.
  [[nodiscard]] Observation judge(const Answer& answer) const {
    Observation seen;
    const Sample* worst = nullptr;
    Limits::Judgement verdict;
    std::size_t without = 0;
    for (const Sample& sample : answer.samples) {
      if (std::isnan(sample.value)) {
        ++without;
        continue;
      }
      const Limits::Judgement one = settings_.limits.judge(sample.value);
      if (worst != nullptr && one.health <= verdict.health) continue;
      worst = &sample;
      verdict = one;
    }
    seen.detail = {{"series", answer.samples.size()}, {"without_number", without}};
    const std::size_t numbers = answer.samples.size() - without;
    if (worst != nullptr) {
      seen.health = verdict.health;
      seen.summary = sentence(*worst, verdict, numbers);
      seen.detail["value"] = worst->text;
    }
    // A number that is there outweighs one that is missing, unless missing is said to be worse.
    const bool worse = settings_.no_data != Health::unknown && settings_.no_data > seen.health;
    if (worst == nullptr || (without > 0 && worse)) {
      seen.health = settings_.no_data;
      seen.summary = without == 0 ? "no data: the query gives no series"
                                  : fmt::format("no data: {} of {} series have no number", without,
                                                answer.samples.size());
    }
    for (const std::string& warning : answer.warnings) seen.summary += ", warning: " + warning;
    return seen;
  }

  static std::string sentence(const Sample& worst, const Limits::Judgement& verdict,
                              std::size_t series) {
    if (verdict.health == Health::healthy && series > 1) {
      return fmt::format("{} series within the limits", series);
    }
    std::string text = worst.text;
    if (!worst.series.empty()) text += " of " + worst.series;
    if (!verdict.because.empty()) text += ", " + verdict.because;
    if (series > 1) text += fmt::format(", worst of {} series", series);
    return text;
  }

  Settings settings_;
  Clock& clock_;
};

Result<net::Request> make_request(const Json& settings, const Secrets& secrets) {
  Result<net::Request> request = net::configured_request(
      settings, [&secrets](const Json& setting) { return secrets.reveal(setting); });
  if (!request) return request;
  net::Url& url = request->url;
  if (!url.query().empty()) {
    return fail(ErrorCode::invalid,
                "url: it is the address of Prometheus; the query has its own "
                "setting, `query`");
  }
  const std::string query = text_or(settings, "query");
  if (query.empty()) {
    return fail(ErrorCode::invalid,
                "query: it is empty, or a secret; it is printed, so it may not "
                "be one");
  }
  std::string path(url.path());
  while (path.ends_with('/')) path.pop_back();
  url.target = path + "/api/v1/query?query=" + net::percent_encode(query);
  if (const Result<net::Url> usable = net::parse_url(url.text()); !usable) {
    return fail(in_context("query", usable.error()));
  }
  return request;
}

Result<std::shared_ptr<Probe>> make(const Json& settings, net::Resolver& resolver,
                                    Services& services) {
  Settings made;
  Result<net::Request> request = make_request(settings, services.secrets);
  if (!request) return error_of(request);
  made.request = *std::move(request);
  Result<Limits> limits = read_limits(settings);
  if (!limits) return error_of(limits);
  made.limits = *std::move(limits);
  made.no_data =
      parse_word<Health>(text_or(settings, "no_data", "unknown")).value_or(Health::unknown);
  auto client = net::ConfiguredClient::make(settings, services.clock, resolver);
  if (!client) return error_of(client);
  made.client = *std::move(client);
  return std::make_shared<PrometheusProbe>(std::move(made), services.clock);
}

}  // namespace

ProbeKind probe_kind(net::Resolver& resolver) {
  ProbeKind probe;
  probe.kind.name = "prometheus";
  probe.kind.role = KindRole::probe;
  probe.kind.summary =
      "A number that Prometheus knows, held against limits; of several series the worst counts. No "
      "answer of Prometheus is unknown, which moves nothing.";
  probe.kind.fields = net::request_fields();
  const auto after_url = probe.kind.fields.begin() + 1;
  probe.kind.fields.insert(
      after_url,
      Field{.name = "query", .summary = "The instant query (PromQL).", .required = true});
  for (Field& field : limit_fields()) probe.kind.fields.push_back(std::move(field));
  probe.kind.fields.push_back(
      Field{.name = "no_data",
            .type = FieldType::word,
            .summary = "What it is when the query gives no series, or none with a number. Take "
                       "`healthy` for queries that list what is wrong.",
            .default_value = "unknown",
            .words = {"unknown", "healthy", "degraded", "critical"}});
  probe.make = [&resolver](ProbeContext context, Services& services) {
    return make(context.settings, resolver, services);
  };
  return probe;
}

}  // namespace bascule::prometheus
