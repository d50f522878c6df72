// A server that does what a test wants, and the kinds of this room that look at it. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "net/loopback_for_test.h"
#include "net/resolver.h"
#include "ports/plain_world_for_test.h"
#include "ports/probe_contract_for_test.h"
#include "providers/http/kinds.h"

namespace bascule::http {

struct HttpWorld : testing::Test {
  PlainWorld world;
  Clock& clock = world.clock;
  std::unique_ptr<net::Resolver> resolver = *net::Resolver::make(world.context, world.clock, {});
  std::unique_ptr<net::Loopback> server;

  void TearDown() override { close(); }
  void close() {
    if (server) world.wait(server->stop());
    server.reset();
  }
  void serve(net::Script script, net::Endpoint at = {boost::asio::ip::address_v4::loopback(), 0}) {
    close();
    server = std::make_unique<net::Loopback>(world.context, world.clock, std::move(script), at);
  }
  static std::string response(const std::string& status, const std::string& body = "",
                              const std::string& headers = "") {
    return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\n\r\n{}", status, headers,
                       body.size(), body);
  }
  void answer(const std::string& status, const std::string& body = "",
              const std::string& headers = "") {
    serve(net::answering(world.clock, response(status, body, headers)));
  }

  Result<std::shared_ptr<Probe>> make(const std::string& kind_name, const Json& settings) {
    for (const ProbeKind& kind : probe_kinds(*resolver)) {
      if (kind.kind.name == kind_name) {
        return kind.make(ProbeContext{nullptr, CheckReference(), settings, Duration{900}},
                         world.services);
      }
    }
    return fail(ErrorCode::not_found, "no such kind");
  }
  // Why no probe is made of these settings; empty when one is.
  std::string refusal(const Json& settings) {
    const auto made = make("http", settings);
    return made ? "" : made.error().message;
  }
  Observation look(const std::string& kind, const Json& settings, Duration limit) {
    const auto probe = make(kind, settings);
    EXPECT_TRUE(probe) << probe.error().message;
    return probe ? world.wait((*probe)->look(world.in(limit))) : Observation();
  }
  // Of the kind `http`; of the server unless the settings say otherwise.
  Observation look(Json settings = Json::object(), Duration limit = Duration{20'000}) {
    if (!settings.contains("url")) settings["url"] = server->url("/health");
    return look("http", settings, limit);
  }

  // Of the probe, with a world that goes on in real time; its states are the test's.
  ProbeContract contract(const std::string& kind, const Json& settings) {
    ProbeContract contract{
        .context = world.context, .clock = clock, .probe = make(kind, settings).value()};
    contract.until = [this](const std::function<bool()>& condition) {
      return world.becomes(condition);
    };
    return contract;
  }

  std::shared_ptr<Action> answers(Json settings) {
    if (!settings.contains("url")) settings["url"] = server->url("/health");
    const ActionKind kind = action_kinds(*resolver).front();
    return kind.make(ActionContext{nullptr, "demo", SiteName("berlin"), settings}, world.services)
        .value();
  }
  StepCall call(Duration limit = Duration{20'000}) { return StepCall(world.in(limit)); }
};

}  // namespace bascule::http
