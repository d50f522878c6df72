#include "providers/dns/packet.h"

#include <fmt/format.h>

namespace bascule::dns {

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

std::string word_of(ldns_pkt_rcode code) {
  const ldns_lookup_table* found = ldns_lookup_by_id(ldns_rcodes, static_cast<int>(code));
  return found != nullptr ? found->name : std::to_string(static_cast<int>(code));
}

}  // namespace bascule::dns
