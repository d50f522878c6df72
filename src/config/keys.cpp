#include "config/keys.h"

#include <initializer_list>
#include <utility>

#include "model/words.h"

namespace bascule::config {
namespace {

constexpr std::int64_t kSecond = 1'000;
constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kYear = 365 * kDay;

struct Range {
  std::int64_t minimum;
  std::int64_t maximum;
};

Field text(std::string name, std::string summary, Json otherwise = nullptr) {
  return Field{.name = std::move(name),
               .type = FieldType::text,
               .summary = std::move(summary),
               .default_value = std::move(otherwise)};
}

Field ranged(FieldType type, std::string name, std::string summary, Range range, Json otherwise) {
  return Field{.name = std::move(name),
               .type = type,
               .summary = std::move(summary),
               .default_value = std::move(otherwise),
               .minimum = range.minimum,
               .maximum = range.maximum};
}

Field duration(std::string name, std::string summary, Range range, Json otherwise = nullptr) {
  return ranged(FieldType::duration, std::move(name), std::move(summary), range,
                std::move(otherwise));
}

Field integer(std::string name, std::string summary, Range range, Json otherwise = nullptr) {
  return ranged(FieldType::integer, std::move(name), std::move(summary), range,
                std::move(otherwise));
}

Field word(std::string name, std::string summary, std::vector<std::string> known,
           Json otherwise = nullptr) {
  return Field{.name = std::move(name),
               .type = FieldType::word,
               .summary = std::move(summary),
               .default_value = std::move(otherwise),
               .words = std::move(known)};
}

Field object(std::string name, std::string summary, std::vector<Field> fields,
             Json otherwise = Json::object()) {
  return Field{.name = std::move(name),
               .type = FieldType::object,
               .summary = std::move(summary),
               .default_value = std::move(otherwise),
               .fields = std::move(fields)};
}

Field required(Field field) {
  field.required = true;
  return field;
}

template <typename Enum>
std::vector<std::string> known_words() {
  std::vector<std::string> known;
  for (const auto& entry : words<Enum>()) known.emplace_back(entry.text);
  return known;
}

Key formed(Field field, std::string form, std::string otherwise = "") {
  return Key{std::move(field), std::move(form), std::move(otherwise)};
}

Field detect_field() {
  return object(
      "detect", "When a check counts as down.",
      {duration("interval", "Between two looks at a check.", {100, kDay}, "30s"),
       duration("timeout", "Of one look; at most the interval.", {10, kDay}, "5s"),
       integer("failures", "Looks that must fail.", {1, 100}, 3),
       duration("window", "Within this time; default failures × interval.", {100, kYear}),
       integer("recoveries", "Good looks in a row that clear the count.", {1, 1'000}, 5),
       duration("confirm", "Between looks after the first failure; default off.", {10, kDay}),
       duration("min_duration",
                "At least this long since the first failure; default (failures − 1) × interval, or "
                "× confirm where that is set.",
                {0, kYear})});
}

Field make_access() {
  Field token =
      object("token", "One bearer token.",
             {required(text("name", "Who acts with it, in records.")),
              required(word("role", "What it may do.", {"viewer", "operator", "admin"})),
              required(text("hash", "What `bascule token create` printed: sha256:HEX.")),
              text("expires", "When it is good no longer, as RFC 3339 writes it; default never.")});
  Field tokens{.name = "tokens",
               .type = FieldType::list,
               .summary = "Who may use the API besides who can read the token beside the store.",
               .default_value = Json::array(),
               .items = {std::move(token)}};
  return object("access", "Who may use the API, and what it shows of itself.",
                {std::move(tokens),
                 object("tls", "With it the API is served over TLS alone.",
                        {required(text("cert", "The certificate and its chain, a PEM file.")),
                         required(text("key", "Its key, a PEM file."))})});
}

Field make_kubernetes() {
  Field context =
      object("context", "How one cluster is reached: by a kubeconfig, or in_cluster.",
             {text("kubeconfig",
                   "The file, absolute; more of them joined by `:`, of which the first that says "
                   "something counts."),
              text("context", "Its name in there; default the name that it has here."),
              Field{.name = "in_cluster",
                    .type = FieldType::boolean,
                    .summary = "The cluster that Bascule itself runs in, by its service account.",
                    .default_value = false},
              duration("timeout", "Of one request.", {100, kDay}, "10s")});
  Field contexts{.name = "contexts",
                 .type = FieldType::map,
                 .summary = "The clusters by the names that checks and actions give.",
                 .default_value = Json::object(),
                 .items = {std::move(context)}};
  return object("kubernetes", "The clusters of Kubernetes.", {std::move(contexts)});
}

KeyTable make_policy() {
  return KeyTable{
      "policy",
      "When and how a group may move.",
      {{word("mode", "Who starts a failover.", known_words<Mode>(), "manual")},
       {object("approve", "Of mode approve: how long to wait for a person, and what then.",
               {duration("timeout", "How long a person has.", {kSecond, kYear}, "10m"),
                word("on_timeout", "What happens then.", {"abort", "proceed"}, "abort")})},
       formed(text("failover_when", "The checks of the sites whose failure moves the group."),
              "[CHECK, [CHECK, CHECK]]: any of the outer, all of an inner list",
              "none; mandatory unless the mode is manual"),
       {detect_field()},
       {duration("cooldown", "After an automatic move none starts by itself for this long.",
                 {0, kYear}, "1h")},
       {object("flap", "How the cool-down grows.",
               {integer("grow", "By this factor with every further move.", {1, 100}, 2),
                duration("within", "When the moves are this close together.", {0, kYear}, "24h")})},
       {object("max_data_loss", "No failover that could lose more.",
               {duration("time", "At least 1s: positions are read every second.", {0, kYear}),
                Field{.name = "bytes",
                      .type = FieldType::size,
                      .summary = "Of the database's log.",
                      .minimum = 0}})},
       {object("unknown_data_loss", "When the possible loss cannot be told.",
               {duration("after", "How long to wait for an answer.", {0, kYear}, "1m"),
                word("then", "What happens then.", {"abort", "force"}, "abort")})},
       {object("fence", "How surely the old site is stopped before another is activated.",
               {word("at_least", "The rung that must be proved.", {"sealed", "cut", "attested"},
                     "sealed"),
                word("otherwise", "When it cannot be reached.", {"refuse", "proceed"}, "refuse"),
                duration("timeout", "A fence step without any answer has failed after this.",
                         {100, kDay}, "5s")})},
       {duration("hold_alarm", "A hold is announced again each time it is older by this.",
                 {kSecond, kYear}, "24h")},
       formed(text("quorum", "How many observers must agree."),
              "majority | NUMBER | {outside_site: NUMBER}", "majority"),
       formed(text("failback", "Who moves the group home."), "manual | {automatic: {after: 2h}}",
              "manual"),
       {Field{.name = "reassert_front_door",
              .type = FieldType::boolean,
              .summary = "Undo what somebody else changed at the front door, or only announce it.",
              .default_value = false}}}};
}

KeyTable make_root() {
  const Field resolver = text("resolver", "ADDRESS or ADDRESS:PORT.");
  Field resolvers{.name = "resolvers",
                  .type = FieldType::list,
                  .summary = "Name servers of probes and actions, ADDRESS or ADDRESS:PORT.",
                  .default_value = Json::array(),
                  .items = {resolver}};
  return KeyTable{
      "the configuration",
      "One file holds one configuration.",
      {formed(required(integer("version", "Of this notation.", {1, 1})), "1"),
       formed(text("cluster", "One name per installation; guards a store against being shared."),
              "NAME", "default"),
       formed(object("observer", "This process as a point of view.", {}), "{name: NAME, at: PLACE}",
              "the host's name"),
       formed(text("observers", "The voters of an installation."), "[{name: NAME, at: PLACE}]",
              "this observer"),
       formed(required(text("store", "Where the journal is kept.")),
              "sqlite:///PATH | memory: | {KIND: {…}}"),
       formed(
           text("listen", "Where the API is served. Beyond this machine only with tokens and TLS."),
           "ADDRESS:PORT", "127.0.0.1:8420"),
       formed(access_field(),
              "{tokens: [{name: NAME, role: ROLE, hash: HASH}], tls: {cert: FILE, key: FILE}}",
              "the token beside the store, without TLS"),
       formed(text("references", "Answers that tell an observer it is not the one cut off."),
              "[{tcp: HOST:PORT, at: PLACE}]", "the checks of the other sites"),
       formed(std::move(resolvers), "[ADDRESS:PORT]", "the system's"),
       formed(kubernetes_field(),
              "{contexts: {NAME: {kubeconfig: FILE, context: NAME, timeout: 10s}}}", "no cluster"),
       {integer("max_concurrent_runs", "Across groups.", {1, 1'000}, 3)},
       formed(text("notify", "Who is told what happens."), "[{KIND: {…}}]", "nobody"),
       formed(required(text("groups", "What moves as one.")), "[{…}]")},
      {"clouds"}};
}

KeyTable make_group() {
  return KeyTable{
      "a group",
      "What moves as one: a front door and the sites it can show.",
      {formed(required(text("name", "Unique.")), "NAME"),
       formed(object("policy", "When and how it may move.", {}), "{…}"),
       formed(text("checks", "What clients see; never start a move by themselves."), "[{…}]",
              "none"),
       formed(object("front_door", "Who publishes the one name of the group.", {}), "{KIND: {…}}",
              "none"),
       formed(required(text("sites", "At least two, in order of preference; the first is home.")),
              "[{…}]"),
       formed(text("report", "Where the reports of its runs are kept."), "[{KIND: {…}}]",
              "nowhere: `bascule report RUN` makes them")},
      {"traffic"}};
}

KeyTable make_site() {
  const auto steps = [](std::string name, std::string summary) {
    return formed(text(std::move(name), std::move(summary)), "[{…}]", "none");
  };
  KeyTable table{
      "a site",
      "One deployment of a group.",
      {formed(required(text("name", "Unique in the group.")), "NAME"),
       formed(text("roles", "What it can be."), "[source, target, standby]", "all three"),
       formed(text("at", "A place: what shares a fate."), "PLACE", "the site's own name"),
       formed(text("vars", "For ${{ site.NAME }}."), "{NAME: TEXT}", "none"),
       formed(text("address", "What the front door shows when this site is active."), "TEXT",
              "none; needed with a front door"),
       steps("checks", "How it is watched."), steps("preflight", "What must be ready."),
       steps("fence", "How it is stopped from serving writes."),
       steps("activate", "How it is made active."), steps("verify", "How that is proved."),
       steps("protect", "How it becomes a standby again.")}};
  for (const std::string& name : site_variables()) {
    table.others.push_back(name);
    table.known.push_back(name);
  }
  return table;
}

std::vector<Key> common_step_keys() {
  return {formed(required(text("name", "Unique in the site.")), "NAME"),
          formed(required(text("uses", "The kind of action.")), "KIND"),
          formed(object("with", "Its settings.", {}), "{…}", "none"),
          {duration("timeout", "Until it must be done.", {100, kYear}, "5m")}};
}

KeyTable make_step() {
  std::vector<Key> keys = common_step_keys();
  keys.push_back(formed(text("needs", "Steps of the same list that end before it."), "[STEP]",
                        "the step above; [] starts with its phase"));
  keys.push_back({word("on_failure", "What follows when it does not end well.",
                       {"rollback", "continue", "park"}),
                  "",
                  "fence: park, or continue under `otherwise: proceed`; activate and verify: "
                  "rollback; protect: stays owed"});
  keys.push_back({integer("retries", "After a failure that may pass.", {0, 1'000}), "",
                  "by the error, within "
                  "the timeout"});
  return {"a step", "Something that is made so at a provider.", std::move(keys)};
}

KeyTable make_preflight() {
  std::vector<Key> keys = common_step_keys();
  keys.push_back({word("blocks",
                       "Which moves it stops: planned ones (a warning in a "
                       "failover), always, or never.",
                       known_words<Blocks>(), "planned")});
  return {"a preflight item", "Something that must be ready.", std::move(keys)};
}

KeyTable make_check() {
  return KeyTable{"a check",
                  "Something that is watched.",
                  {formed(required(text("name", "Unique in its list.")), "NAME"),
                   {word("acts_on", "critical: critical and failed count; failed: only no answer.",
                         known_words<ActsOn>(), "critical")}}};
}

}  // namespace

KeyTable::KeyTable(std::string where_text, std::string summary_text, std::vector<Key> all_keys,
                   std::vector<std::string> planned_keys)
    : where(std::move(where_text)),
      summary(std::move(summary_text)),
      keys(std::move(all_keys)),
      planned(std::move(planned_keys)),
      others(planned) {
  for (const Key& key : keys) {
    known.push_back(key.field.name);
    if (key.form.empty()) {
      plain.push_back(key.field);
    } else {
      others.push_back(key.field.name);
    }
  }
}

const KeyTable& root_keys() {
  static const KeyTable kTable = make_root();
  return kTable;
}
const KeyTable& group_keys() {
  static const KeyTable kTable = make_group();
  return kTable;
}
const KeyTable& policy_keys() {
  static const KeyTable kTable = make_policy();
  return kTable;
}
const KeyTable& failback_keys() {
  static const KeyTable kTable{
      "failback",
      "Who moves the group home.",
      {{required(object(
          "automatic", "Bascule does, where the mode is automatic.",
          {required(duration("after",
                             "Home has to be a confirmed standby for this long without a break.",
                             {kSecond, kYear}))},
          nullptr))}}};
  return kTable;
}
const KeyTable& site_keys() {
  static const KeyTable kTable = make_site();
  return kTable;
}
const KeyTable& check_keys() {
  static const KeyTable kTable = make_check();
  return kTable;
}
const KeyTable& step_keys() {
  static const KeyTable kTable = make_step();
  return kTable;
}
const KeyTable& preflight_keys() {
  static const KeyTable kTable = make_preflight();
  return kTable;
}
const KeyTable& reference_keys() {
  static const KeyTable kTable{
      "a reference",
      "An answer from outside.",
      {formed(text("at", "A place: what shares a fate."), "PLACE", "survives every site")}};
  return kTable;
}

const Field& access_field() {
  static const Field kField = make_access();
  return kField;
}

const Field& kubernetes_field() {
  static const Field kField = make_kubernetes();
  return kField;
}

const std::vector<std::string>& kubernetes_clouds() {
  static const std::vector<std::string> kNames{"eks", "aks", "gke"};
  return kNames;
}

const std::vector<std::string>& site_variables() {
  static const std::vector<std::string> kNames{"provider", "region",        "zone",
                                               "location", "project",       "subscription",
                                               "account",  "resource_group"};
  return kNames;
}

}  // namespace bascule::config
