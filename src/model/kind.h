// What a kind of probe, action, front door, journal or notifier declares about itself, as data:
// from this the configuration is checked, defaulted, documented and printed without knowing the
// kind.
//
// Settings that passed the configuration have every field of the kind: durations as whole
// milliseconds, sizes as bytes, secrets as {"$secret": REFERENCE} (see ports/secrets.h), the rest
// as written. Text may still hold templates (model/template.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/json.h"
#include "model/words.h"

namespace bascule {

enum class FieldType : std::uint8_t {
  text,
  integer,
  boolean,
  duration,  // "900ms" → 900
  size,      // "16MiB" → 16777216
  word,      // one of `words`
  check,   // the name of a check of the same site (its kind must be `check_kind` when that is set)
  list,    // of `items` (one Field)
  map,     // text → `items` (one Field)
  object,  // of `fields`
};

struct Field {
  std::string name;
  FieldType type = FieldType::text;
  std::string summary = {};  // one sentence for the reference documentation
  bool required = false;
  Json default_value = nullptr;  // in configuration notation ("5m"); null: absent when not written
  bool secret = false;
  std::vector<std::string> words = {};  // of a word
  std::string check_kind = {};          // of a check
  std::vector<Field> items = {};        // exactly one for list and map
  std::vector<Field> fields = {};       // of an object
  std::optional<std::int64_t> minimum =
      {};  // of integer, duration (ms) and size (bytes), inclusive
  std::optional<std::int64_t> maximum = {};
  // A text that names an entry of a table at the root of the configuration: "kubernetes.contexts".
  std::string names = {};
};

enum class KindRole : std::uint8_t { probe, action, front_door, notifier, store, report };

struct Kind {
  std::string name;  // as written in the configuration: `postgres.fence`
  KindRole role = KindRole::action;
  std::string summary;
  std::vector<Field> fields = {};
  // Ways to write it: all fields of exactly one of these are written. Empty: no such choice.
  std::vector<std::vector<std::string>> ways = {};
  std::vector<Field> outputs = {};            // what `steps.NAME.OUTPUT` may name
  std::vector<std::string> permissions = {};  // what the credentials must be allowed to do
  std::vector<Phase> phases =
      {};                       // where an action may stand; empty: anywhere. preflight is separate
  bool preflight = false;       // may stand in `preflight` (its inspect is the item)
  bool only_preflight = false;  // and nowhere else

  // An action. A move passes its point of no return when an action starts that cannot be taken
  // back.
  bool reversible = true;
  std::string reversible_with = {};  // reversible only when this field is set (hook: `undo`)
  Rung rung = Rung::none;            // what a fence step of this kind reaches
  std::string rung_from = {};        // the field that says it instead (hook: `rung`)
  std::string proof_from = {};       // the field without which a hook must declare its delivery
  // An activate action whose switchover needs a proof first: the planner puts this kind, with the
  // same settings, before every activate step of a switchover (postgres.promote →
  // postgres.caught_up).
  std::string proven_by = {};
  bool last_writer_wins = false;  // a front door that cannot compare-and-set
  std::string warning = {};       // what `validate` says wherever it is used: "… is retired"
  std::string instead = {};       // and what to write instead
  bool watches_database = false;  // a probe whose observations carry DatabaseFacts
  // A front door: the action kinds made from its settings, one that claims, one that switches, are
  // the kind itself with `operation` claim or switch in its call; it declares the field "address"
  // by itself.
};

}  // namespace bascule
