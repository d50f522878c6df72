#include "app/catalog.h"

#include <iterator>
#include <memory>
#include <utility>

#include "async/clock.h"
#include "base/assert.h"
#include "notifiers/alertmanager/alertmanager.h"
#include "notifiers/datadog/datadog.h"
#include "notifiers/grafana/grafana.h"
#include "notifiers/log/log.h"
#include "notifiers/pagerduty/pagerduty.h"
#include "notifiers/slack/slack.h"
#include "notifiers/webhook/webhook.h"
#include "providers/dns/kinds.h"
#include "providers/hook/check.h"
#include "providers/hook/hook.h"
#include "providers/http/kinds.h"
#include "providers/kubernetes/kinds.h"
#include "providers/notify/kinds.h"
#include "providers/postgres/kinds.h"
#include "providers/prometheus/prometheus.h"

namespace bascule::app {
namespace {

template <typename Entry>
void add(std::vector<Entry>& all, std::vector<Entry> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::vector<Kind> stores() {
  Kind sqlite;
  sqlite.name = "sqlite";
  sqlite.role = KindRole::store;
  sqlite.summary = "A journal in one SQLite file, for one machine.";
  sqlite.fields = {
      Field{.name = "path", .summary = "The file; made when it does not exist.", .required = true}};
  return {sqlite};
}

std::vector<Kind> reports() {
  Kind folder;
  folder.name = "folder";
  folder.role = KindRole::report;
  folder.summary = "A folder of this machine: RUN.json and RUN.html for each run that ended.";
  folder.fields = {
      Field{.name = "path",
            .summary = "The folder, from the root on; made when only it does not exist.",
            .required = true}};
  return {folder};
}

// Named by the specification or by a later contract; refused by name until they exist.
std::vector<std::string> planned_kinds() {
  return {"etcd",
          "patroni.promote_standby_cluster",
          "patroni.switchover",
          "haproxy.weight",
          "aws.rds",
          "aws.elb",
          "aws.rds.promote_replica",
          "aws.rds.create_replica",
          "aws.rds.isolate",
          "aws.rds.stop",
          "aws.rds.global_cluster",
          "aws.ec2.isolate",
          "aws.ec2.instances_running",
          "aws.elb.lookup",
          "aws.elb.targets_healthy",
          "aws.autoscaling.capacity",
          "aws.ssm.parameter",
          "aws.s3.upload",
          "aws.s3.replication_enabled",
          "aws.secretsmanager.present",
          "aws.backup.recent",
          "aws.arc.routing_control",
          "aws.route53.record",
          "aws.route53.weighted",
          "aws.route53.failover",
          "azure.postgres",
          "azure.traffic_manager",
          "azure.postgres.promote_replica",
          "azure.postgres.stop",
          "azure.vm.running",
          "azure.vmss.capacity",
          "azure.dns.record",
          "azure.traffic_manager.weighted",
          "azure.blob.upload",
          "gcp.sql",
          "gcp.sql.promote_replica",
          "gcp.sql.stop",
          "gcp.compute.instances_running",
          "gcp.compute.group_size",
          "gcp.dns.record",
          "gcp.dns.failover_policy",
          "gcp.dns.weighted",
          "gcp.storage.upload"};
}

std::vector<NotifierKind> notifiers(net::Resolver& resolver) {
  std::vector<NotifierKind> all = {log_notifier(),
                                   webhook_notifier(resolver),
                                   slack_notifier(resolver),
                                   pagerduty_notifier(resolver),
                                   datadog_notifier(resolver),
                                   grafana_notifier(resolver),
                                   alertmanager_notifier(resolver)};
  // What every channel has; the follower that feeds them looks after it.
  for (NotifierKind& notifier : all) {
    notifier.kind.fields.push_back(
        Field{.name = "min_severity",
              .type = FieldType::word,
              .summary = "Leaves out what is less severe, but never the end of an incident.",
              .default_value = "info",
              .words = {"info", "warning", "critical"}});
  }
  return all;
}

}  // namespace

Catalog make_catalog(net::Resolver& resolver, std::vector<KubernetesContextSpec> clusters) {
  Catalog catalog;
  const auto kubernetes = std::make_shared<kubernetes::Clusters>(std::move(clusters), resolver);
  const postgres::PostgresDependencies postgres{resolver};
  add(catalog.probes, http::probe_kinds(resolver));
  add(catalog.probes, postgres::postgres_probes(postgres));
  add(catalog.probes, dns::probe_kinds(resolver));
  add(catalog.probes, kubernetes::probe_kinds(kubernetes));
  catalog.probes.push_back(hook::probe_kind());
  catalog.probes.push_back(prometheus::probe_kind(resolver));
  add(catalog.actions, http::action_kinds(resolver));
  add(catalog.actions, postgres::postgres_actions(postgres));
  add(catalog.actions, dns::action_kinds(resolver));
  add(catalog.actions, kubernetes::action_kinds(kubernetes));
  catalog.actions.push_back(hook::action_kind());
  catalog.actions.push_back(notify::test_kind());
  catalog.notifiers = notifiers(resolver);
  catalog.stores = stores();
  catalog.reports = reports();
  catalog.planned = planned_kinds();
  return catalog;
}

config::Kinds known_kinds() {
  // The factories hold a resolver; none of them is called here.
  boost::asio::io_context io;
  SystemClock clock(io);
  Result<std::unique_ptr<net::Resolver>> resolver =
      net::Resolver::make(io, clock, {"127.0.0.1:53"});
  BASCULE_ASSERT(resolver.has_value(), "a resolver for one loopback address can always be made");
  const Catalog catalog = make_catalog(**resolver, {});
  config::Kinds kinds;
  for (const ProbeKind& probe : catalog.probes) kinds.probes.push_back(probe.kind);
  for (const ActionKind& action : catalog.actions) {
    const bool front_door = action.kind.role == KindRole::front_door;
    (front_door ? kinds.front_doors : kinds.actions).push_back(action.kind);
  }
  for (const NotifierKind& notifier : catalog.notifiers) kinds.notifiers.push_back(notifier.kind);
  kinds.stores = catalog.stores;
  kinds.reports = catalog.reports;
  kinds.planned = catalog.planned;
  return kinds;
}

}  // namespace bascule::app
