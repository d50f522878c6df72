// Bascule's own keys as tables: what is written where, with type, default and one sentence. From
// them the configuration is read and documented. What has more than one notation carries its
// notation in `form` and is read by code of its own.
#pragma once

#include <string>
#include <vector>

#include "model/kind.h"

namespace bascule::config {

struct Key {
  Field field;
  std::string form = {};       // its notation, where it has one of its own
  std::string otherwise = {};  // its default in words, where it is computed
};

struct KeyTable {
  KeyTable(std::string where_text, std::string summary_text, std::vector<Key> all_keys,
           std::vector<std::string> planned_keys = {});

  std::string where;  // "policy": follows "in"
  std::string summary;
  std::vector<Key> keys;
  std::vector<std::string> planned;  // of the specification, not in this build

  std::vector<Field> plain;         // what is read by its declaration
  std::vector<std::string> others;  // the names of all the rest, planned ones included
  std::vector<std::string> known;   // what to suggest
};

const KeyTable& root_keys();
const KeyTable& group_keys();
const KeyTable& policy_keys();
const KeyTable& failback_keys();  // where it is no word
const KeyTable& site_keys();
const KeyTable& check_keys();
const KeyTable& step_keys();
const KeyTable& preflight_keys();
const KeyTable& reference_keys();
// `access`: its tokens and its TLS.
const Field& access_field();

// `kubernetes`: its contexts.
const Field& kubernetes_field();
// Whose native tokens a context may name one day: refused by name.
const std::vector<std::string>& kubernetes_clouds();

// Variables of a site that need no `vars`: `provider: aws` is `vars: {provider: aws}`.
const std::vector<std::string>& site_variables();

}  // namespace bascule::config
