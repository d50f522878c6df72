#include "providers/kubernetes/kubeconfig.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ports/plain_world_for_test.h"
#include "providers/kubernetes/credentials.h"
#include "providers/kubernetes/yaml.h"

namespace bascule::kubernetes {
namespace {

constexpr const char* kOne = R"(
clusters:
- name: east
  cluster: {server: "https://east.test:6443/base", certificate-authority: pki/ca.pem, tls-server-name: api}
- name: proxied
  cluster: {server: "https://east.test", proxy-url: "http://proxy"}
users:
- name: ana
  user: {client-certificate-data: aGVsbG8=, client-key: /etc/key.pem, token: secret-1, as: ben, as-groups: [a, b]}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: bin/token
      args: [--region, west]
      env: [{name: A, value: "1"}]
      interactiveMode: Never
      provideClusterInfo: true
contexts:
- {name: one, context: {cluster: east, user: ana, namespace: shop}}
- {name: two, context: {cluster: east, user: plugin}}
- {name: proxied, context: {cluster: proxied}}
- {name: lost, context: {cluster: nowhere}}
)";

struct Kubeconfig : testing::Test {
  TemporaryFolder folder;

  std::string refusal(const std::string& text, const std::string& context = "one") {
    folder.write("config", text);
    const auto read = read_kubeconfig(folder.path("config"), context);
    return read ? "" : read.error().message;
  }
};

TEST_F(Kubeconfig, SaysHowAClusterIsReached) {
  folder.write("config", kOne);
  const auto one = read_kubeconfig(folder.path("config"), "one");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->server.text(), "https://east.test:6443/base");
  EXPECT_EQ(one->server_name, "api");
  EXPECT_EQ(one->authority.file, folder.path("pki/ca.pem"));
  EXPECT_EQ(one->certificate.data, "hello");
  EXPECT_EQ(one->key.file, "/etc/key.pem");
  EXPECT_EQ(one->token, "secret-1");
  EXPECT_EQ(one->default_namespace, "shop");
  EXPECT_EQ(one->impersonate.size(), 3U);
  EXPECT_TRUE(one->verify);
  const auto two = read_kubeconfig(folder.path("config"), "two");
  ASSERT_TRUE(two) << two.error().message;
  EXPECT_EQ(two->exec.argv,
            (std::vector<std::string>{folder.path("bin/token"), "--region", "west"}));
  EXPECT_EQ(two->exec.environment.at("A"), "1");
  EXPECT_EQ(text_or(two->exec_cluster, "server"), "https://east.test:6443/base");
}

TEST_F(Kubeconfig, OfSeveralFilesTheFirstThatNamesSomethingCounts) {
  folder.write("a", "clusters: [{name: east, cluster: {server: \"https://first\"}}]");
  folder.write("b", kOne);
  const std::string paths = folder.path("none") + ":" + folder.path("a") + ":" + folder.path("b");
  const auto read = read_kubeconfig(paths, "one");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->server.host, "first");
  EXPECT_EQ(read->token, "secret-1");
  const auto none = read_kubeconfig(folder.path("none"), "one");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::not_found);
}

TEST_F(Kubeconfig, RefusesByNameWhatCannotBeUsed) {
  const auto holds = [&](const std::string& said, const std::string& part) {
    EXPECT_NE(said.find(part), std::string::npos) << said;
    EXPECT_EQ(said.find("secret"), std::string::npos) << said;
  };
  holds(refusal(kOne, "none"), "there is no context \"none\" (there are: lost, one, proxied, two)");
  holds(refusal(kOne, "lost"), "there is no cluster \"nowhere\"");
  holds(refusal(kOne, "proxied"), "proxy-url: proxies are not available");
  holds(refusal("a: [1"), "line 1");
  holds(refusal("a: &x [1]\nb: *x\n"), "an alias");
  holds(refusal("{a: {"), "line 1");
  holds(refusal(std::string(200, '[')), "line 1: ");
  holds(refusal("[1, 2]"), "is not a kubeconfig");
  holds(refusal(std::string(2'000'000, '#')), "larger than");
  const auto with_user = [](const std::string& user) {
    return "clusters: [{name: c, cluster: {server: \"https://a\"}}]\nusers: [{name: u, user: " +
           user + "}]\ncontexts: [{name: one, context: {cluster: c, user: u}}]\n";
  };
  holds(refusal(with_user("{username: a, password: secret}")), "takes no passwords");
  holds(refusal(with_user("{auth-provider: {name: gcp}}")), "auth-provider");
  holds(refusal(with_user("{client-certificate: /a}")), "one is missing");
  holds(refusal(with_user("{client-key-data: \"?\"}")), "client-key-data is not base64");
  holds(refusal(with_user("{exec: {apiVersion: v9, command: a}}")), "apiVersion is not");
  holds(refusal(with_user("{exec: {apiVersion: client.authentication.k8s.io/v1, command: a, "
                          "interactiveMode: Always}}")),
        "nobody whom the program could ask");
  EXPECT_EQ(refusal(with_user("{}")), "");
}

TEST_F(Kubeconfig, OfThePodIsItsServiceAccount) {
  folder.write("namespace", "shop");
  const auto read = in_cluster_access(folder.path(""));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->server.text(), "https://kubernetes.default.svc/");
  EXPECT_EQ(read->default_namespace, "shop");
  EXPECT_FALSE(in_cluster_access(folder.path("none")));
}

TEST(PluginAnswers, AreReadOrRefusedWithoutRepeatingThem) {
  const std::string v1 = "client.authentication.k8s.io/v1";
  const auto text = [&](const std::string& status) {
    return R"({"kind":"ExecCredential","apiVersion":")" + v1 + R"(","status":)" + status + "}";
  };
  const auto good =
      read_plugin_answer(text(R"({"token":"t","expirationTimestamp":"2026-11-25T10:00:00Z"})"), v1);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->credential.token, "t");
  EXPECT_EQ(good->expires, from_rfc3339("2026-11-25T10:00:00.000Z"));
  for (const std::string& bad :
       {std::string("Password: secret"), text("{}"), text(R"({"token":""})"), text("null"),
        text(R"({"clientCertificateData":"secret"})"),
        text(R"({"token":"secret","expirationTimestamp":"secret"})"),
        std::string(
            R"({"kind":"ExecCredential","apiVersion":"v0","status":{"token":"secret"}})")}) {
    const auto read = read_plugin_answer(bad, v1);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, ErrorCode::denied);
    EXPECT_EQ(read.error().message.find("secret"), std::string::npos) << read.error().message;
  }
}

}  // namespace
}  // namespace bascule::kubernetes
