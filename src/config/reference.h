// The reference documentation of the configuration, written from the same tables that it is read
// by, so that it cannot lag behind.
#pragma once

#include <string>

#include "config/loader.h"

namespace bascule::config {

// Markdown: every key with its notation, default and one sentence, then every kind of this build.
std::string reference_markdown(const Kinds& kinds);

}  // namespace bascule::config
