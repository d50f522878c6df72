// Mistakes in the installation and in a policy, one row each.
#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

class PolicyMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(PolicyMistakes, AreSaidWhereTheyAre) {
  expect_said(GetParam());
}

constexpr const char* kStore = "store: sqlite:///var/lib/bascule/journal.db";
constexpr const char* kMode = "mode: automatic";
constexpr const char* kDetect = "detect: {interval: 5s, timeout: 2s}";

INSTANTIATE_TEST_SUITE_P(
    Root, PolicyMistakes,
    testing::Values(
        Mistake{"version: 1\n", "",
                "1:1: error: `version` is missing in the configuration [write version: 1]"},
        Mistake{"version: 1", "version: 2",
                "1:10: error: this build reads version 1, not 2 [write version: 1]"},
        Mistake{"version: 1", "version: \"1\"",
                "1:10: error: `version` takes a whole number, not a text in quotes [write 1]"},
        Mistake{"observer:", "observr:",
                "1:1: warning: no `at` says where these are, so they count as surviving every "
                "site: observer host-7 [write observer: {name: …, at: PLACE}]\n2:1: error: unknown "
                "key `observr` in the configuration [did you mean `observer`?]"},
        Mistake{"at: elsewhere", "atx: elsewhere",
                "2:1: warning: no `at` says where these are, so they count as surviving every "
                "site: observer laptop [write observer: {name: …, at: PLACE}]\n2:26: error: "
                "unknown key `atx` in an observer [did you mean `at`?]"},
        Mistake{"name: laptop", "name: my laptop",
                "2:18: error: the name of an observer cannot be `my laptop` [letters, digits, - "
                "and _ and dots, at most 63, beginning with a letter or digit]"},
        Mistake{"name: laptop, at: elsewhere", "name: laptop",
                "2:1: warning: no `at` says where these are, so they count as surviving every "
                "site: observer laptop [write observer: {name: …, at: PLACE}]"},
        Mistake{"observer:", "observers: [{name: laptop}, {name: b}]\nobserver:",
                "2:1: error: more than one of `observers` is not available in this build [this "
                "build decides with the one observer it is]"},
        Mistake{"observer:", "observers: [{name: other}]\nobserver:",
                "2:13: error: `observers` does not hold this observer, laptop [write observers: "
                "[{name: laptop}], or leave it out]"},
        Mistake{kStore,
                "store:", "3:1: error: `store` has no value [write a text, or leave the key out]"},
        Mistake{kStore, "store: postgres://x",
                "3:8: error: `store` cannot be `postgres://x` [write sqlite:///PATH or memory]"},
        Mistake{kStore, "store: sqlite:journal.db",
                "3:8: error: `store` does not name an absolute path: `sqlite:journal.db` [write "
                "sqlite:///PATH]"},
        Mistake{
            kStore, "store: sqlite",
            "3:8: error: `store` does not name an absolute path: `sqlite` [write sqlite:///PATH]"},
        Mistake{kStore, "store: {etcd: {endpoints: []}}",
                "3:9: error: `etcd` is not available in this build"},
        Mistake{
            kStore, "store: etcd",
            "3:8: error: `etcd` is not available in this build [write sqlite:///PATH or memory]"},
        Mistake{kStore, "store: [a]", "3:8: error: `store` takes a text, not a list"},
        Mistake{"groups:", "listen: 8420\ngroups:",
                "4:9: error: `8420` is not ADDRESS:PORT [write 127.0.0.1:8420]"},
        Mistake{"groups:", "listen: 0.0.0.0:8420\ngroups:",
                "4:9: error: listening beyond this machine needs tokens and TLS [write access: "
                "{tokens: [{name: NAME, role: ROLE, hash: HASH}], tls: {cert: FILE, key: FILE}}, "
                "or listen: 127.0.0.1:PORT]"},
        Mistake{"groups:", "listen: 127.0.0.1:99999\ngroups:",
                "4:9: error: `127.0.0.1:99999` is not ADDRESS:PORT [write 127.0.0.1:8420]"},
        Mistake{"groups:", "resolvers: [dns.example.net]\ngroups:",
                "4:13: error: `dns.example.net` is not an address of a name server [write ADDRESS "
                "or ADDRESS:PORT: 192.0.2.53:53]"},
        Mistake{"groups:", "references: [{tcp: localhost}]\ngroups:",
                "4:15: warning: no `at` says where these are, so they count as surviving every "
                "site: references\n4:20: error: `tcp` takes HOST:PORT or a mapping, not a text"},
        Mistake{"groups:", "references: [{tcp: \"x:80x\", at: y}]\ngroups:",
                "4:20: error: `port` takes a whole number, not `80x`"},
        Mistake{"groups:", "references: [{postgres: x, at: y}]\ngroups:",
                "4:15: error: unknown key or kind `postgres` in a reference [known here: at, http, "
                "tcp]"},
        Mistake{"groups:", "max_concurrent_runs: 0\ngroups:",
                "4:22: error: `0` is too small for `max_concurrent_runs`: at least 1"},
        Mistake{"groups:", "max_concurrent_runs: three\ngroups:",
                "4:22: error: `max_concurrent_runs` takes a whole number, not `three`"},
        Mistake{"groups:", "max_concurrent_runs: 99999999999999999999\ngroups:",
                "4:22: error: `99999999999999999999` is too large for `max_concurrent_runs`"},
        Mistake{"groups:", "notify:\ngroups:",
                "4:1: error: `notify` has no value [write a list, or [] for none, or leave the key "
                "out]"},
        Mistake{"groups:", "notify: [{slack: {webhook: x}}]\ngroups:",
                "4:11: error: `slack` is not available in this build"},
        Mistake{"groups:", "notify: [{log: {path: /x, file: /y}}]\ngroups:",
                "4:27: error: unknown key `file` in log [known here: path]"},
        Mistake{"groups:", "notify: [{lgo: {path: /x}}]\ngroups:",
                "4:11: error: unknown key or kind `lgo` in a notifier [did you mean `log`?]"},
        Mistake{"groups:", "notify: [{}]\ngroups:",
                "4:10: error: a notifier does not say its kind [known here: log, pager]"},
        Mistake{"groups:", "notify: [{pager: {}}]\ngroups:",
                "4:18: error: `pager` takes `key`, or `token`, `service` and `from`"},
        Mistake{"groups:", "notify: [{pager: {token: x, from: y}}]\ngroups:",
                "4:18: error: `pager` takes `key`, or `token`, `service` and `from`"},
        Mistake{"groups:", "notify: [{pager: {key: x, from: y}}]\ngroups:",
                "4:18: error: `pager` takes `key`, or `token`, `service` and `from`"},
        Mistake{"groups:", "notify: [{log: {path: \"${{ site.ip }}\"}}]\ngroups:",
                "4:24: error: `site.ip` is not known here [no site is meant outside the groups]"},
        Mistake{"groups:", "clouds: {}\ngroups:",
                "4:1: error: `clouds` is not available in this build"},
        Mistake{"groups:", "cluster: \"a b\"\ngroups:",
                "4:10: error: `cluster` cannot be `a b` [letters, digits, - and _ and dots, at "
                "most 63, beginning with a letter or digit]"},
        Mistake{"groups:", "cluster: \"${file:/run/bascule-demo/tsig.secret}\"\ngroups:",
                "4:10: error: `cluster` is printed and logged: it cannot be a secret"},
        Mistake{"groups:", "cluster: a\ncluster: b\ngroups:",
                "5:1: error: key `cluster` is written twice [the first one is at 4:1]"},
        Mistake{"groups:", "groups: []\nx:",
                "4:9: error: there is no group to watch\n5:1: error: unknown key `x` in the "
                "configuration [known here: version, cluster, observer, observers, store, listen, "
                "access, "
                "references, resolvers, kubernetes, max_concurrent_runs, notify, "
                "groups]"}));

INSTANTIATE_TEST_SUITE_P(
    Policy, PolicyMistakes,
    testing::Values(
        Mistake{"mode: automatic\n      failover_when: [database]\n", "mode: shadow\n",
                "7:13: error: mode `shadow` needs `failover_when` [name the checks whose failure "
                "moves the group: failover_when: [database]]"},
        Mistake{"mode: automatic\n      failover_when: [database]\n", "mode: approve\n",
                "7:13: error: mode `approve` needs `failover_when` [name the checks whose failure "
                "moves the group: failover_when: [database]]"},
        Mistake{kMode, "mode: approve\n      approve: {timeout: 10, on_timeout: force}",
                "8:26: error: `10` has no unit [write 30s, 500ms or 5m]\n8:42: error: "
                "`on_timeout` cannot be `force` [known here: abort, proceed]"},
        Mistake{kMode, "mode: automatc",
                "7:13: error: `mode` cannot be `automatc` [did you mean `automatic`?]"},
        Mistake{"      failover_when: [database]\n", "",
                "7:13: error: mode `automatic` needs `failover_when` [name the checks whose "
                "failure moves the group: failover_when: [database]]"},
        Mistake{"failover_when: [database]", "failover_when: []",
                "8:22: error: mode `automatic` needs `failover_when` [name the checks whose "
                "failure moves the group: failover_when: [database]]"},
        Mistake{"failover_when: [database]", "failover_when: database",
                "8:22: error: `failover_when` takes a list, not a text"},
        Mistake{"failover_when: [database]", "failover_when: [[]]",
                "8:23: error: an empty list inside `failover_when` would always hold"},
        Mistake{"failover_when: [database]", "failover_when: [databse]",
                "8:23: error: no site has a check `databse` [did you mean `database`?]"},
        Mistake{"failover_when: [database]", "failover_when: [[database, www]]",
                "8:34: error: no site has a check `www` [known here: database]"},
        Mistake{kDetect, "detect: {interval: 5, timeout: 2s}",
                "9:26: error: `5` has no unit [write 30s, 500ms or 5m]"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 6s}",
                "9:39: error: timeout 6s is longer than interval 5s: looks would overlap [write a "
                "timeout of at most 5s]"},
        Mistake{kDetect, "detect: {interval: 3s}",
                "9:26: error: timeout 5s is longer than interval 3s: looks would overlap [write a "
                "timeout of at most 3s]"},
        Mistake{kDetect, "detect: {interval: 5 s, timeout: 2s}",
                "9:26: error: `5 s` is not a duration [write 30s, 500ms or 5m]"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 2s, window: 9s}",
                "9:51: error: 3 failed looks do not fit into a window of 9s [a window of at least "
                "12s, or fewer failures]"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 2s, min_duration: 1m}",
                "9:57: error: min_duration 1m is longer than the window of 15s"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 2s, confirm: 6s}",
                "9:52: error: confirm 6s is longer than interval 5s"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 2s, failures: 0}",
                "9:53: error: `0` is too small for `failures`: at least 1"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 2s, failures: 03}",
                "9:53: error: `failures` takes a whole number, not `03` [write it without the "
                "leading zero]"},
        Mistake{kDetect, "detect: {interval: 5s, timeout: 2s, failures: \"3\"}",
                "9:53: error: `failures` takes a whole number, not a text in quotes [write 3]"},
        Mistake{
            kDetect, "detect: {interval: 1s, timeout: 1s, failures: 3}",
            "7:13: warning: 3 × 1s is a threshold of 3s: under 5s an automatic failover may answer "
            "a passing hiccup [raise detect.interval or detect.failures unless that is meant]"},
        Mistake{kDetect, "detect: 5s", "9:15: error: `detect` takes a mapping, not a text"},
        Mistake{kMode, "cooldwon: 10m\n      mode: automatic",
                "7:7: error: unknown key `cooldwon` in policy [did you mean `cooldown`?]"},
        Mistake{
            kMode, "mode: automatic\n      max_data_loss: {time: 500ms}",
            "8:29: error: max_data_loss.time 500ms is below what can be shown: positions are read "
            "every second [write at least 1s; a switchover loses nothing whatever stands here]"},
        Mistake{kMode, "mode: automatic\n      max_data_loss: {bytes: 16}",
                "8:30: error: `16` has no unit [write 16MiB, 512KiB or 1GiB]"},
        Mistake{kMode, "mode: automatic\n      max_data_loss: {bytes: 16MB}",
                "8:30: error: `16MB` is not a size [write 16MiB, 512KiB or 1GiB]"},
        Mistake{kMode, "mode: automatic\n      fence: {at_least: advisory}",
                "8:25: error: `at_least` cannot be `advisory` [known here: sealed, cut, attested]"},
        Mistake{kMode, "mode: automatic\n      fence: {at_least: cut}",
                "23:9: error: the fence of site a reaches `sealed` at most, and fence.at_least is "
                "`cut`: no automatic failover away from it could start [add a stronger fence step, "
                "or lower policy.fence.at_least]\n42:9: error: the fence of site b reaches "
                "`sealed` at most, and fence.at_least is `cut`: no automatic failover away from it "
                "could start [add a stronger fence step, or lower policy.fence.at_least]"},
        Mistake{kMode, "mode: manual\n      fence: {at_least: cut}",
                "23:9: warning: the fence of site a reaches `sealed` at most, and fence.at_least "
                "is `cut`: a failover away from it needs `bascule attest`\n42:9: warning: the "
                "fence of site b reaches `sealed` at most, and fence.at_least is `cut`: a failover "
                "away from it needs `bascule attest`"},
        Mistake{kMode, "mode: automatic\n      fence: {at_least: cut, otherwise: proceed}",
                "23:9: warning: the fence of site a reaches `sealed` at most, and the policy says "
                "proceed: two writers are possible until a is fenced\n42:9: warning: the fence of "
                "site b reaches `sealed` at most, and the policy says proceed: two writers are "
                "possible until b is fenced"},
        Mistake{kMode, "mode: automatic\n      quorum: 2",
                "8:15: error: a quorum of 2 cannot be had from 1 observer [write majority]"},
        Mistake{kMode, "mode: automatic\n      quorum: all",
                "8:15: error: `quorum` cannot be `all` [write majority or a number]"},
        Mistake{kMode, "mode: automatic\n      quorum: {outside_site: 1}",
                "8:15: error: `quorum` from outside a site is not available in this build [one "
                "observer has no vote from elsewhere: write majority]"},
        Mistake{kMode, "mode: manual\n      failback: {automatic: {after: 2h}}",
                "8:17: warning: automatic `failback` does nothing in mode manual [write mode: "
                "automatic, or failback: manual]"},
        Mistake{kMode, "mode: automatic\n      failback: automatic",
                "8:17: error: `failback` cannot be `automatic` [write manual or {automatic: "
                "{after: 2h}}]"},
        Mistake{
            kMode, "mode: automatic\n      failback: {after: 2h}",
            "8:17: error: `automatic` is missing in failback [Bascule does, where the mode is "
            "automatic.]\n8:18: error: unknown key `after` in failback [known here: automatic]"},
        Mistake{kMode, "mode: automatic\n      failback: {automatic: {after: 2}}",
                "8:37: error: `2` has no unit [write 30s, 500ms or 5m]"},
        Mistake{
            kMode, "mode: automatic\n      failback: {automatic: {}}",
            "8:29: error: `after` is missing in automatic [Home has to be a confirmed standby for "
            "this long without a break.]"},
        Mistake{kMode, "mode: automatic\n      reassert_front_door: yes",
                "8:28: error: `reassert_front_door` takes true or false, not `yes` [write true or "
                "false]"},
        Mistake{kMode, "mode: automatic\n      reassert_front_door: \"true\"",
                "8:28: error: `reassert_front_door` takes true or false, not a text in quotes "
                "[write true or false]"},
        Mistake{kMode, "mode: automatic\n      hold_alarm: 20000d",
                "8:19: error: `20000d` is not a duration [write 30s, 500ms or 5m]"}));

}  // namespace
}  // namespace bascule::config::test
