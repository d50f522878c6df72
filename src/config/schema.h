// A JSON Schema of the configuration, for editors and for other tools, made from the same tables
// and kinds that it is read by. It knows the structure: keys, types, words, ranges. What needs the
// whole file (a check that a step names, a plan that is possible) is for `config validate`.
#pragma once

#include "config/loader.h"
#include "model/json.h"

namespace bascule::config {

// Draft 2020-12. Keys and kinds that are planned and not in this build are structure too: any
// mapping or list is accepted there.
Json json_schema(const Kinds& kinds);

}  // namespace bascule::config
