// Records as bytes and back: canonical JSON (sorted keys, no floats, UTF-8) `{v, seq, at, term,
// actor, reason, type, data}`. The bytes are stored exactly as they are hashed: hash =
// SHA-256(previous hash ‖ bytes), the first record's previous hash being 32 zero bytes.
//
// A float that a provider put into evidence or outputs becomes text ("0.25"), so that every build
// writes the same bytes. To add a member to a record later, list it with `added_later` (fields.h);
// to add a type, give it a row in record_codec.cpp and an example. A change of meaning raises
// kRecordVersion. testdata/journal_v1.jsonl holds all of it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/record.h"

namespace bascule {

inline constexpr int kRecordVersion = 1;

using Hash = std::array<std::uint8_t, 32>;

std::string encode(const Record& record);

// Refuses what it does not know: a type, a version, a member or a word of the future is `invalid`
// (of a type or version it names the record version that wrote it); bytes that are not a record are
// `corrupt`. Messages begin with "record SEQ" where that much can be read.
Result<Record> decode(std::string_view bytes);

Json to_json(const Record& record);  // the same object as in the bytes

// What a command brings in is what its record will hold.
Json to_json(const JournalImported& imported);
Result<JournalImported> journal_imported_from_json(const Json& json);

Hash chain(const Hash& previous, std::string_view bytes);
std::string to_hex(const Hash& hash);
Result<Hash> hash_from_hex(std::string_view text);

}  // namespace bascule
