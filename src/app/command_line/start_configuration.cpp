#include "app/command_line/start_configuration.h"

#include <string_view>

namespace bascule::app {
namespace {

constexpr std::string_view kHead =
    R"(# A start: two sites, one name that clients use. What is of example.com or 192.0.2 is yours
# to replace. `bascule config validate FILE` tells every mistake with its place; `bascule config schema` helps an editor.
version: 1
cluster: prod                       # one name per installation; guards the store against being shared by mistake
observer: {at: outside}             # where this process lives; not at a site, or it dies with the one it watches
store: sqlite:///var/lib/bascule/journal.db
listen: 127.0.0.1:8420
references:                         # what answers when this observer is not the one that is cut off
  - {tcp: "192.0.2.1:53", at: outside}

notify:                             # one entry for each way to people
  - log: {path: /var/lib/bascule/notifications.jsonl}

groups:
  - name: shop                      # what moves as one
    policy:
      mode: manual                  # begin so; `automatic` once `bascule preflight` and a switchover have gone well
)";

constexpr std::string_view kDetect =
    R"(      detect: {interval: 10s, timeout: 3s, failures: 3, window: 60s, recoveries: 5}
      cooldown: 1h                  # after an automatic move
)";

constexpr std::string_view kDatabasePolicy =
    R"(      failover_when: [database]     # any of these; a list inside means all of it
)";
constexpr std::string_view kDatabaseLimits =
    R"(      max_data_loss: {time: 30s, bytes: 64MiB}     # no failover by itself that could lose more
      fence: {at_least: cut, otherwise: refuse}    # how surely the old site is stopped before the new one is made active
)";
constexpr std::string_view kHttpPolicy =
    R"(      failover_when: [app]          # any of these; a list inside means all of it
)";
constexpr std::string_view kHttpLimits =
    R"(      fence: {at_least: cut, otherwise: refuse}    # how surely the old site is stopped before the new one is made active
)";

constexpr std::string_view kDoor = R"(
    front_door:                     # who publishes the one name; here a name server that takes RFC 2136 updates
      dns.record:
        servers: ["192.0.2.53:53"]  # the one that is written first, then everyone that answers for the zone
        zone: example.com.
        name: www.example.com.
        type: A
        ttl: 30s
        at: outside
        key: {name: bascule-key., algorithm: hmac-sha256, secret: "${env:TSIG_SECRET:-Y2hhbmdlIG1lIHBsZWFzZQ==}"}

    sites:                          # in order of preference; the first is home
)";

// One site; NAME, IP and PLACE are put in.
constexpr std::string_view kSiteHead = R"(      - name: NAME
        at: PLACE                   # what shares a fate
        vars: {ip: IP}              # for ${{ site.ip }} below
        address: "${{ site.ip }}"   # what the front door shows when this site is active
        checks:
          - {name: app, http: {url: "http://${{ site.ip }}:8080/health", expect: {status: [200]}}}
)";

constexpr std::string_view kDatabaseStops = R"(          - name: database
            postgres:
              host: "${{ site.ip }}"
              database: shop
              user: monitor         # pg_monitor is enough
              password: "${env:MONITOR_PASSWORD:-change-me}"    # or "${file:/etc/bascule/monitor.password}"
              sslmode: verify-full  # without certificates: disable
              admin: {user: bascule_admin, password: "${env:ADMIN_PASSWORD:-change-me}"}     # a superuser, for actions only
        preflight:                  # asked before every move; blocks: planned (default) | always | never
          - {name: lag, uses: postgres.replication_lag, with: {check: database, max: 30s}}
        fence:                      # how this site is stopped; `seal` alone is never enough for `cut`
          - {name: seal, uses: postgres.fence, with: {check: database}, on_failure: continue}
)";

constexpr std::string_view kDatabaseStarts =
    R"(          - {name: promote, uses: postgres.promote, with: {check: database}}
)";

constexpr std::string_view kDatabaseRejoins =
    R"(        protect:                    # how it becomes a standby again: pg_rewind, or a new base backup
          - {name: rejoin, uses: postgres.rejoin, with: {check: database, run: [/etc/bascule/rejoin, "${{ site.name }}", "${{ active.ip }}"]}, timeout: 1h}
)";

constexpr std::string_view kHttpStops =
    R"(        fence:                      # how this site is stopped
          - name: drain             # in planned moves: no more writes, nothing is lost
            uses: hook
            with:
              at: outside
              rung: sealed
              run: [/etc/bascule/drain, "${{ site.name }}"]
              proof: [/etc/bascule/is-drained, "${{ site.name }}"]
              undo: [/etc/bascule/open, "${{ site.name }}"]
            on_failure: continue
)";

constexpr std::string_view kHttpStarts =
    R"(          - name: start
            uses: hook
            with:
              at: outside
              run: [/etc/bascule/start, "${{ site.name }}"]
              proof: [/etc/bascule/is-started, "${{ site.name }}"]
              undo: [/etc/bascule/stop, "${{ site.name }}"]
)";

constexpr std::string_view kCut =
    R"(          - name: cut               # power, hypervisor, switch: whatever stops the machine for certain
            uses: hook
            needs: []
            with:
              at: outside           # where the command acts from
              rung: cut
              run: [/etc/bascule/power, "off", "${{ site.name }}"]
              proof: [/etc/bascule/power, is-off, "${{ site.name }}"]    # exit 0: it is off; 1: it is not
              undo: [/etc/bascule/power, "on", "${{ site.name }}"]
        activate:                   # how it is made active
)";

constexpr std::string_view kVerify =
    R"(        verify:                     # how that is proved, through the front door
          - {name: answers, uses: http.answers, with: {url: "http://www.example.com:8080/health", attempts: 20, every: 1s}}
)";

std::string put_in(std::string text, std::string_view word, std::string_view value) {
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size())
    text.replace(at, word.size(), value);
  return text;
}

std::string site(StartWith what, std::string_view name, std::string_view ip,
                 std::string_view place) {
  std::string text = put_in(std::string(kSiteHead), "NAME", name);
  text = put_in(put_in(std::move(text), "IP}", std::string(ip) + "}"), "PLACE", place);
  const bool database = what == StartWith::postgres;
  text += database ? kDatabaseStops : kHttpStops;
  text += kCut;
  text += database ? kDatabaseStarts : kHttpStarts;
  text += kVerify;
  if (database) text += kDatabaseRejoins;
  return text;
}

}  // namespace

std::string start_configuration(StartWith what) {
  const bool database = what == StartWith::postgres;
  std::string text(kHead);
  text += database ? kDatabasePolicy : kHttpPolicy;
  text += kDetect;
  text += database ? kDatabaseLimits : kHttpLimits;
  text += kDoor;
  text += site(what, "amsterdam", "192.0.2.11", "eu-west");
  text += "\n";
  text += site(what, "berlin", "192.0.2.12", "eu-central");
  return text;
}

}  // namespace bascule::app
