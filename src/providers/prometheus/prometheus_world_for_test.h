// What the tests of this room need: something that answers like Prometheus, or a real one, and the
// probe that asks it. Only for tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "net/loopback_for_test.h"
#include "ports/plain_world_for_test.h"
#include "ports/probe_contract_for_test.h"
#include "providers/prometheus/prometheus.h"

namespace bascule::prometheus {

struct PrometheusWorld : testing::Test {
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
  static std::string response(const std::string& status, const std::string& body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
  }
  void answer(const std::string& status, const std::string& body) {
    serve(net::answering(clock, response(status, body)));
  }

  Result<std::shared_ptr<Probe>> make(Json settings) {
    if (!settings.contains("url")) {
      settings["url"] = server ? server->url("") : std::string("http://127.0.0.1:9090");
    }
    if (!settings.contains("query")) settings["query"] = "up";
    if (!settings.contains("critical") && !settings.contains("degraded")) {
      settings["critical"] = {{"above", "10"}};
    }
    return probe_kind(*resolver).make(
        ProbeContext{nullptr, CheckReference(), settings, Duration{900}}, world.services);
  }
  // Why no probe is made of these settings; empty when one is.
  std::string refusal(const Json& settings) {
    const auto made = make(settings);
    return made ? "" : made.error().message;
  }
  Observation look(const Json& settings = Json::object(), Duration limit = Duration{20'000}) {
    const auto probe = make(settings);
    EXPECT_TRUE(probe) << probe.error().message;
    return probe ? world.wait((*probe)->look(world.in(limit))) : Observation();
  }
  std::string verdict(const Json& settings = Json::object()) {
    const Observation seen = look(settings);
    return std::string(to_string(seen.health)) + ": " + seen.summary;
  }
};

}  // namespace bascule::prometheus
