// Prints what each notifier sends for messages of every kind, one JSON object per line: {schema,
// body}. bodies_test.py holds them to the vendors' own descriptions.
#include <cstdio>
#include <string>
#include <vector>

#include "model/json.h"
#include "notifiers/alertmanager/alertmanager.h"
#include "notifiers/datadog/datadog.h"
#include "notifiers/grafana/grafana.h"
#include "notifiers/pagerduty/pagerduty.h"
#include "notifiers/slack/slack.h"

namespace {

using bascule::IncidentStage;
using bascule::Json;
using bascule::Message;
using bascule::PageAction;
using bascule::Severity;

void print(const std::string& schema, const Json& body) {
  const std::string line = bascule::to_text(Json{{"schema", schema}, {"body", body}}) + "\n";
  std::fwrite(line.data(), 1, line.size(), stdout);
}

Message message_of(Severity severity, IncidentStage stage, const std::string& type) {
  Message message;
  message.severity = severity;
  message.stage = stage;
  message.cluster = "demo";
  message.group = bascule::GroupName("shop");
  message.run = bascule::RunId("r-0042");
  message.seq = 4'211;
  message.at = bascule::Instant(bascule::Duration(1'795'449'600'123));
  message.began_at = message.at - bascule::Duration(5'000);
  message.title = "r-0042 done (failover of shop: amsterdam → berlin) & <more>";
  message.text = std::string(5'000, 'x') + " — bascule show r-0042";
  if (stage != IncidentStage::none) message.incident = "bascule/demo/shop/4200";
  message.data = {{"type", type}, {"actor", "ana"}, {"reason", ""}, {"run", "r-0042"}};
  return message;
}

void print_page(const Message& message) {
  switch (bascule::page_action(message)) {
    case PageAction::nothing:
      return;
    case PageAction::change:
      print("pagerduty.change", bascule::change_event(message, std::string(32, 'k')));
      return;
    default:
      print("pagerduty.enqueue", bascule::page_event(message, std::string(32, 'k')));
      print("pagerduty.incident", bascule::rest_incident(message, "PWIXJZS"));
  }
}

void print_all(const Message& message) {
  print("slack.message", bascule::slack_body(message, "DR-Bot", ""));
  print("slack.message", bascule::slack_body(message, "", "#ops"));
  print_page(message);
  print("datadog.event", bascule::datadog_event(message, {"team:payments"}));
  print("grafana.annotation", bascule::grafana_annotation(message, {"dr"}, "abc"));
  if (message.stage == IncidentStage::none) return;
  print("alertmanager.alerts",
        Json::array({bascule::alert_of(message, {{"team", "payments"}}, message.began_at)}));
}

}  // namespace

int main() {
  for (const Severity severity : {Severity::info, Severity::warning, Severity::critical}) {
    for (const IncidentStage stage :
         {IncidentStage::none, IncidentStage::triggered, IncidentStage::ongoing,
          IncidentStage::acknowledged, IncidentStage::resolved}) {
      for (const char* type : {"RunOpened", "RunEnded", "GroupStateChanged"}) {
        print_all(message_of(severity, stage, type));
      }
    }
  }
  bascule::Standing standing;
  standing.cluster = "demo";
  standing.group = bascule::GroupName("shop");
  standing.state = "CRITICAL";
  standing.incident = "bascule/demo/shop/4200";
  standing.lag = bascule::Duration(1'500);
  standing.summary = "database is down";
  print("datadog.series", bascule::datadog_series({standing}, {}));
  print("alertmanager.alerts", Json::array({bascule::alert_of(standing, {})}));
}
