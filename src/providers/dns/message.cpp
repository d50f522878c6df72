// The one file that sees ldns, and it sees messages only: packets are made, signed, read and freed
// within one call. Whatever a server sends may be damaged or forged, so nothing of it is trusted
// before its shape has been checked.
#include "providers/dns/message.h"

#include <fmt/format.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace bascule::dns {
namespace {

struct Free {
  void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
  void operator()(ldns_rr* record) const { ldns_rr_free(record); }
  void operator()(ldns_rdf* field) const { ldns_rdf_deep_free(field); }
  void operator()(ldns_rr_list* records) const { ldns_rr_list_deep_free(records); }
  void operator()(std::uint8_t* bytes) const { std::free(bytes); }
  void operator()(char* text) const { std::free(text); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

constexpr std::uint16_t kFudgeSeconds = 300;  // RFC 8945 section 10 recommends this value
constexpr std::size_t kTextLimit = 255;       // one character-string of RFC 1035

std::string algorithm_name(const Key& key) {
  return key.algorithm + ".";
}

Owned<ldns_rdf> make_name(const std::string& name) {
  return Owned<ldns_rdf>(ldns_dname_new_frm_str(name.c_str()));
}

Result<ldns_rr_type> type_of(const std::string& type) {
  const ldns_rr_type found = ldns_get_rr_type_by_name(type.c_str());
  if (found == 0) return fail(ErrorCode::invalid, "`{}` is not a record type", type);
  return found;
}

Result<Owned<ldns_rr>> make_record(const RecordSet& set, const std::string& value,
                                   std::uint32_t ttl) {
  const std::string shown = set.type == "TXT" ? "\"" + value + "\"" : value;
  const std::string line = fmt::format("{} {} IN {} {}", set.name, ttl, set.type, shown);
  ldns_rr* record = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&record, line.c_str(), 0, nullptr, nullptr);
  if (status != LDNS_STATUS_OK) {
    return fail(ErrorCode::invalid, "`{}` is not a {} record of {}: {}", value, set.type, set.name,
                ldns_get_errorstr_by_id(status));
  }
  return Owned<ldns_rr>(record);
}

// A record without data: with class ANY "the set" (exists, or delete it), with class NONE "no set"
// (RFC 2136, 2.4, 2.5).
Result<Owned<ldns_rr>> make_bare(const RecordSet& set, ldns_rr_class record_class) {
  Result<ldns_rr_type> type = type_of(set.type);
  if (!type) return error_of(type);
  Owned<ldns_rdf> name = make_name(set.name);
  if (!name) return fail(ErrorCode::invalid, "`{}` is not a name", set.name);
  Owned<ldns_rr> record(ldns_rr_new());
  ldns_rr_set_owner(record.get(), name.release());
  ldns_rr_set_type(record.get(), *type);
  ldns_rr_set_class(record.get(), record_class);
  ldns_rr_set_ttl(record.get(), 0);
  return record;
}

Result<void> push_required(ldns_pkt* packet, const RecordSet& set) {
  if (set.values.empty()) {
    auto none = make_bare(set, LDNS_RR_CLASS_NONE);
    if (!none) return error_of(none);
    ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, none->release());
    return {};
  }
  for (const std::string& value : set.values) {
    auto record = make_record(set, value, 0);
    if (!record) return error_of(record);
    ldns_pkt_push_rr(packet, LDNS_SECTION_ANSWER, record->release());
  }
  return {};
}

Result<void> push_wanted(ldns_pkt* packet, const RecordSet& set) {
  auto removal = make_bare(set, LDNS_RR_CLASS_ANY);
  if (!removal) return error_of(removal);
  ldns_pkt_push_rr(packet, LDNS_SECTION_AUTHORITY, removal->release());
  for (const std::string& value : set.values) {
    auto record = make_record(set, value, set.ttl);
    if (!record) return error_of(record);
    ldns_pkt_push_rr(packet, LDNS_SECTION_AUTHORITY, record->release());
  }
  return {};
}

Result<Bytes> to_wire(const ldns_pkt* packet) {
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  if (ldns_pkt2wire(&wire, packet, &size) != LDNS_STATUS_OK) {
    return fail(ErrorCode::invalid, "the DNS message cannot be written");
  }
  const Owned<std::uint8_t> owned(wire);
  return Bytes(wire, wire + size);
}

Result<Owned<ldns_pkt>> from_wire(const Bytes& bytes) {
  ldns_pkt* packet = nullptr;
  const ldns_status status = ldns_wire2pkt(&packet, bytes.data(), bytes.size());
  if (status != LDNS_STATUS_OK) {
    return fail(ErrorCode::unavailable, "the answer is not a DNS message: {}",
                ldns_get_errorstr_by_id(status));
  }
  return Owned<ldns_pkt>(packet);
}

// Names are compared without case (RFC 4343), so one form of them is kept.
void lower(std::string& name) {
  for (char& letter : name) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
}

// The value of a record as it stands in a zone file; of TXT the strings joined, without quotes.
std::string value_of(const ldns_rr* record) {
  const bool text = ldns_rr_get_type(record) == LDNS_RR_TYPE_TXT;
  std::string value;
  for (std::size_t i = 0; i < ldns_rr_rd_count(record); ++i) {
    const ldns_rdf* field = ldns_rr_rdf(record, i);
    if (text && ldns_rdf_size(field) > 0) {
      const auto* data = ldns_rdf_data(field);
      value.append(reinterpret_cast<const char*>(data) + 1, ldns_rdf_size(field) - 1);
      continue;
    }
    const Owned<char> shown(ldns_rdf2str(field));
    if (!value.empty()) value += ' ';
    if (shown) value += shown.get();
  }
  if (!text) lower(value);
  return value;
}

std::string word_of(ldns_pkt_rcode code) {
  const ldns_lookup_table* found = ldns_lookup_by_id(ldns_rcodes, static_cast<int>(code));
  return found != nullptr ? found->name : std::to_string(static_cast<int>(code));
}

// The fields of a TSIG record (RFC 8945, 4.2): algorithm, time signed, fudge, MAC, original id,
// error, other data. Null unless it has all of them: ldns relies on that.
constexpr std::size_t kTimeSigned = 1, kMac = 3, kTsigError = 5, kOther = 6, kTsigFields = 7;

const ldns_rr* signature_of(const ldns_pkt* packet) {
  const ldns_rr* signature = ldns_pkt_tsig(packet);
  if (signature == nullptr || ldns_rr_rd_count(signature) != kTsigFields) return nullptr;
  return signature;
}

// 48 bits of seconds since 1970, `skip` bytes into the field.
std::int64_t seconds_in(const ldns_rdf* field, std::size_t skip) {
  constexpr std::size_t kBytes = 6;
  if (ldns_rdf_size(field) < skip + kBytes) return 0;
  std::int64_t seconds = 0;
  for (std::size_t i = 0; i < kBytes; ++i) seconds = seconds << 8 | ldns_rdf_data(field)[skip + i];
  return seconds;
}

// Why a server did not accept the signature (RFC 8945, 5.2); nothing when it did.
std::optional<Error> signature_error(const ldns_rr* signature, const Key& key) {
  if (signature == nullptr) return std::nullopt;
  constexpr int kBadSignature = 16, kBadKey = 17, kBadTime = 18, kBadTruncation = 22;
  switch (ldns_rdf2native_int16(ldns_rr_rdf(signature, kTsigError))) {
    case kBadSignature:
    case kBadTruncation:
      return Error{ErrorCode::denied,
                   fmt::format("the name server does not accept the signature of {}", key.name),
                   "compare the key's secret and algorithm with the server's", std::nullopt};
    case kBadKey:
      return Error{
          ErrorCode::denied,
          fmt::format("the name server does not know the key {} ({})", key.name, key.algorithm),
          "compare the key's name and algorithm with the server's", std::nullopt};
    case kBadTime: {
      const std::int64_t ours = seconds_in(ldns_rr_rdf(signature, kTimeSigned), 0);
      const std::int64_t theirs = seconds_in(ldns_rr_rdf(signature, kOther), 2);
      return Error{ErrorCode::denied,
                   fmt::format("the name server's clock differs from ours by {}s", theirs - ours),
                   "set both clocks", std::nullopt};
    }
    default:
      return std::nullopt;
  }
}

Error update_refused(ldns_pkt_rcode code, const Key& key) {
  const std::string word = word_of(code);
  switch (code) {
    case LDNS_RCODE_REFUSED:
      return Error{ErrorCode::denied, fmt::format("the name server refuses the update: {}", word),
                   fmt::format("allow {} to update the zone at that server, which must be its "
                               "primary",
                               key.name),
                   std::nullopt};
    case LDNS_RCODE_NOTAUTH:
      return Error{ErrorCode::denied,
                   fmt::format("the name server is not the primary of the zone: {}", word),
                   "check `zone`, and that the first of `servers` is its primary", std::nullopt};
    case LDNS_RCODE_SERVFAIL:
      return Error{ErrorCode::unavailable, "the name server failed: " + word, "", std::nullopt};
    case LDNS_RCODE_NOTIMPL:
      return Error{ErrorCode::invalid, "the name server takes no updates: " + word, "",
                   std::nullopt};
    default:
      return Error{ErrorCode::invalid, "the name server answers " + word, "", std::nullopt};
  }
}

// An answer without our signature: a server that does not know the key cannot sign. A refusal is
// believed, for it changes nothing; all else could be anybody's.
Error unsigned_answer(ldns_pkt_rcode code, const ldns_pkt* packet, const Key& key) {
  switch (code) {
    case LDNS_RCODE_FORMERR:
    case LDNS_RCODE_NOTIMPL:
    case LDNS_RCODE_REFUSED:
    case LDNS_RCODE_NOTAUTH:
    case LDNS_RCODE_NOTZONE:
      return signature_error(signature_of(packet), key).value_or(update_refused(code, key));
    default:
      return Error{ErrorCode::outcome_unknown,
                   fmt::format("the answer ({}) is not signed with {}", word_of(code), key.name),
                   "", std::nullopt};
  }
}

bool is_signed(ldns_pkt* packet, const Bytes& answer, const SignedMessage& sent, const Key& key) {
  if (signature_of(packet) == nullptr) return false;
  ldns_rr* signature = ldns_pkt_tsig(packet);
  const Owned<ldns_rdf> mac(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_INT16_DATA, sent.signature.size(),
                                                  sent.signature.data()));
  const bool verified = ldns_pkt_tsig_verify(packet, answer.data(), answer.size(), key.name.c_str(),
                                             key.secret.c_str(), mac.get());
  // ldns takes the record out while it verifies, and loses it when it cannot (another algorithm).
  if (ldns_pkt_tsig(packet) == nullptr) ldns_pkt_set_tsig(packet, signature);
  return verified;
}

bool is_about(const ldns_pkt* packet, const ldns_rdf* name, ldns_rr_type type) {
  const ldns_rr_list* questions = ldns_pkt_question(packet);
  if (questions == nullptr || ldns_rr_list_rr_count(questions) != 1) return false;
  const ldns_rr* question = ldns_rr_list_rr(questions, 0);
  return ldns_rr_get_type(question) == type &&
         ldns_dname_compare(ldns_rr_owner(question), name) == 0;
}

bool fits_one_string(const std::string& text) {
  return text.size() <= kTextLimit && std::ranges::all_of(text, [](char letter) {
           return letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
         });
}

// RFC 4648, section 4, with its padding. Checked here because ldns loses memory over a bad one.
bool is_base64(const std::string& text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::string_view digits = std::string_view(text).substr(0, text.size() - padding);
  return text.size() % 4 == 0 && !digits.empty() && std::ranges::all_of(digits, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

bool is_name(const std::string& name) {
  const bool plain = !name.empty() && name.back() == '.' && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != ';' && c != '(' && c != ')' && c != '\\';
  });
  return plain && make_name(name) != nullptr;
}

}  // namespace

Result<Bytes> make_question(const std::string& name, const std::string& type, std::uint16_t id) {
  Result<ldns_rr_type> wanted = type_of(type);
  if (!wanted) return error_of(wanted);
  Owned<ldns_rdf> owner = make_name(name);
  if (!owner) return fail(ErrorCode::invalid, "`{}` is not a name", name);
  const Owned<ldns_pkt> packet(ldns_pkt_query_new(owner.release(), *wanted, LDNS_RR_CLASS_IN, 0));
  ldns_pkt_set_id(packet.get(), id);
  return to_wire(packet.get());
}

Result<SignedMessage> make_update(const Update& update, const Key& key, std::uint16_t id) {
  Owned<ldns_rdf> zone = make_name(update.zone);
  if (!zone) return fail(ErrorCode::invalid, "`{}` is not a zone", update.zone);
  const Owned<ldns_pkt> packet(ldns_pkt_new());
  ldns_pkt_set_opcode(packet.get(), LDNS_PACKET_UPDATE);
  ldns_pkt_set_id(packet.get(), id);
  Owned<ldns_rr> about(ldns_rr_new());
  ldns_rr_set_question(about.get(), true);
  ldns_rr_set_owner(about.get(), zone.release());
  ldns_rr_set_type(about.get(), LDNS_RR_TYPE_SOA);
  ldns_rr_set_class(about.get(), LDNS_RR_CLASS_IN);
  ldns_pkt_push_rr(packet.get(), LDNS_SECTION_QUESTION, about.release());
  for (const RecordSet& set : update.required) {
    if (auto pushed = push_required(packet.get(), set); !pushed) return error_of(pushed);
  }
  for (const RecordSet& set : update.wanted) {
    if (auto pushed = push_wanted(packet.get(), set); !pushed) return error_of(pushed);
  }
  const ldns_status status =
      ldns_pkt_tsig_sign(packet.get(), key.name.c_str(), key.secret.c_str(), kFudgeSeconds,
                         algorithm_name(key).c_str(), nullptr);
  if (status != LDNS_STATUS_OK) {
    return fail(ErrorCode::invalid, "the update cannot be signed with {}: {}", key.name,
                ldns_get_errorstr_by_id(status));
  }
  SignedMessage message;
  message.id = id;
  Result<Bytes> bytes = to_wire(packet.get());
  if (!bytes) return error_of(bytes);
  message.bytes = std::move(*bytes);
  // The answer's MAC covers ours (RFC 8945, 5.3).
  const ldns_rdf* mac = ldns_rr_rdf(ldns_pkt_tsig(packet.get()), kMac);
  message.signature.assign(ldns_rdf_data(mac), ldns_rdf_data(mac) + ldns_rdf_size(mac));
  return message;
}

bool answers(const Bytes& bytes, std::uint16_t id) {
  constexpr std::size_t kHeader = 12;
  return bytes.size() >= kHeader && ((bytes[0] << 8) | bytes[1]) == id && (bytes[2] & 0x80) != 0;
}

Result<Outcome> read_update_answer(const Bytes& answer, const SignedMessage& sent, const Key& key) {
  if (!answers(answer, sent.id))
    return fail(ErrorCode::outcome_unknown, "the answer is to another message");
  Result<Owned<ldns_pkt>> packet = from_wire(answer);
  if (!packet) return fail(ErrorCode::outcome_unknown, "{}", packet.error().message);
  const ldns_pkt_rcode code = ldns_pkt_get_rcode(packet->get());
  if (ldns_pkt_get_opcode(packet->get()) != LDNS_PACKET_UPDATE)
    return fail(ErrorCode::outcome_unknown, "the answer is not to an update");
  if (!is_signed(packet->get(), answer, sent, key))
    return fail(unsigned_answer(code, packet->get(), key));
  switch (code) {
    case LDNS_RCODE_NOERROR:
      return Outcome::done;
    case LDNS_RCODE_NXDOMAIN:
    case LDNS_RCODE_YXDOMAIN:
    case LDNS_RCODE_YXRRSET:
    case LDNS_RCODE_NXRRSET:
      return Outcome::required_differs;
    default:
      return fail(
          signature_error(signature_of(packet->get()), key).value_or(update_refused(code, key)));
  }
}

Result<Answer> read_answer(const Bytes& answer, const std::string& name, const std::string& type,
                           std::uint16_t id) {
  if (!answers(answer, id))
    return fail(ErrorCode::unavailable, "the answer is to another question");
  Result<Owned<ldns_pkt>> packet = from_wire(answer);
  if (!packet) return error_of(packet);
  Result<ldns_rr_type> wanted = type_of(type);
  if (!wanted) return error_of(wanted);
  const Owned<ldns_rdf> owner = make_name(name);
  if (!owner) return fail(ErrorCode::invalid, "`{}` is not a name", name);
  const ldns_pkt_rcode code = ldns_pkt_get_rcode(packet->get());
  const bool answered = code == LDNS_RCODE_NOERROR || code == LDNS_RCODE_NXDOMAIN;
  if (!answered)
    return fail(ErrorCode::unavailable, "the name server answers {} for {}", word_of(code), name);
  if (!is_about(packet->get(), owner.get(), *wanted))
    return fail(ErrorCode::unavailable, "the answer is to another question");
  Answer read;
  read.authoritative = ldns_pkt_aa(packet->get());
  read.truncated = ldns_pkt_tc(packet->get());
  if (code == LDNS_RCODE_NXDOMAIN || read.truncated) return read;
  const ldns_rr_list* records = ldns_pkt_answer(packet->get());
  RecordSet set{name, type, 0, {}};
  for (std::size_t i = 0; records != nullptr && i < ldns_rr_list_rr_count(records); ++i) {
    const ldns_rr* record = ldns_rr_list_rr(records, i);
    if (ldns_dname_compare(ldns_rr_owner(record), owner.get()) != 0) continue;
    if (ldns_rr_get_type(record) == LDNS_RR_TYPE_CNAME) read.alias_of = value_of(record);
    if (ldns_rr_get_type(record) != *wanted) continue;
    set.ttl = ldns_rr_ttl(record);
    set.values.push_back(value_of(record));
  }
  std::ranges::sort(set.values);
  if (!set.values.empty()) read.records = std::move(set);
  return read;
}

Result<std::string> canonical_value(const std::string& type, const std::string& value) {
  auto record = make_record(RecordSet{"name.", type, 0, {}}, value, 0);
  if (!record) {
    return fail(ErrorCode::invalid, "`{}` is not the value of a record of type {}", value, type);
  }
  return value_of(record->get());
}

Result<void> check_record(const RecordSet& records) {
  if (!is_name(records.name)) {
    return fail(ErrorCode::invalid, "`{}` is not a name with its final dot", records.name);
  }
  for (const std::string& value : records.values) {
    if (records.type == "TXT" && !fits_one_string(value))
      return fail(ErrorCode::invalid, "`{}` does not fit into one TXT string", value);
    if (auto made = make_record(records, value, records.ttl); !made) return error_of(made);
  }
  return {};
}

bool is_within(const std::string& name, const std::string& zone) {
  const Owned<ldns_rdf> inner = make_name(name);
  const Owned<ldns_rdf> outer = make_name(zone);
  if (!inner || !outer) return false;
  return ldns_dname_compare(inner.get(), outer.get()) == 0 ||
         ldns_dname_is_subdomain(inner.get(), outer.get());
}

Result<void> check_key(const Key& key) {
  const Update nothing{"test.", {}, {RecordSet{"test.", "TXT", 1, {"x"}}}};
  if (key.algorithm != "hmac-sha256" && key.algorithm != "hmac-sha512") {
    return fail(ErrorCode::invalid,
                "key algorithm `{}` is not available: use hmac-sha256 or hmac-sha512",
                key.algorithm);
  }
  if (!is_base64(key.secret))
    return fail(ErrorCode::invalid, "the secret of key {} is not base64", key.name);
  if (auto made = make_update(nothing, key, 1); !made) return error_of(made);
  return {};
}

}  // namespace bascule::dns
