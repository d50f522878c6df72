// The client against a simulated cluster: what it asks, by what it is known, and what it makes of
// each way in which that can go wrong.
#include "providers/kubernetes/client.h"

#include "net/certificates_for_test.h"
#include "providers/kubernetes/kubernetes_world_for_test.h"

namespace bascule::kubernetes {
namespace {

constexpr const char* kNode = "/api/v1/nodes/node-1";

struct Clients : KubernetesWorld {
  ErrorCode code_of_get(const std::string& path = kNode, Duration limit = Duration{20'000}) {
    const auto answer = wait(client()->get(path, soon(limit)));
    return answer ? ErrorCode::canceled : answer.error().code;
  }
  std::string plugin(const std::string& body, const std::string& version = "v1") {
    return fmt::format("{{exec: {{apiVersion: client.authentication.k8s.io/{}, command: \"{}\"}}}}",
                       version, folder.script("plugin", body));
  }
};

TEST_F(Clients, GetsPatchesCreatesAndRemoves) {
  const auto node = wait(client()->get(kNode, soon()));
  ASSERT_TRUE(node) << node.error().message;
  EXPECT_EQ(text_or(*node, "kind"), "Node");
  const std::string maps = object_path("v1", "configmaps", "default");
  const Json map = {{"metadata", {{"name", "a b"}}}, {"data", {{"k", "1"}}}};
  const auto made = wait(client()->create(maps, map, soon()));
  ASSERT_TRUE(made) << made.error().message;
  const std::string one = object_path("v1", "configmaps", "default", "a b");
  const auto patched =
      wait(client()->patch(one, PatchType::merge, {{"data", {{"k", "2"}}}}, soon()));
  ASSERT_TRUE(patched) << patched.error().message;
  EXPECT_EQ(text_or((*patched)["data"], "k"), "2");
  EXPECT_TRUE(wait(client()->remove(one, soon())));
  const auto gone = wait(client()->get(one, soon()));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::not_found);
}

TEST_F(Clients, AppliesWhatItOwnsAndIsToldWhatOthersOwn) {
  const std::string one = object_path("v1", "configmaps", "default", "shop");
  const auto apply = [&](const Json& data) {
    const Json map = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", data}};
    return wait(client()->patch(one, PatchType::apply, map, soon()));
  };
  ASSERT_TRUE(apply({{"mine", "1"}}));
  ask("PATCH", one + "?fieldManager=other", {{"data", {{"theirs", "2"}}}},
      "application/merge-patch+json");
  const auto conflict = apply({{"mine", "1"}, {"theirs", "3"}});
  ASSERT_FALSE(conflict);
  EXPECT_EQ(conflict.error().code, ErrorCode::conflict);
  EXPECT_NE(conflict.error().message.find("other"), std::string::npos) << conflict.error().message;
  const auto given_up = apply({{"new", "4"}});
  ASSERT_TRUE(given_up) << given_up.error().message;
  EXPECT_EQ((*given_up)["data"], (Json{{"new", "4"}, {"theirs", "2"}}));
}

TEST_F(Clients, TellsErrorsApart) {
  struct Row {
    int status;
    ErrorCode code;
  };
  for (const Row& row :
       {Row{401, ErrorCode::denied}, Row{403, ErrorCode::denied}, Row{404, ErrorCode::not_found},
        Row{409, ErrorCode::conflict}, Row{410, ErrorCode::conflict}, Row{422, ErrorCode::invalid},
        Row{429, ErrorCode::throttled}, Row{500, ErrorCode::unavailable},
        Row{503, ErrorCode::unavailable}}) {
    order("fault", {{"code", row.status}, {"times", 1}, {"path", "nodes"}});
    EXPECT_EQ(code_of_get(), row.code) << row.status;
  }
  order("fault", {{"code", 429}, {"retry_after", 7}, {"times", 1}});
  const auto throttled = wait(client()->get(kNode, soon()));
  ASSERT_FALSE(throttled);
  EXPECT_EQ(throttled.error().retry_after, Duration{7'000});
  order("fault", {{"do", "half"}, {"times", 1}});
  EXPECT_EQ(code_of_get(), ErrorCode::unavailable);
  order("fault", {{"do", "garbage"}, {"times", 1}});
  EXPECT_EQ(code_of_get(), ErrorCode::unavailable);
  order("fault", {{"do", "lost"}, {"times", 1}, {"method", "PATCH"}});
  const auto lost = wait(
      client()->patch(kNode, PatchType::merge, {{"metadata", {{"labels", {{"a", "b"}}}}}}, soon()));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::outcome_unknown);
  order("fault", {{"do", "hang"}});
  EXPECT_EQ(code_of_get(kNode, Duration{150}), ErrorCode::timeout);
  order("clear", Json::object());
  const auto absent = wait(client()->get("/apis/nonsense/v1/things", soon()));
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().message.find("does not serve this kind"), std::string::npos);
}

TEST_F(Clients, ReadsLongListsPieceByPieceAndBeginsAnewWhenTheyAreTooOld) {
  order("nodes", {{"count", 250}});
  std::size_t count = 0;
  int begun = 0;
  const std::function<void()> begin = [&] {
    count = 0;
    ++begun;
  };
  const std::function<void(const Json&)> item = [&](const Json&) { ++count; };
  const auto listed = wait(client()->list("/api/v1/nodes", begin, item, soon()));
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_EQ(count, 250U);
  EXPECT_EQ(asked("GET", "limit="), 3U);
  order("fault", {{"code", 410}, {"times", 1}, {"path", "continue="}});
  ASSERT_TRUE(wait(client()->list("/api/v1/nodes", begin, item, soon())));
  EXPECT_EQ(count, 250U);
  EXPECT_EQ(begun, 3);
}

TEST_F(Clients, WatchesUntilTheVersionIsForgotten) {
  const auto version = wait(client()->list("/api/v1/nodes", [] {}, [](const Json&) {}, soon()));
  ASSERT_TRUE(version);
  auto watch = wait(client()->watch("/api/v1/nodes", *version, soon()));
  ASSERT_TRUE(watch) << watch.error().message;
  order("node", {{"name", "node-2"}, {"ready", false}});
  auto event = wait((*watch)->next(soon()));
  ASSERT_TRUE(event && *event) << event.error().message;
  EXPECT_EQ((*event)->type, "MODIFIED");
  EXPECT_EQ(text_or((*event)->object["metadata"], "name"), "node-2");
  order("compact", Json::object());
  auto old = wait(client()->watch("/api/v1/nodes", *version, soon()));
  ASSERT_TRUE(old) << old.error().message;
  event = wait((*old)->next(soon()));
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, ErrorCode::conflict) << event.error().message;
  order("watches", {{"close_after", 0}});
  auto ended = wait(client()->watch("/api/v1/nodes", "", soon()));
  ASSERT_TRUE(ended) << ended.error().message;
  do {
    event = wait((*ended)->next(soon()));
    ASSERT_TRUE(event) << event.error().message;
  } while (*event);
}

TEST_F(Clients, TakesARotatedTokenFromItsFile) {
  order("tokens", {{"first", "bascule"}});
  folder.write("token", "first\n");
  write_kubeconfig("{tokenFile: token}");
  const std::shared_ptr<Client> one = client();
  ASSERT_TRUE(wait(one->get(kNode, soon())));
  folder.write("token", "second");
  EXPECT_EQ(code_of_get(), ErrorCode::denied);
  order("tokens", {{"second", "bascule"}});
  EXPECT_TRUE(wait(one->get(kNode, soon())));
}

TEST_F(Clients, AsksAPluginOnceUntilItsTokenIsRefused) {
  order("tokens", {{"first", "bascule"}});
  const std::string counted = folder.path("runs");
  write_kubeconfig(plugin(fmt::format(
      "echo $KUBERNETES_EXEC_INFO >> {0}; read -r line && exit 9\n"
      "[ $(wc -l < {0}) -gt 1 ] && token=second || token=first\n"
      R"(echo "{{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",)"
      R"(\"status\":{{\"token\":\"$token\"}}}}")",
      counted)));
  const auto runs = [&] {
    const std::string text = folder.read("runs");
    return std::ranges::count(text, '\n');
  };
  const std::shared_ptr<Client> one = client();
  for (int i = 0; i < 3; ++i) {
    const auto answer = wait(one->get(kNode, soon()));
    ASSERT_TRUE(answer) << answer.error().message;
  }
  EXPECT_EQ(runs(), 1);
  EXPECT_NE(folder.read("runs").find(R"("interactive":false)"), std::string::npos);
  order("tokens", {{"second", "bascule"}});
  const auto answer = wait(one->get(kNode, soon()));
  EXPECT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(runs(), 2);
}

TEST_F(Clients, APluginThatFailsIsNoAnswerOfTheCluster) {
  for (const char* body : {"exit 3", "echo garbage", "sleep 60", "read -r line; echo $line"}) {
    write_kubeconfig(plugin(body));
    const auto answer = wait(client()->get(kNode, soon(Duration{1'500})));
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().code, ErrorCode::denied) << body << ": " << answer.error().message;
    EXPECT_NE(answer.error().message.find("exec"), std::string::npos) << answer.error().message;
  }
  write_kubeconfig(
      "{exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, installHint: "
      "\"install it\"}}");
  const auto answer = wait(client()->get(kNode, soon()));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().what_to_do, "install it");
}

TEST_F(Clients, ReadsAChangedKubeconfigAndKeepsTheOldOneWhileTheNewIsWrong) {
  order("tokens", {{"first", "bascule"}, {"second", "bascule"}});
  write_kubeconfig("{token: first}");
  const std::shared_ptr<Client> one = client();
  ASSERT_TRUE(wait(one->get(kNode, soon())));
  folder.write("config", "garbage: [");
  EXPECT_TRUE(wait(one->get(kNode, soon())));
  std::filesystem::remove(folder.path("config"));
  EXPECT_TRUE(wait(one->get(kNode, soon())));
  folder.write("config", "");
  write_kubeconfig("{token: wrong}");
  std::filesystem::last_write_time(
      folder.path("config"),
      std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_EQ(wait(one->get(kNode, soon())).error().code, ErrorCode::denied);
}

struct TlsClients : Clients {
  net::Certificates certificates;

  void SetUp() override {
    certificates.make({.file = "server", .names = "IP:127.0.0.1"});
    certificates.make({.file = "operator", .names = "DNS:operator"});
    start(
        {"--certificate", certificates.path("server.pem"), "--key", certificates.path("server.key"),
         "--client-authority", certificates.path("authority.pem")},
        "east:tls");
  }
  std::string data(const std::string& file) {
    std::ifstream in(certificates.path(file));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::string encoded(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    encoded.resize(static_cast<std::size_t>(size));
    return encoded;
  }
  bool answers() {
    return world.becomes([&] { return wait(client()->get(kNode, soon())).has_value(); },
                         Duration{60'000});
  }
};

TEST_F(TlsClients, VerifyTheServerAndShowTheirCertificate) {
  const std::string authority =
      ", certificate-authority: \"" + certificates.path("authority.pem") + "\"";
  const std::string in_file = ", certificate-authority-data: " + data("authority.pem");
  const std::string files =
      fmt::format("{{client-certificate: \"{}\", client-key: \"{}\"}}",
                  certificates.path("operator.pem"), certificates.path("operator.key"));
  const std::string inside = fmt::format("{{client-certificate-data: {}, client-key-data: {}}}",
                                         data("operator.pem"), data("operator.key"));
  write_kubeconfig(files, authority, "https");
  ASSERT_TRUE(answers()) << output;
  write_kubeconfig(inside, in_file, "https");
  EXPECT_TRUE(wait(client()->get(kNode, soon())));
  write_kubeconfig(inside, ", insecure-skip-tls-verify: true", "https");
  EXPECT_TRUE(wait(client()->get(kNode, soon())));
  EXPECT_FALSE(client()->verifies());
  write_kubeconfig(inside, "", "https");
  const auto unknown = wait(client()->get(kNode, soon()));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::unavailable) << unknown.error().message;
  write_kubeconfig("{}", authority + ", tls-server-name: other.test", "https");
  EXPECT_FALSE(wait(client()->get(kNode, soon())));
}

}  // namespace
}  // namespace bascule::kubernetes
