// The clusters of `kubernetes:`, and the settings that name them.
#include <gtest/gtest.h>

#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

constexpr const char* kVersion = "version: 1\n";

Loaded with_contexts(const std::string& contexts) {
  const std::string text =
      replaced(shop(), kVersion, "version: 1\nkubernetes: {contexts: " + contexts + "}\n");
  return load("shop.yaml", text, sample::kinds(), environment());
}

TEST(Clusters, AreReadWithTheirDefaults) {
  const Loaded loaded = with_contexts(
      "{east: {kubeconfig: /etc/a}, "
      "west: {kubeconfig: \"/etc/a:/etc/b\", context: admin@west, timeout: 2s}, "
      "here: {in_cluster: true}}");
  ASSERT_TRUE(loaded.ok()) << brief(loaded);
  const std::vector<KubernetesContextSpec> expected{
      {"east", false, "/etc/a", "east", Duration{10'000}},
      {"west", false, "/etc/a:/etc/b", "admin@west", Duration{2'000}},
      {"here", true, "", "here", Duration{10'000}}};
  EXPECT_EQ(loaded.configuration.kubernetes_contexts, expected);
}

class ClusterMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(ClusterMistakes, AreSaidWhereTheyAre) {
  EXPECT_EQ(brief(with_contexts(GetParam().by)), GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    All, ClusterMistakes,
    testing::Values(
        Mistake{"", "{east: {}}",
                "2:25: error: context `east` does not say how the cluster is reached [write "
                "kubeconfig: FILE, or in_cluster: true]"},
        Mistake{"", "{east: {eks: {region: us-west-2, cluster: prod}}}",
                "2:32: error: `eks` is not available in this build [write kubeconfig: FILE; an "
                "exec plugin in there brings the token]"},
        Mistake{"", "{east: {kubeconfg: /etc/a}}",
                "2:25: error: context `east` does not say how the cluster is reached [write "
                "kubeconfig: FILE, or in_cluster: true]\n2:32: error: unknown key `kubeconfg` in "
                "a context [did you mean `kubeconfig`?]"},
        Mistake{"", "{east: {kubeconfig: \"/etc/a:b\"}}",
                "2:44: error: `b` is not an absolute path [name each file from / on, joined by "
                "`:`]"},
        Mistake{"", "{east: {kubeconfig: /etc/a, in_cluster: true}}",
                "2:32: error: `kubeconfig` has no meaning with `in_cluster` [leave one of them "
                "out]"},
        Mistake{"", "[east]", "2:24: error: `contexts` takes a mapping, not a list"}));

TEST(Clusters, AreNamedRightly) {
  Kinds kinds = sample::kinds();
  Kind scale{.name = "kubernetes.scale", .summary = "Scales."};
  scale.fields = {Field{.name = "context", .summary = "c", .names = "kubernetes.contexts"}};
  scale.warning = "it is old";
  scale.instead = "write something new";
  kinds.actions.push_back(scale);
  const auto said = [&](const std::string& context, const std::string& contexts) {
    std::string text = replaced(shop(), kVersion, "version: 1\n" + contexts);
    text = replaced(text, "activate:\n",
                    fmt::format("activate:\n          - {{name: scale, uses: kubernetes.scale, "
                                "with: {{context: {}}}}}\n",
                                context));
    const std::string all = brief(load("shop.yaml", text, kinds, environment()));
    return all;
  };
  const std::string known = "kubernetes: {contexts: {east: {kubeconfig: /etc/a}}}\n";
  EXPECT_NE(said("east", known).find("warning: it is old [write something new]"),
            std::string::npos);
  EXPECT_EQ(said("east", known).find("error"), std::string::npos) << said("east", known);
  EXPECT_NE(said("eats", known)
                .find("error: `context`: `kubernetes.contexts` has no `eats` [did "
                      "you mean `east`?]"),
            std::string::npos)
      << said("eats", known);
  EXPECT_NE(said("east", "").find("[write it under `kubernetes.contexts:`]"), std::string::npos)
      << said("east", "");
}

}  // namespace
}  // namespace bascule::config::test
