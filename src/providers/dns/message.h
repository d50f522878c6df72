// DNS messages as bytes: plain questions, and RFC 2136 updates signed with TSIG (RFC 8945). ldns
// builds, signs and checks; nothing here sends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace bascule::dns {

using Bytes = std::vector<std::uint8_t>;

// One record set as text, as in a zone file: {"www.shop.test.", "A", 60, {"127.0.1.1"}}. TXT values
// are single strings without quotes.
struct RecordSet {
  std::string name;  // absolute, with its final dot
  std::string type;
  std::uint32_t ttl = 0;
  std::vector<std::string> values;  // sorted

  friend bool operator==(const RecordSet&, const RecordSet&) = default;
};

struct Question {
  std::string name;  // absolute, with its final dot
  std::string type;
  bool recursive = false;  // a resolver shall look further; an authoritative server does not care
};

struct Key {
  std::string name;       // "bascule-key."
  std::string algorithm;  // "hmac-sha256" or "hmac-sha512"; ldns does not sign with hmac-sha384
  std::string secret;     // base64
};

// Both record sets as they must be (no values: the set must not exist) and as they shall be, in one
// message: either all of it happens or nothing does.
struct Update {
  std::string zone;
  std::vector<RecordSet> required;
  std::vector<RecordSet> wanted;
};

struct SignedMessage {
  Bytes bytes;
  std::uint16_t id = 0;
  Bytes signature;  // what the answer's signature is computed over, in wire format
};

Result<Bytes> make_question(const Question& question, std::uint16_t id);
Result<SignedMessage> make_update(const Update& update, const Key& key, std::uint16_t id);

enum class Outcome : std::uint8_t {
  done,
  required_differs,  // a prerequisite does not hold: nothing was changed
};

// What the answer to an update says. Errors: `denied` when the server refuses the key or the
// change, with what to do about it; `unavailable` when it failed; `invalid` when it understands no
// such update; `outcome_unknown` when the answer cannot be read or is not signed with our key:
// anybody could have sent it.
Result<Outcome> read_update_answer(const Bytes& answer, const SignedMessage& sent, const Key& key);

// Which version of which zone a server answered from, where it says so.
struct ZoneVersion {
  std::string zone;
  std::uint32_t serial = 0;
};

struct Answer {
  std::optional<RecordSet> records;  // nothing: the name or the type does not exist
  std::string alias_of;              // where a CNAME at that very name points; else empty
  // Of the type asked for, at the end of the aliases that the answer itself follows; sorted.
  std::vector<std::string> values;
  bool exists = true;  // false: the name, or what it is an alias of, does not exist (NXDOMAIN)
  bool authoritative = false;
  bool truncated = false;
  bool looks_further = false;  // the server is a resolver for us
  std::optional<ZoneVersion> version;
};
// Errors: `unavailable` when it is no answer to this question.
Result<Answer> read_answer(const Bytes& answer, const Question& question, std::uint16_t id);

// Whether these bytes can be the answer to message `id`.
bool answers(const Bytes& bytes, std::uint16_t id);
// The same for a question as it was sent: what comes back must be about it, or be a refusal that
// repeats no question. Everything else could be forged (RFC 5452, 9.1).
bool answers_question(const Bytes& bytes, const Bytes& question);

// The value as a server shows it, so that both can be compared: 2001:DB8::0:1 is 2001:db8::1.
Result<std::string> canonical_value(const std::string& type, const std::string& value);

// What is wrong with a name, its values or a key before anything is sent.
Result<void> check_record(const RecordSet& records);
Result<void> check_key(const Key& key);
bool is_within(const std::string& name, const std::string& zone);

}  // namespace bascule::dns
