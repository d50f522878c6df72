#include "providers/dns/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "providers/dns/packet.h"

namespace bascule::dns {
namespace {

constexpr std::size_t kHeader = 12;
constexpr std::size_t kTextLimit = 255;  // one character-string of RFC 1035

// Names are compared without case (RFC 4343), so one form of them is kept.
template <typename Letter>
Letter lower(Letter letter) {
  return letter >= 'A' && letter <= 'Z' ? static_cast<Letter>(letter - 'A' + 'a') : letter;
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
  if (!text) std::ranges::transform(value, value.begin(), lower<char>);
  return value;
}

bool is_about(const ldns_pkt* packet, const ldns_rdf* name, ldns_rr_type type) {
  const ldns_rr_list* questions = ldns_pkt_question(packet);
  if (questions == nullptr || ldns_rr_list_rr_count(questions) != 1) return false;
  const ldns_rr* question = ldns_rr_list_rr(questions, 0);
  return ldns_rr_get_type(question) == type &&
         ldns_dname_compare(ldns_rr_owner(question), name) == 0;
}

std::vector<const ldns_rr*> records_at(const ldns_rr_list* list, const ldns_rdf* name) {
  std::vector<const ldns_rr*> found;
  for (std::size_t i = 0; list != nullptr && i < ldns_rr_list_rr_count(list); ++i) {
    const ldns_rr* record = ldns_rr_list_rr(list, i);
    if (ldns_dname_compare(ldns_rr_owner(record), name) == 0) found.push_back(record);
  }
  return found;
}

std::vector<std::string> values_at(const ldns_rr_list* list, const ldns_rdf* name,
                                   ldns_rr_type type) {
  std::vector<std::string> values;
  for (const ldns_rr* record : records_at(list, name)) {
    if (ldns_rr_get_type(record) == type) values.push_back(value_of(record));
  }
  std::ranges::sort(values);
  return values;
}

// The name that the aliases of an answer lead to from `name` on; aliases may lead in a circle.
const ldns_rdf* end_of_aliases(const ldns_rr_list* list, const ldns_rdf* name,
                               ldns_rr_type wanted) {
  constexpr int kAliasesMost = 16;
  for (int turn = 0; turn < kAliasesMost && wanted != LDNS_RR_TYPE_CNAME; ++turn) {
    const auto here = records_at(list, name);
    const auto alias = std::ranges::find(here, LDNS_RR_TYPE_CNAME, ldns_rr_get_type);
    if (alias == here.end() || ldns_rr_rd_count(*alias) != 1) break;
    name = ldns_rr_rdf(*alias, 0);
  }
  return name;
}

// By the SOA record, which stands in the answer about a zone's apex and beside every answer that
// says no (RFC 2308).
std::optional<ZoneVersion> version_in(const ldns_rr_list* list) {
  constexpr std::size_t kSerial = 2, kSoaFields = 7;
  for (std::size_t i = 0; list != nullptr && i < ldns_rr_list_rr_count(list); ++i) {
    const ldns_rr* record = ldns_rr_list_rr(list, i);
    const bool whole =
        ldns_rr_get_type(record) == LDNS_RR_TYPE_SOA && ldns_rr_rd_count(record) == kSoaFields;
    if (!whole) continue;
    const Owned<char> zone(ldns_rdf2str(ldns_rr_owner(record)));
    return ZoneVersion{zone ? zone.get() : "", ldns_rdf2native_int32(ldns_rr_rdf(record, kSerial))};
  }
  return std::nullopt;
}

bool fits_one_string(const std::string& text) {
  return text.size() <= kTextLimit && std::ranges::all_of(text, [](char letter) {
           return letter >= ' ' && letter <= '~' && letter != '"' && letter != '\\';
         });
}

bool is_name(const std::string& name) {
  const bool plain = !name.empty() && name.back() == '.' && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c <= '~' && c != '"' && c != ';' && c != '(' && c != ')' && c != '\\';
  });
  return plain && make_name(name) != nullptr;
}

}  // namespace

Result<Bytes> make_question(const Question& question, std::uint16_t id) {
  Result<ldns_rr_type> wanted = type_of(question.type);
  if (!wanted) return error_of(wanted);
  Owned<ldns_rdf> owner = make_name(question.name);
  if (!owner) return fail(ErrorCode::invalid, "`{}` is not a name", question.name);
  const std::uint16_t flags = question.recursive ? LDNS_RD : 0;
  const Owned<ldns_pkt> packet(
      ldns_pkt_query_new(owner.release(), *wanted, LDNS_RR_CLASS_IN, flags));
  ldns_pkt_set_id(packet.get(), id);
  return to_wire(packet.get());
}

bool answers(const Bytes& bytes, std::uint16_t id) {
  return bytes.size() >= kHeader && ((bytes[0] << 8) | bytes[1]) == id && (bytes[2] & 0x80) != 0;
}

// A question is repeated byte for byte, but for the case of its letters: nothing before it could be
// pointed to.
bool answers_question(const Bytes& bytes, const Bytes& question) {
  const auto id = static_cast<std::uint16_t>((question[0] << 8) | question[1]);
  if (!answers(bytes, id)) return false;
  const int questions = bytes[4] << 8 | bytes[5];
  const bool refuses = (bytes[3] & 0x0F) != 0;
  if (questions == 0) return refuses;
  if (questions != 1 || bytes.size() < question.size()) return false;
  return std::equal(question.begin() + kHeader, question.end(), bytes.begin() + kHeader,
                    [](std::uint8_t a, std::uint8_t b) { return lower(a) == lower(b); });
}

Result<Answer> read_answer(const Bytes& answer, const Question& question, std::uint16_t id) {
  if (!answers(answer, id))
    return fail(ErrorCode::unavailable, "the answer is to another question");
  Result<Owned<ldns_pkt>> packet = from_wire(answer);
  if (!packet) return error_of(packet);
  Result<ldns_rr_type> wanted = type_of(question.type);
  if (!wanted) return error_of(wanted);
  const Owned<ldns_rdf> owner = make_name(question.name);
  if (!owner) return fail(ErrorCode::invalid, "`{}` is not a name", question.name);
  const ldns_pkt_rcode code = ldns_pkt_get_rcode(packet->get());
  const bool answered = code == LDNS_RCODE_NOERROR || code == LDNS_RCODE_NXDOMAIN;
  if (!answered)
    return fail(ErrorCode::unavailable, "the name server answers {} for {}", word_of(code),
                question.name);
  if (!is_about(packet->get(), owner.get(), *wanted))
    return fail(ErrorCode::unavailable, "the answer is to another question");
  Answer read;
  read.exists = code != LDNS_RCODE_NXDOMAIN;
  read.authoritative = ldns_pkt_aa(packet->get());
  read.truncated = ldns_pkt_tc(packet->get());
  read.looks_further = ldns_pkt_ra(packet->get());
  if (read.truncated) return read;
  const ldns_rr_list* records = ldns_pkt_answer(packet->get());
  RecordSet set{question.name, question.type, 0, values_at(records, owner.get(), *wanted)};
  for (const ldns_rr* record : records_at(records, owner.get())) {
    if (ldns_rr_get_type(record) == LDNS_RR_TYPE_CNAME) read.alias_of = value_of(record);
    if (ldns_rr_get_type(record) == *wanted) set.ttl = ldns_rr_ttl(record);
  }
  if (read.exists) {
    read.values = values_at(records, end_of_aliases(records, owner.get(), *wanted), *wanted);
    if (!set.values.empty()) read.records = std::move(set);
  }
  read.version = version_in(records);
  if (!read.version) read.version = version_in(ldns_pkt_authority(packet->get()));
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

}  // namespace bascule::dns
