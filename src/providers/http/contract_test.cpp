// The probes `http` and `tcp` keep what every probe promises.
#include <gtest/gtest.h>

#include <memory>

#include "net/certificates_for_test.h"
#include "providers/http/http_world_for_test.h"

namespace bascule::http {
namespace {

struct Contract : HttpWorld {
  net::Endpoint place{boost::asio::ip::address_v4::loopback(), net::closed_port(world.context)};
};

TEST_F(Contract, HoldsForHttp) {
  ProbeContract http = contract("http", {{"url", "http://" + net::to_string(place) + "/"}});
  http.answers = [this] { serve(net::answering(clock, response("200 OK")), place); };
  http.refuses = [this] { close(); };
  http.hangs = [this] { serve(net::silent(clock), place); };
  http.check();
}

TEST_F(Contract, HoldsForHttps) {
  net::Certificates certificates;
  const auto context = certificates.serve({.file = "shop", .names = "IP:127.0.0.1"});
  ProbeContract https = contract("http", {{"url", "https://" + net::to_string(place) + "/"},
                                          {"tls", {{"ca", certificates.authority()}}}});
  https.answers = [&] {
    serve(net::secured(clock, context, net::answering(clock, response("200 OK"))), place);
  };
  https.refuses = [this] { close(); };
  https.hangs = [this] { serve(net::silent(clock), place); };
  https.check();
}

TEST_F(Contract, HoldsForTcp) {
  ProbeContract tcp = contract("tcp", {{"address", net::to_string(place)}});
  std::unique_ptr<net::Swallowing> hole;
  tcp.answers = [&] {
    hole.reset();
    serve(net::silent(clock), place);
  };
  tcp.refuses = [&] {
    hole.reset();
    close();
  };
  tcp.hangs = [&] {
    close();
    hole = std::make_unique<net::Swallowing>(world.context, place);
  };
  tcp.check();
}

}  // namespace
}  // namespace bascule::http
