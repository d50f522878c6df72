// What the probe makes of answers as Prometheus writes them, and of servers that are none.
#include "providers/prometheus/prometheus.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/certificates_for_test.h"
#include "providers/prometheus/prometheus_world_for_test.h"

namespace bascule::prometheus {
namespace {

using namespace std::chrono_literals;

struct PrometheusTest : PrometheusWorld {
  // A vector of series with these values.
  void gives(const std::vector<std::pair<std::string, std::string>>& series,
             const std::string& more = "") {
    std::string all;
    for (const auto& [instance, value] : series) {
      if (!all.empty()) all += ",";
      all += fmt::format(
          R"({{"metric":{{"__name__":"up","instance":"{}"}},"value":[1795416185.714,"{}"]}})",
          instance, value);
    }
    answer("200 OK", R"({"status":"success","data":{"resultType":"vector","result":[)" + all +
                         "]}" + more + "}");
  }
  void gives_number(const std::string& value) {
    answer("200 OK",
           R"({"status":"success","data":{"resultType":"scalar","result":[1795416185.7,")" + value +
               "\"]}}");
  }
};

TEST_F(PrometheusTest, ANumberIsHeldAgainstItsLimits) {
  const Json limits = {{"degraded", {{"above", "0.05"}}}, {"critical", {{"above", "0.2"}}}};
  struct Row {
    const char* value;
    const char* verdict;
  };
  for (const Row& row :
       {Row{"0", "healthy: 0"}, Row{"0.05", "healthy: 0.05"},
        Row{"0.07", "degraded: 0.07, above 0.05"}, Row{"0.2", "degraded: 0.2, above 0.05"},
        Row{"1e+06", "critical: 1e+06, above 0.2"}, Row{"-3", "healthy: -3"},
        Row{"+Inf", "critical: +Inf, above 0.2"}, Row{"-Inf", "healthy: -Inf"},
        Row{"NaN", "unknown: no data: 1 of 1 series have no number"}}) {
    gives_number(row.value);
    EXPECT_EQ(verdict(limits), row.verdict);
  }
  gives_number("-Inf");
  EXPECT_EQ(verdict({{"critical", {{"below", "1"}}}}), "critical: -Inf, below 1");
  gives_number("5");
  EXPECT_EQ(verdict({{"critical", {{"below", "1"}, {"above", "4.5"}}}}), "critical: 5, above 4.5");
  const Observation seen = look();
  EXPECT_EQ(seen.detail["value"], "5");
  EXPECT_EQ(seen.detail["series"], 1);
  EXPECT_TRUE(seen.latency && seen.timing.connect);
}

TEST_F(PrometheusTest, OfSeveralSeriesTheWorstCounts) {
  const Json limits = {{"degraded", {{"below", "1"}}}, {"critical", {{"below", "0.5"}}}};
  gives({{"b", "0.7"}, {"a", "1"}, {"d", "0.2"}, {"c", "0.1"}});
  EXPECT_EQ(verdict(limits), "critical: 0.1 of up{instance=\"c\"}, below 0.5, worst of 4 series")
      << "of two that are as bad, the same one each time";
  gives({{"b", "0.7"}, {"a", "1"}});
  EXPECT_EQ(verdict(limits), "degraded: 0.7 of up{instance=\"b\"}, below 1, worst of 2 series");
  gives({{"b", "1"}, {"a", "1"}});
  EXPECT_EQ(verdict(limits), "healthy: 2 series within the limits");
  gives({{"b", "1"}});
  EXPECT_EQ(verdict(limits), "healthy: 1 of up{instance=\"b\"}");
}

TEST_F(PrometheusTest, NoDataMovesNothingUnlessTheConfigurationSaysSo) {
  gives({});
  EXPECT_EQ(verdict(), "unknown: no data: the query gives no series");
  EXPECT_FALSE(look().error) << "it is an answer";
  for (const char* health : {"unknown", "healthy", "degraded", "critical"}) {
    EXPECT_EQ(to_string(look({{"no_data", health}}).health), health);
  }
  gives({{"a", "NaN"}, {"b", "3"}});
  EXPECT_EQ(verdict(), "healthy: 3 of up{instance=\"b\"}");
  EXPECT_EQ(look().detail["without_number"], 1);
  EXPECT_EQ(verdict({{"no_data", "degraded"}}), "degraded: no data: 1 of 2 series have no number");
  gives({{"a", "NaN"}, {"b", "30"}});
  EXPECT_EQ(look({{"no_data", "degraded"}}).health, Health::critical);
}

TEST_F(PrometheusTest, AHistogramIsNoNumber) {
  answer("200 OK",
         R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},
             "histogram":[1795416185.7,{"count":"3","sum":"1.5","buckets":[]}]}]}})");
  EXPECT_EQ(verdict(), "unknown: no data: 1 of 1 series have no number");
}

TEST_F(PrometheusTest, WarningsAreShownWithTheNumber) {
  gives({{"a", "3"}}, R"(,"warnings":["one store did not answer\n\u001b[31m","b","c","d"])");
  EXPECT_EQ(verdict(),
            "healthy: 3 of up{instance=\"a\"}, warning: one store did not answer, warning: b, "
            "warning: c");
}

TEST_F(PrometheusTest, WhatPrometheusRefusesIsUnknownWithItsReason) {
  answer("400 Bad Request", R"({"status":"error","errorType":"bad_data",
         "error":"invalid parameter \"query\": 1:4: parse error: unexpected end of input"})");
  Observation seen = look();
  EXPECT_EQ(seen.health, Health::unknown);
  EXPECT_EQ(seen.summary,
            "the query is refused: invalid parameter \"query\": 1:4: parse error: unexpected end "
            "of input");
  EXPECT_EQ(seen.error->code, ErrorCode::invalid);
  answer("503 Service Unavailable",
         R"({"status":"error","errorType":"timeout","error":"query timed out"})");
  seen = look({{"no_data", "critical"}});
  EXPECT_EQ(seen.health, Health::unknown) << "that is no answer, not an answer without data";
  EXPECT_EQ(seen.summary, "Prometheus reports an error: query timed out");
  EXPECT_EQ(seen.error->code, ErrorCode::timeout);
}

TEST_F(PrometheusTest, WhatIsNoPrometheusIsUnknownToo) {
  struct Row {
    const char* status;
    const char* body;
    const char* summary;
    ErrorCode code;
  };
  const char* html = "<html><title>Bad gateway</title></html>";
  for (const Row& row : {
           Row{"502 Bad", html, "502 Bad Gateway", ErrorCode::unavailable},
           Row{"404 Not", "404 page not found\n", "404 Not Found", ErrorCode::unavailable},
           Row{"401 No", "", "401 Unauthorized", ErrorCode::denied},
           Row{"429 Slow", "", "429 Too Many Requests", ErrorCode::throttled},
           Row{"200 OK", html,
               "the answer is not Prometheus's: \"<html><title>Bad gateway</title></html>\"",
               ErrorCode::unavailable},
           Row{"200 OK", "", "the answer is not Prometheus's: \"\"", ErrorCode::unavailable},
           Row{"200 OK", R"({"status":"success"})",
               "the answer is not Prometheus's: \"{\"status\":\"success\"}\"",
               ErrorCode::unavailable},
           Row{"200 OK", R"({"status":"success","data":{"resultType":"vector","result":[7]}})",
               "the answer's result is malformed", ErrorCode::unavailable},
           Row{"200 OK", R"({"status":"success","data":{"resultType":"vector","result":{}}})",
               "the answer's result is malformed", ErrorCode::unavailable},
           Row{"200 OK",
               R"({"status":"success","data":{"resultType":"scalar","result":[1,"0x10"]}})",
               "the answer's result is malformed", ErrorCode::unavailable},
           Row{"200 OK", R"({"status":"success","data":{"resultType":"scalar","result":[1,5]}})",
               "the answer's result is malformed", ErrorCode::unavailable},
           Row{"200 OK", R"({"status":"success","data":{"resultType":"matrix","result":[]}})",
               "the query gives ranges of values instead of numbers", ErrorCode::invalid},
           Row{"200 OK", R"({"status":"success","data":{"resultType":"string","result":[1,"a"]}})",
               "the query gives a text instead of numbers", ErrorCode::invalid},
       }) {
    answer(row.status, row.body);
    const Observation seen = look({{"no_data", "critical"}});
    EXPECT_EQ(seen.health, Health::unknown) << row.body;
    EXPECT_EQ(seen.summary, row.summary);
    ASSERT_TRUE(seen.error);
    EXPECT_EQ(seen.error->code, row.code) << row.summary;
  }
}

TEST_F(PrometheusTest, AnAnswerWithoutEndIsNotRead) {
  const net::Flood flood{"HTTP/1.1 200 OK\r\n\r\n{\"status\": \"success\"", "        "};
  serve(net::flooding(clock, flood));
  const Observation seen = look();
  EXPECT_EQ(seen.health, Health::unknown);
  EXPECT_EQ(seen.summary, "answer's body is larger than 512 KiB");
}

TEST_F(PrometheusTest, TheRequestNamesTheQueryAndTheTimeThatIsLeft) {
  std::string head;
  const auto note = [&](std::unique_ptr<net::Stream> client, int) {
    struct Note {
      static awaitable<void> it(Clock& time, std::unique_ptr<net::Stream> to, std::string* noted) {
        *noted = co_await net::read_until(time, to.get(), "\r\n\r\n");
      }
    };
    return Note::it(clock, std::move(client), &head);
  };
  serve(note);
  look({{"url", server->url("/prometheus/")},
        {"query", "sum(rate(x{code=~\"5..\"}[5m])) > 0"},
        {"headers", {{"Authorization", {{"$secret", "Bearer hunter2"}}}}}},
       20s);
  EXPECT_TRUE(
      head.starts_with("GET /prometheus/api/v1/query?query=sum%28rate%28x%7Bcode%3D~%225.."
                       "%22%7D%5B5m%5D%29%29%20%3E%200&timeout="))
      << head;
  EXPECT_TRUE(head.contains("ms HTTP/1.1\r\n")) << head;
  EXPECT_TRUE(head.contains("Authorization: Bearer hunter2\r\n"));
}

TEST_F(PrometheusTest, ItsCertificateIsVerifiedAndSaysNothingAboutTheSite) {
  net::Certificates certificates;
  const auto context =
      certificates.serve({.file = "prometheus", .names = "DNS:localhost", .begins_in = -8'000'000});
  const std::string body =
      R"({"status":"success","data":{"resultType":"scalar","result":[1,"5"]}})";
  serve(net::secured(clock, context, net::answering(clock, response("200 OK", body))));
  const std::string url = fmt::format("https://localhost:{}", server->port());
  EXPECT_EQ(look({{"url", url}}).summary, "certificate of an unknown authority");
  const Json trusting = {{"url", url}, {"tls", {{"ca", certificates.authority()}}}};
  EXPECT_EQ(verdict(trusting), "healthy: 5") << "though it expires within a day";
  EXPECT_EQ(verdict({{"url", url}, {"tls", {{"verify", false}}}}),
            "healthy: 5, certificate not verified");
}

TEST_F(PrometheusTest, SettingsThatCannotBeMeantAreRefused) {
  struct Row {
    Json settings;
    const char* refusal;
  };
  for (const Row& row : {
           Row{{{"critical", {{"above", "many"}}}}, "critical: above: \"many\" is not a number"},
           Row{{{"critical", {{"above", "inf"}}}}, "critical: above: \"inf\" is not a number"},
           Row{{{"degraded", Json::object()}}, "degraded: say `above` or `below` which number"},
           Row{{{"critical", {{"above", "1"}, {"below", "2"}}}},
               "critical: every number is above 1 or below 2"},
           Row{{{"degraded", {{"above", "2"}}}, {"critical", {{"above", "1"}}}},
               "it would be critical before it is degraded: exchange the two limits"},
           Row{{{"degraded", {{"below", "1"}}}, {"critical", {{"below", "2"}}}},
               "it would be critical before it is degraded: exchange the two limits"},
           Row{{{"critical", nullptr}},
               "it could only be healthy: write `critical: {above: NUMBER}` or `below`, or "
               "`degraded` with one of them"},
           Row{{{"url", "http://a.test/?query=up"}},
               "url: it is the address of Prometheus; the query has its own setting, `query`"},
           Row{{{"query", {{"$secret", "env:A"}}}},
               "query: it is empty, or a secret; it is printed, so it may not be one"},
           Row{{{"query", std::string(9000, 'x')}}, "query: the URL is too long"},
       }) {
    EXPECT_EQ(refusal(row.settings), row.refusal);
  }
}

TEST_F(PrometheusTest, KeepsTheContractOfProbes) {
  const net::Endpoint place{boost::asio::ip::address_v4::loopback(),
                            net::closed_port(world.context)};
  const std::string body =
      R"({"status":"success","data":{"resultType":"scalar","result":[1,"5"]}})";
  ProbeContract contract{.context = world.context,
                         .clock = clock,
                         .probe = make({{"url", "http://" + net::to_string(place)}}).value()};
  contract.until = [&](const std::function<bool()>& condition) { return world.becomes(condition); };
  contract.answers = [&] { serve(net::answering(clock, response("200 OK", body)), place); };
  contract.refuses = [&] { close(); };
  contract.hangs = [&] { serve(net::silent(clock), place); };
  contract.without_answer = Health::unknown;
  contract.check();
}

}  // namespace
}  // namespace bascule::prometheus
