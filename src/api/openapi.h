// The API described for programs: OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0), written from
// the table of operations, so that what is described is what is served.
#pragma once

#include "model/json.h"

namespace bascule::api {

// What GET /openapi.json answers.
const Json& openapi();

// The shapes of what is answered, by name: JSON Schema of 2020-12. Internal to openapi.cpp and
// openapi_shapes.cpp.
Json answer_shapes();

}  // namespace bascule::api
