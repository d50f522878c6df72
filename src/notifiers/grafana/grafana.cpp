#include "notifiers/grafana/grafana.h"

#include <fmt/format.h>

#include <utility>

#include "notifiers/vendor.h"

namespace bascule {
namespace {

class GrafanaNotifier final : public Notifier {
 public:
  explicit GrafanaNotifier(std::shared_ptr<net::ApiClient> api) : api_(std::move(api)) {}

  awaitable<Result<void>> send(Message message, Deadline deadline) override {
    if (boolean_or(message.data, "test", false)) co_return co_await reach(deadline);
    if (text_or(message.data, "type") != "RunEnded") co_return Result<void>();
    auto made = request("POST", "/api/annotations");
    if (!made) co_return error_of(made);
    made->body = to_text(grafana_annotation(message, texts_or_empty(api_->settings(), "tags"),
                                            text_or(api_->settings(), "dashboard")));
    co_return co_await api_->tell(std::move(*made), deadline);
  }

  // Also shows whether the token may see annotations.
  awaitable<Result<void>> reach(Deadline deadline) override {
    auto made = request("GET", "/api/annotations?limit=1");
    if (!made) co_return error_of(made);
    co_return co_await api_->tell(std::move(*made), deadline);
  }

 private:
  Result<net::Request> request(std::string method, const std::string& path) {
    std::string address = text_or(api_->settings(), "url");
    while (address.ends_with('/')) address.pop_back();
    auto made = net::ApiClient::request(std::move(method), "url", address + path);
    const Result<std::string> token = api_->reveal("token");
    if (!token) return error_of(token);
    if (made) made->headers.set("Authorization", "Bearer " + *token);
    return made;
  }

  std::shared_ptr<net::ApiClient> api_;
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
  return vendor_kind(
      resolver, "grafana", "Marks each run that has ended as an annotation in Grafana.",
      {Field{.name = "url", .summary = "Grafana's address.", .required = true},
       Field{.name = "token",
             .summary = "Of a service account that may write annotations.",
             .required = true,
             .secret = true},
       text_list("tags", "tag", "Tags of the annotations, beside bascule, cluster and group."),
       Field{.name = "dashboard", .summary = "UID of one dashboard; else all see it by its tags."}},
      make_notifier<GrafanaNotifier>);
}

}  // namespace bascule
