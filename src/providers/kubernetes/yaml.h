// A kubeconfig's YAML as JSON in which every scalar is a text. Internal to this room.
#pragma once

#include <string>

#include "base/result.h"
#include "model/json.h"

namespace bascule::kubernetes {

// Errors: invalid, with the line, for what is no YAML, holds aliases (they can make a small file
// endless), is deeper than 32 levels or has more than 100,000 values.
Result<Json> parse_yaml(const std::string& text);

}  // namespace bascule::kubernetes
