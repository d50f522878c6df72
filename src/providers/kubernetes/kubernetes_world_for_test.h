// What the tests of this room need: a simulated cluster (sandbox/kubernetes) in a process of its
// own, what is ordered and asked of it beside Bascule, and a kubeconfig that names it. Only for
// tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "async/child_process.h"
#include "net/loopback_for_test.h"
#include "ports/plain_world_for_test.h"
#include "providers/kubernetes/kinds.h"

namespace bascule::kubernetes {

struct KubernetesWorld : testing::Test {
  PlainWorld world;
  Clock& clock = world.clock;
  std::unique_ptr<net::Resolver> resolver = *net::Resolver::make(world.context, world.clock, {});
  TemporaryFolder folder;
  std::uint16_t port = net::closed_port(world.context);
  net::HttpClient http{world.clock, *resolver};
  Scope processes{world.context.get_executor(), nullptr};
  std::string output;
  std::shared_ptr<Clusters> clusters;

  void SetUp() override {
    start({});
    write_kubeconfig("{}");
    ASSERT_TRUE(world.becomes(
        [&] { return processes.running() == 0 || ask("GET", "/version").contains("major"); },
        Duration{60'000}));
    ASSERT_EQ(processes.running(), 1U) << output;
  }
  void TearDown() override {
    processes.request_stop();
    world.wait(processes.join());
  }
  void start(const std::vector<std::string>& more, const std::string& name = "east") {
    const std::string here = __FILE__;
    const std::string root = here.substr(0, here.rfind("/src/"));
    Command command;
    command.argv = {
        "/usr/bin/python3",  "-B", root + "/sandbox/kubernetes/serve.py", name, "--port",
        std::to_string(port)};
    command.argv.insert(command.argv.end(), more.begin(), more.end());
    processes.spawn("sandbox", run(std::move(command)));
  }
  awaitable<void> run(Command command) {
    const Result<Exit> exit =
        co_await run_command(clock, std::move(command), Deadline::in(clock, Duration{600'000}));
    output = exit ? exit->sentence() + ": " + exit->standard_error.text() : exit.error().message;
  }

  // A kubeconfig with the context `east` and this user, in place of the one before.
  void write_kubeconfig(const std::string& user, const std::string& more = "",
                        const std::string& scheme = "http") {
    folder.write("config", fmt::format(R"(apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "{}://127.0.0.1:{}"{}}}}}]
users: [{{name: u, user: {}}}]
contexts: [{{name: east, context: {{cluster: c, user: u}}}}]
)",
                                       scheme, port, more, user));
    clusters = std::make_shared<Clusters>(
        std::vector<KubernetesContextSpec>{
            {"east", false, folder.path("config"), "east", Duration{10'000}}},
        *resolver);
  }
  std::shared_ptr<Client> client() { return *clusters->client("east", clock); }

  // What somebody beside Bascule asks of the cluster; null when there is no answer.
  Json ask(const std::string& method, const std::string& path, const Json& body = nullptr,
           const std::string& type = "application/json", const std::string& scheme = "http") {
    net::Request request;
    request.method = method;
    request.url = *net::parse_url(fmt::format("{}://127.0.0.1:{}", scheme, port));
    request.url.target = path;
    request.headers.add("Content-Type", type);
    request.safe_to_repeat = true;
    if (!body.is_null()) request.body = to_text(body);
    net::Limits limits;
    limits.body = std::size_t{16} << 20;
    const auto answer =
        world.wait(http.fetch(std::move(request), limits, world.in(Duration{20'000})));
    if (!answer) return nullptr;
    const Result<Json> parsed = parse_json(answer->body);
    return parsed ? *parsed : Json(answer->body);
  }
  void order(const std::string& name, const Json& body) {
    const Json answer = ask("POST", "/sandbox/" + name, body);
    EXPECT_TRUE(answer.is_object() && answer.empty()) << to_text(answer);
  }
  // How often the cluster was asked like this.
  std::size_t asked(const std::string& method, const std::string& part) {
    std::size_t count = 0;
    for (const Json& request : ask("GET", "/sandbox/requests")) {
      const bool same = text_or(request, "method") == method &&
                        text_or(request, "path").find(part) != std::string::npos;
      if (same) ++count;
    }
    return count;
  }

  template <typename T>
  T wait(awaitable<T> work) {
    return world.wait(std::move(work));
  }
  [[nodiscard]] Deadline soon(Duration span = Duration{20'000}) const { return world.in(span); }
};

}  // namespace bascule::kubernetes
