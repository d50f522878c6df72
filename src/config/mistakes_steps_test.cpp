// Mistakes in steps and in the YAML itself, one row each.
#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

class StepMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(StepMistakes, AreSaidWhereTheyAre) {
  expect_said(GetParam());
}

constexpr const char* kVerify = "- {name: answers, uses: http.answers, with: {url: \"http://x/\"}}";
constexpr const char* kSeal = "- {name: seal, uses: postgres.fence, with: {check: database}}";

INSTANTIATE_TEST_SUITE_P(
    Steps, StepMistakes,
    testing::Values(
        Mistake{"uses: postgres.promote", "uses: aws.rds.promote_replica",
                "25:35: error: `aws.rds.promote_replica` is not available in this build"},
        Mistake{"uses: postgres.promote", "uses: postgres.promot",
                "25:35: error: there is no action `postgres.promot` [did you mean "
                "`postgres.promote`?]"},
        Mistake{"uses: postgres.promote", "uses: postgres",
                "25:35: error: there is no action `postgres` [it is a kind of check: write it "
                "under checks]"},
        Mistake{"uses: postgres.promote", "uses: dns.record",
                "25:35: error: there is no action `dns.record` [it is a front door: write it under "
                "front_door]"},
        Mistake{
            "uses: postgres.promote", "uses: postgres.rejoin",
            "25:35: error: `postgres.rejoin` cannot stand in activate [it can stand in: protect]"},
        Mistake{"{name: promote, uses", "{uses",
                "25:13: error: `name` is missing in a step [write name: NAME]"},
        Mistake{"{name: promote, uses: postgres.promote", "{name: promote",
                "25:13: error: `uses` is missing in a step [write uses: KIND]"},
        Mistake{"{name: promote,", "{name: pro.mote,",
                "25:20: error: the name of a step cannot be `pro.mote` [letters, digits, - and _, "
                "at most 63, beginning with a letter or digit]"},
        Mistake{"{name: promote,", "{name: seal,",
                "25:20: error: there is already a step `seal` [the first one is at 23:20]"},
        Mistake{"uses: postgres.promote, with: {check: database}", "uses: postgres.promote",
                "25:35: error: `check` is missing in postgres.promote"},
        Mistake{"uses: postgres.promote, with: {check: database}",
                "uses: postgres.promote, with: {check: databse}",
                "25:67: error: the site has no check `databse` [did you mean `database`?]"},
        Mistake{"uses: postgres.promote, with: {check: database}",
                "uses: postgres.promote, with: {check: database, x: 1}",
                "25:77: error: unknown key `x` in postgres.promote [known here: check]"},
        Mistake{kSeal, "- {name: seal, uses: postgres.fence, with: {check: database}, timeout: 5}",
                "23:82: error: `5` has no unit [write 30s, 500ms or 5m]"},
        Mistake{kSeal, "- {name: seal, uses: postgres.fence, with: {check: database}, retries: -1}",
                "23:82: error: `-1` is too small for `retries`: at least 0"},
        Mistake{
            kSeal,
            "- {name: seal, uses: postgres.fence, with: {check: database}, on_failure: ignore}",
            "23:85: error: `on_failure` cannot be `ignore` [known here: rollback, continue, park]"},
        Mistake{kSeal,
                "- {name: seal, uses: postgres.fence, with: {check: database}, blocks: always}",
                "23:73: error: unknown key `blocks` in a step [known here: name, uses, with, "
                "timeout, needs, on_failure, retries]"},
        Mistake{"        fence:\n          - {name: seal, uses: postgres.fence, with: {check: "
                "database}}\n",
                "",
                "11:15: error: site a has no fence, and fence.at_least is `sealed`: no automatic "
                "failover away from it could start [add a stronger fence step, or lower "
                "policy.fence.at_least]"},
        Mistake{kSeal, "- {name: off, uses: hook, with: {rung: sealed, run: [x]}}",
                "23:31: error: `hook` without `proof` does not say how often it may run [add "
                "`proof`, or delivery: at_most_once or at_least_once]\n23:31: warning: no `at` "
                "says where these are, so they count as surviving every site: hook steps\n23:50: "
                "error: rung `sealed` needs `proof`: a fence that is not proved is advisory"},
        Mistake{kSeal, "- {name: off, uses: hook, with: {rung: cut, run: [x], proof: [y]}}",
                "22:9: warning: no switchover away from site a is possible: no fence step reaches "
                "`sealed` without cutting it\n23:31: warning: no `at` says where these are, so "
                "they count as surviving every site: hook steps"},
        Mistake{kSeal, "- {name: off, uses: hook, with: {rung: cut, run: [x], proof: [y], at: a}}",
                "22:9: warning: no switchover away from site a is possible: no fence step reaches "
                "`sealed` without cutting it\n23:31: error: the loss of a takes along what step "
                "`off` needs [run it from elsewhere, or write on_failure: continue]"},
        Mistake{kSeal,
                "- {name: off, uses: hook, with: {rung: cut, run: [x], proof: [y], at: \"${{ "
                "site.at }}\"}}",
                "22:9: warning: no switchover away from site a is possible: no fence step reaches "
                "`sealed` without cutting it\n23:31: error: the loss of a takes along what step "
                "`off` needs [run it from elsewhere, or write on_failure: continue]"},
        Mistake{kSeal, "- {name: off, uses: hook, with: {rung: cut, run: [], proof: [y]}}",
                "23:31: warning: no `at` says where these are, so they count as surviving every "
                "site: hook steps\n23:60: error: `run` is empty"},
        Mistake{kVerify, "- {name: t, uses: hook, with: {run: [x]}}",
                "27:29: error: `hook` without `proof` does not say how often it may run [add "
                "`proof`, or delivery: at_most_once or at_least_once]\n27:29: warning: no `at` "
                "says where these are, so they count as surviving every site: hook steps"},
        Mistake{kVerify, "- {name: t, uses: http.answers, needs: [s], with: {url: x}}",
                "27:51: error: there is no step `s` in verify [did you mean `t`?]"},
        Mistake{kVerify, "- {name: t, uses: http.answers, needs: s, with: {url: x}}",
                "27:50: error: `needs` takes a list, not a text"},
        Mistake{
            kVerify, "- {name: t, uses: http.answers, needs: [t], with: {url: x}}",
            "27:51: error: these steps wait for each other: t → t [take one of these needs out]"},
        Mistake{kVerify,
                "- {name: t, uses: http.answers, needs: [u], with: {url: x}}\n          - {name: "
                "u, uses: http.answers, with: {url: x}}",
                "28:13: error: these steps wait for each other: t → u → t [take one of these needs "
                "out]"},
        Mistake{kVerify,
                "- {name: t, uses: http.answers, with: {url: x}}\n          - {name: u, uses: "
                "http.answers, needs: [t, t], with: {url: x}}",
                "28:54: error: `t` is named twice"},
        Mistake{kVerify,
                "- {name: t, uses: http.answers, with: {url: \"${{ steps.promote.endpoint }}\"}}",
                "27:56: error: `postgres.promote` of step `promote` has no output `endpoint` "
                "[known here: timeline]"},
        Mistake{kVerify,
                "- {name: t, uses: http.answers, with: {url: \"${{ steps.promot.timeline }}\"}}",
                "27:56: error: there is no step `promot` before this [did you mean `promote`?]"},
        Mistake{kVerify, "- {name: t, uses: http.answers, with: {url: \"${{ steps.promote }}\"}}",
                "27:56: error: `steps.promote` is not a step's output [write ${{ steps.NAME.OUTPUT "
                "}}]"},
        Mistake{kVerify, "- {name: t, uses: http.answers, with: {url: \"${{ active.ip }}\"}}",
                "27:56: error: `active.ip` is not known here [known here: site.NAME, source.NAME, "
                "target.NAME, steps.NAME.OUTPUT]"},
        Mistake{kVerify, "- {name: t, uses: http.answers, with: {url: \"${{ source.ipv4 }}\"}}",
                "27:56: error: `source.ipv4` can be site b, which has no variable `ipv4` [known "
                "here: at, ip, name]"},
        Mistake{kVerify,
                "- {name: t, uses: http.answers, with: {url: x}}\n          - {name: u, uses: "
                "http.answers, needs: [], with: {url: \"${{ steps.t.attempts }}\"}}",
                "28:67: error: step `t` has not ended when this one starts [add it to needs: [t]]"},
        Mistake{"uses: postgres.rejoin,", "uses: postgres.rejoin, on_failure: continue,",
                "29:51: error: `on_failure` has no meaning in protect: its steps stay owed until "
                "they hold [leave it out]"},
        Mistake{"${{ active.ip }}", "${{ target.ip }}",
                "29:90: error: `target.ip` is not known here [protect knows site.NAME, active.NAME "
                "and steps.NAME.OUTPUT]"},
        Mistake{
            "        fence:\n",
            "        preflight: [{name: p, uses: postgres.fence, with: {check: database}}]\n   "
            "     fence:\n",
            "22:37: error: `postgres.fence` cannot stand in preflight [it can stand in: fence]"},
        Mistake{
            "uses: postgres.promote", "uses: notify.test",
            "25:35: error: `notify.test` cannot stand in activate [it can stand in: preflight]"},
        Mistake{
            "        fence:\n",
            "        preflight: [{name: p, uses: hook, with: {run: [x]}}]\n        fence:\n",
            "22:37: error: `hook` without `proof` says nothing before it has run, and a preflight "
            "runs nothing [add `proof`: exit 0 it is ready, 1 it is not]"},
        Mistake{
            "        fence:\n",
            "        preflight: [{name: p, uses: dns.resolves, blocks: never}]\n        fence:\n",
            "22:37: error: `dns.resolves` is not available in this build"},
        Mistake{"        fence:\n",
                "        preflight: [{name: p, uses: http.answers, with: {url: \"http://${{ "
                "source.ip }}/\"}, blocks: always}]\n        fence:\n",
                "22:71: error: an item that reads the source's site may not say `blocks: always` "
                "[in a failover the source is lost: write blocks: planned]"},
        Mistake{"        fence:\n",
                "        preflight: [{name: p, uses: http.answers, with: {url: x}, needs: []}]\n   "
                "     fence:\n",
                "22:67: error: unknown key `needs` in a preflight item [known here: name, uses, "
                "with, timeout, blocks]"}));

INSTANTIATE_TEST_SUITE_P(
    Yaml, StepMistakes,
    testing::Values(
        Mistake{"version: 1", "version: &v 1",
                "1:10: error: anchors are not used in a configuration [write the value out where "
                "it is needed]"},
        Mistake{"version: 1", "version: *v",
                "1:10: error: aliases are not used in a configuration [write the value out]"},
        Mistake{"version: 1", "version: !!int 1",
                "1:10: error: tags are not used in a configuration [leave it out: the key says "
                "what its value is]"},
        Mistake{"version: 1", "version: ! 1",
                "1:10: error: tags are not used in a configuration [leave it out: the key says "
                "what its value is]"},
        Mistake{"version: 1", "<<: {a: b}",
                "1:1: error: merge keys are not used in a configuration [write the entries out]"},
        Mistake{"version: 1", "? [a]\n: b", "1:3: error: a key is a text, not a collection"},
        Mistake{"version: 1", "version: \"1",
                "13:19: error: this line does not fit the mapping above it [the text in quotes "
                "that begins at 1:10 goes on over several lines: is its quote closed?]"},
        Mistake{"version: 1", "version: 1: 2",
                "1:11: error: `:` does not belong here [a text that holds `: ` stands in quotes; "
                "otherwise check the indentation of the line above]"},
        Mistake{"version: 1", "version: @1",
                "1:10: error: no value can begin with this character [put the text in quotes]"},
        Mistake{"version: 1", "version: {a: 1",
                "1:10: error: this `{` is not closed, or a comma is missing after it"},
        Mistake{"version: 1", "version: [1, 2",
                "1:10: error: this `[` is not closed, or a comma is missing after it"},
        Mistake{"version: 1", "version: 1]",
                "1:10: error: `version` takes a whole number, not `1]`"},
        Mistake{"groups:", "---\ngroups:",
                "4:1: error: a second document begins here [one file holds one configuration]"},
        Mistake{"groups:", "...\ngroups:",
                "5:1: error: a second document begins here [one file holds one configuration]"},
        Mistake{"version: 1", "- version: 1",
                "2:1: error: this does not belong to what stands above it [check the indentation: "
                "entries of one mapping or list begin in the same column]"},
        Mistake{"    sites:", "   sites:",
                "10:4: error: this line does not fit the list above it [check the indentation: the "
                "dashes of one list stand in the same column]"},
        Mistake{"version: 1", "version: \"\\q\"",
                "1:13: error: there is no such escape in double quotes [write \\\\ for a "
                "backslash, or use single quotes]"},
        Mistake{"version: 1", "version: 1\x80",
                "1:11: error: this is not text in UTF-8: a wrong byte or a control character "
                "[store the file as UTF-8]"},
        Mistake{"version: 1", "version: \"\x1b\"",
                "1:11: error: this is not text in UTF-8: a wrong byte or a control character "
                "[store the file as UTF-8]"},
        Mistake{"version: 1", "é: 1 # ü\nversion: 1",
                "1:1: error: unknown key `é` in the configuration [known here: version, cluster, "
                "observer, observers, store, listen, access, references, resolvers, kubernetes, "
                "max_concurrent_runs, "
                "notify, groups]"}));

}  // namespace
}  // namespace bascule::config::test
