// RFC 2136 updates, signed, and what servers answer to them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "providers/dns/packet.h"

namespace bascule::dns {
namespace {

constexpr std::uint16_t kFudgeSeconds = 300;  // RFC 8945 section 10 recommends this value

std::string algorithm_name(const Key& key) {
  return key.algorithm + ".";
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
                               "primary, and thaw the zone where it is frozen",
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

// RFC 4648, section 4, with its padding. Checked here because ldns loses memory over a bad one.
bool is_base64(const std::string& text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  const std::string_view digits = std::string_view(text).substr(0, text.size() - padding);
  return text.size() % 4 == 0 && !digits.empty() && std::ranges::all_of(digits, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
         });
}

}  // namespace

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
