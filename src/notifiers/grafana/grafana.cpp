#include "notifiers/grafana/grafana.h"

#include <fmt/format.h>

#include <utility>

#include "net/json_post.h"

namespace bascule {
namespace {

class GrafanaNotifier final : public Notifier {
 public:
  GrafanaNotifier(Json settings, Services& services, std::shared_ptr<net::HttpClient> client)
      : settings_(std::move(settings)), services_(services), client_(std::move(client)) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    if (boolean_or(message.data, "test", false)) co_return co_await reach(deadline);
    if (text_or(message.data, "type") != "RunEnded") co_return Result<void>();
    auto made = request("POST", "/api/annotations");
    if (!made) co_return error_of(made);
    made->body = to_text(grafana_annotation(message, texts_or_empty(settings_, "tags"),
                                            text_or(settings_, "dashboard")));
    auto sent = co_await net::send_json(services_.clock, *client_, std::move(*made), deadline);
    if (!sent) co_return error_of(sent);
    co_return Result<void>();
  }

  // Also shows whether the token may see annotations.
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto made = request("GET", "/api/annotations?limit=1");
    if (!made) co_return error_of(made);
    auto answer = co_await net::send_json(services_.clock, *client_, std::move(*made), deadline);
    if (!answer) co_return error_of(answer);
    co_return Result<void>();
  }

 private:
  [[nodiscard]] Result<net::Request> request(std::string method, const std::string& path) const {
    std::string address = text_or(settings_, "url");
    while (address.ends_with('/')) address.pop_back();
    Result<net::Url> url = net::parse_url(address + path);
    if (!url) return fail(in_context("url", url.error()));
    const Result<std::string> token = services_.secrets.reveal(settings_.at("token"));
    if (!token) return fail(in_context("token", token.error()));
    net::Request made(std::move(method), std::move(*url));
    made.headers.set("Authorization", "Bearer " + *token);
    return made;
  }

  Json settings_;
  Services& services_;
  std::shared_ptr<net::HttpClient> client_;
};

}  // namespace

Json grafana_annotation(const Message& message, const std::vector<std::string>& tags,
                        const std::string& dashboard) {
  Json all = tags;
  all.push_back("bascule");
  all.push_back("cluster:" + message.cluster);
  all.push_back("group:" + message.group.text());
  Json annotation{{"time", message.began_at.time_since_epoch().count()},
                  {"timeEnd", message.at.time_since_epoch().count()},
                  {"tags", std::move(all)},
                  {"text", fmt::format("{}\n{}", message.title, message.text)}};
  if (!dashboard.empty()) annotation["dashboardUID"] = dashboard;
  return annotation;
}

NotifierKind grafana_notifier(net::Resolver& resolver) {
  NotifierKind grafana;
  grafana.kind.name = "grafana";
  grafana.kind.role = KindRole::notifier;
  grafana.kind.summary = "Marks each run that has ended as an annotation in Grafana.";
  Field tags{.name = "tags",
             .type = FieldType::list,
             .summary = "Tags of the annotations, beside bascule, cluster and group.",
             .default_value = Json::array()};
  tags.items = {Field{.name = "tag"}};
  grafana.kind.fields = {
      Field{.name = "url", .summary = "Grafana's address.", .required = true},
      Field{.name = "token",
            .summary = "Of a service account that may write annotations.",
            .required = true,
            .secret = true},
      tags,
      Field{.name = "dashboard", .summary = "UID of one dashboard; else all see it by its tags."},
      Field{.name = "ca", .summary = "PEM file of the authorities to trust."}};
  grafana.make = [&resolver](Json settings,
                             Services& services) -> Result<std::shared_ptr<Notifier>> {
    auto client = net::make_api_client(services.clock, resolver, text_or(settings, "ca"));
    if (!client) return fail(in_context("ca", client.error()));
    return std::make_shared<GrafanaNotifier>(std::move(settings), services, std::move(*client));
  };
  return grafana;
}

}  // namespace bascule
