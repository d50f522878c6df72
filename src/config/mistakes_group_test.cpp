// Mistakes in groups, sites and checks, one row each.
#include "config/mistakes.h"

namespace bascule::config::test {
namespace {

class GroupMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(GroupMistakes, AreSaidWhereTheyAre) {
  expect_said(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Group, GroupMistakes,
    testing::Values(
        Mistake{"    policy:", "    traffic: {}\n    policy:",
                "6:5: error: `traffic` is not available in this build"},
        Mistake{"    policy:", "    report: [{aws.s3.upload: {bucket: x}}]\n    policy:",
                "6:15: error: `aws.s3.upload` is not available in this build"},
        Mistake{"    policy:", "    report: {folder: {path: /x}}\n    policy:",
                "6:13: error: `report` takes a list, not a mapping"},
        Mistake{"    policy:", "    report: [{folder: {}}]\n    policy:",
                "6:23: error: `path` is missing in folder"},
        Mistake{"    policy:", "    report: [{folder: {path: \"${{ site.ip }}\"}}]\n    policy:",
                "6:31: error: `site.ip` is not known in a place for reports [it belongs to the "
                "whole group]"},
        Mistake{"    policy:", "    polcy: {}\n    policy:",
                "6:5: error: unknown key `polcy` in a group [did you mean `policy`?]"},
        Mistake{"  - name: shop\n    policy:", "  - policy:",
                "5:5: error: `name` is missing in a group [write name: NAME]"},
        Mistake{"groups:\n", "groups:\n  - {name: shop, sites: []}\n",
                "5:25: error: a group needs at least two sites\n6:11: error: there is already a "
                "group `shop` [the first one is at 5:12]"},
        Mistake{"groups:\n", "groups:\n  - shop\n",
                "5:5: error: a group takes a mapping, not a text"},
        Mistake{"    sites:\n      - name: a\n        vars: {ip: 192.0.2.1}\n        address: "
                "\"${{ site.ip }}\"\n",
                "    front_door: {dns.record: {zone: t., name: www.t., at: elsewhere}}\n    "
                "sites:\n      - name: "
                "a\n        vars: {ip: 192.0.2.1}\n",
                "12:15: error: site a has no `address` for the front door to show [write address: "
                "\"${{ site.ip }}\" or the address itself]"},
        Mistake{"    sites:\n      - name: a\n        vars: {ip: 192.0.2.1}\n",
                "    front_door: {dns.record: {zone: t., name: www.t., at: elsewhere}}\n    "
                "sites:\n      - name: "
                "a\n        vars: {ip: 192.0.2.2}\n",
                "33:18: error: sites a and b have the same address `192.0.2.2`: the front door "
                "could not tell them apart"},
        Mistake{"        activate:\n          - {name: promote, uses: postgres.promote, with: "
                "{check: database}}\n",
                "",
                "11:15: error: site a has no `activate`, so it cannot be a target [add activate, "
                "or say so: roles: [source, standby]]"},
        Mistake{"- name: b\n", "- name: b\n        at: a\n",
                "31:13: warning: the loss of place `a` takes every site along that could stand in "
                "for b"},
        Mistake{"- name: a\n", "- name: a\n        at: b\n",
                "12:13: warning: the loss of place `b` takes every site along that could stand in "
                "for a"},
        // S09: what a failover needs and would be lost with the site it leaves.
        Mistake{"    policy:",
                "    front_door: {dns.record: {zone: t., name: www.t., at: a}}\n    policy:",
                "6:5: error: the loss of a takes along the front door's control plane [publish the "
                "name from elsewhere]"},
        Mistake{"    policy:", "    front_door: {aws.route53.record: {zone: Z1}}\n    policy:",
                "6:18: error: `aws.route53.record` is not available in this build"},
        Mistake{"    policy:", "    front_door: {dns.recrod: {}}\n    policy:",
                "6:18: error: unknown key or kind `dns.recrod` in a front door [did you mean "
                "`dns.record`?]"},
        Mistake{"    policy:",
                "    front_door: {dns.record: {zone: t., name: t., type: CNAME, at: elsewhere}}\n  "
                "  policy:",
                "6:5: warning: a CNAME at `t.` stands beside the zone's own records, which DNS "
                "forbids [use a name below the zone, or type A]"},
        Mistake{
            "    policy:",
            "    front_door: {dns.record: {zone: t., name: \"${{ site.name }}.t.\", at: "
            "elsewhere}}\n    policy:",
            "6:48: error: `site.name` is not known in a front door [it belongs to the whole group: "
            "only a site's `address` has templates]"},
        Mistake{"    policy:",
                "    checks: [{name: web, http: {url: \"http://${{ site.ip }}/\"}}]\n    policy:",
                "6:46: error: `site.ip` is not known in a check of the group [it watches what "
                "clients see, whichever site is active]"},
        Mistake{"    policy:\n      mode: automatic\n      failover_when: [database]",
                "    checks: [{name: web, http: {url: \"http://x/\"}}]\n    policy:\n      mode: "
                "automatic\n      failover_when: [database, web]",
                "9:33: error: `web` is a check of the group: those never start a move [known here: "
                "database]"},
        Mistake{"- name: b\n", "- name: a\n",
                "30:15: error: there is already a site `a` [the first one is at 11:15]"},
        Mistake{"- name: b\n",
                "- name: b\n        roles: [target, standby]\n        at: elsewhere\n",
                "32:13: warning: the loss of b takes observer laptop and its store along: nothing "
                "is left that could move group `shop`"},
        Mistake{"- name: b\n", "- name: b\n        roles: []\n",
                "31:16: error: `roles` is empty [a site that takes no part does not belong into "
                "the group]"},
        Mistake{"- name: b\n", "- name: b\n        roles: [sorce]\n",
                "31:17: error: `roles` cannot be `sorce` [did you mean `source`?]"},
        Mistake{"- name: b\n", "- name: b\n        at: elsewhere\n",
                "31:13: error: the loss of b takes observer laptop and its store along: nothing is "
                "left that could move group `shop` [let the observer run at a place of its own, or "
                "write mode: manual]"},
        Mistake{"- name: a\n", "- name: a\n        roles: [standby]\n",
                "5:11: error: no move is possible in group `shop`: no site can be source while "
                "another can be target [check the roles of its sites]"},
        Mistake{"observer: {name: laptop, at: elsewhere}", "observer: {name: laptop, at: a}",
                "11:15: error: the loss of a takes observer laptop and its store along: nothing is "
                "left that could move group `shop` [let the observer run at a place of its own, or "
                "write mode: manual]"},
        Mistake{"vars: {ip: 192.0.2.1}", "vars: {ip: 192.0.2.1, name: x}",
                "12:31: error: `site.name` has its meaning already"},
        Mistake{"vars: {ip: 192.0.2.1}", "vars: {ip: \"${{ site.name }}\"}",
                "12:20: error: `ip` takes no templates"},
        Mistake{"vars: {ip: 192.0.2.1}", "vars: {ip: [1]}",
                "12:20: error: `ip` takes a text, not a list"},
        Mistake{"vars: {ip: 192.0.2.1}", "vars: {ipv4: 192.0.2.1}",
                "13:19: error: site a has no variable `ip` [known here: at, ipv4, name]\n17:22: "
                "error: site a has no variable `ip` [known here: at, ipv4, name]"},
        Mistake{"address: \"${{ site.ip }}\"", "address: \"${{ site.ip }\"",
                "13:18: error: `${{` without `}}` [close it, or write `$${{` where the text itself "
                "is meant]"},
        Mistake{"address: \"${{ site.ip }}\"", "address: \"${{ target.ip }}\"",
                "13:19: error: `target.ip` is not known here [an address knows site.NAME and "
                "steps.NAME.OUTPUT of activate]"},
        Mistake{"address: \"${{ site.ip }}\"", "address: \"${{ steps.promote.endpoint }}\"",
                "13:19: error: `postgres.promote` of step `promote` has no output `endpoint` "
                "[known here: timeline]"}));

INSTANTIATE_TEST_SUITE_P(
    Checks, GroupMistakes,
    testing::Values(
        Mistake{"              host: \"${{ site.ip }}\"\n", "",
                "17:15: error: `host` is missing in postgres"},
        Mistake{"password: hunter2", "pasword: hunter2",
                "20:15: error: unknown key `pasword` in postgres [did you mean `password`?]"},
        Mistake{"password: hunter2", "password: \"\"", "20:25: error: `password` is empty"},
        Mistake{"password: hunter2", "password: \"${env:MISSING}\"",
                "20:26: error: the environment has no variable `MISSING` [export MISSING=…, or "
                "write ${env:MISSING:-default}]"},
        Mistake{"password: hunter2", "password: ${env:MISSING",
                "20:25: error: `${env:` does not name a variable [write ${env:NAME} or "
                "${env:NAME:-default}]"},
        Mistake{"password: hunter2", "password: ${file:/nowhere}",
                "20:25: error: file `/nowhere` cannot be read: no such file"},
        Mistake{"password: hunter2", "password: ${file:/nowhere} and more",
                "20:25: error: `${file:PATH}` must be the whole value and name a file"},
        Mistake{"password: hunter2", "password: x ${file:/nowhere}",
                "20:25: error: `${file:PATH}` must be the whole value [put the whole text into the "
                "file]"},
        Mistake{"password: hunter2", "password: \"${{ site.ip }}\"",
                "20:25: error: `password` is a secret: it takes no templates"},
        Mistake{"password: hunter2", "password: [hunter2]",
                "20:25: error: `password` takes a text, not a list"},
        Mistake{"database: shop\n", "database:\n",
                "18:15: error: `database` has no value [write a text, or leave the key out]"},
        Mistake{"database: shop\n", "database: {a: b}\n",
                "18:25: error: `database` takes a text, not a mapping"},
        Mistake{"database: shop\n", "database: shop\n              port: 70000\n",
                "19:21: error: `70000` is too large for `port`: at most 65535"},
        Mistake{"database: shop\n", "database: shop\n              port: \"${{ site.port }}\"\n",
                "19:21: error: `site.port` is not known here: `port` takes a whole number"},
        Mistake{"database: shop\n", "database: shop\n              degraded_lag: 30\n",
                "19:29: error: `30` has no unit [write 30s, 500ms or 5m]"},
        Mistake{"database: shop\n", "database: shop\n              sslmode: disabled\n",
                "19:24: error: `sslmode` cannot be `disabled` [did you mean `disable`?]"},
        Mistake{
            "            postgres:\n", "            postgress:\n",
            "16:13: error: unknown key or kind `postgress` in a check [did you mean `postgres`?]"},
        Mistake{"            postgres:\n", "            azure.postgres:\n",
                "16:13: error: `azure.postgres` is not available in this build"},
        Mistake{"            postgres:\n", "            acts_on: failing\n            postgres:\n",
                "16:22: error: `acts_on` cannot be `failing` [known here: critical, failed]"},
        Mistake{"            postgres:\n", "            tcp: \"x:1\"\n            postgres:\n",
                "17:13: error: a check is of one kind: `tcp` stands here already"},
        Mistake{"        checks:\n", "        checks:\n          - {name: x}\n",
                "15:13: error: a check does not say its kind [known here: http, tcp, postgres]"},
        Mistake{"        checks:\n", "        checks:\n          - {tcp: \"x:1\"}\n",
                "15:13: error: `name` is missing in a check [write name: NAME]"},
        Mistake{"        checks:\n",
                "        checks:\n          - {name: database, tcp: \"x:1\"}\n",
                "16:19: error: there is already a check `database` [the first one is at 15:20]"},
        Mistake{"        checks:\n",
                "        checks:\n          - {name: x, tcp: \"${{ source.ip }}:1\"}\n",
                "15:29: error: `source.ip` is not known in a check [a check knows its own site: "
                "${{ site.NAME }}]"},
        Mistake{"        checks:\n",
                "        checks:\n          - {name: x, http: {url: u, expect: {status: [20]}}}\n",
                "15:56: error: `20` is too small for `status`: at least 100"},
        Mistake{
            "              admin: {user: boss, password: hunter3}\n", "",
            "22:32: error: `postgres.fence` needs `admin` credentials, and check `database` has "
            "none [add admin: {user: …, password: …} to check `database` of site a]\n24:35: error: "
            "`postgres.promote` needs `admin` credentials, and check `database` has none [add "
            "admin: {user: …, password: …} to check `database` of site a]"}));

}  // namespace
}  // namespace bascule::config::test
