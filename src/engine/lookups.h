// Small questions about the configuration and the readings that detector, gates, planner and
// explain all ask. Read-only, no policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/name.h"
#include "base/time.h"
#include "engine/readings.h"
#include "engine/state.h"
#include "model/configuration.h"
#include "model/record.h"

namespace bascule::engine {

const CheckSpec* find_check(const Configuration& configuration, const CheckReference& check);

// Every check, in the order of the configuration: of a group itself, then of its sites.
std::vector<CheckReference> all_checks(const Configuration& configuration);

// The check that watches the site's database: the first one of such a kind.
std::optional<CheckReference> database_check(const GroupSpec& group, const SiteName& site);
bool watches_database(const GroupSpec& group);

// Whether somebody holds the automation of the group, or of everything, at this moment.
bool is_in_force(const std::optional<Hold>& hold, Instant now);
bool automation_is_held(const State& state, const GroupName& group, Instant now);

// What shares a fate with the site: its `at`, else its own name.
std::string place_of(const SiteSpec& site);

// This observer's opinion of a check while it is fresh; nullptr when silent for too long.
const Opinion* fresh_opinion(const Readings& readings, const CheckReference& check,
                             const ObserverName& observer, Instant now);

// Whether somebody answered at the other end, whatever they said.
bool answered(const Observation& observation);

// The newest facts about a site's database, if it has one and has been heard.
const DatabaseFacts* newest_facts(const Readings& readings, const GroupSpec& group,
                                  const SiteName& site);

// Whether the site's database answers and was last seen as a primary that accepts writes.
bool is_seen_writing(const State& state, const Readings& readings, const GroupSpec& group,
                     const SiteName& site);

// Since when the roles are what they are: what was read before the last run had changed them says
// who wrote then. Nothing: no run has changed them, or one is just doing so.
std::optional<Instant> roles_since(const State& state, const GroupStatus& status);

// Whose group a record concerns, in the state after it. Empty: every group's, or that of something
// that is gone with the record.
GroupName group_of(const RecordBody& body, const State& state);
// The run a record belongs to, in the state after it; nullptr when it belongs to none.
const Run* run_of(const RecordBody& body, const State& state);

}  // namespace bascule::engine
