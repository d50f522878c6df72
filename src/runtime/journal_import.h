// What a journal that was exported elsewhere (model/journal_line.h) says about its groups.
#pragma once

#include <string_view>

#include "base/result.h"
#include "engine/input.h"

namespace bascule::runtime {

// No export is read that is larger.
inline constexpr std::size_t kExportMax = std::size_t{64} << 20;

// Follows the chain of hashes from the first record on, and replays. Errors name the line:
// `corrupt` for a chain that is broken and for records that do not fit each other, `invalid` for an
// empty text and for records of a newer build. Takes as long as a start with that journal does.
Result<engine::ImportJournal> read_export(std::string_view text);

}  // namespace bascule::runtime
