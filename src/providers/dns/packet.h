// DNS packets as ldns has them, for message.cpp and update.cpp, the only files that see ldns:
// packets are made, signed, read and freed within one call. Whatever a server sends may be damaged
// or forged, so nothing of it is trusted before its shape has been checked.
#pragma once

#include <ldns/ldns.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "providers/dns/message.h"

namespace bascule::dns {

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

Owned<ldns_rdf> make_name(const std::string& name);
Result<ldns_rr_type> type_of(const std::string& type);
Result<Owned<ldns_rr>> make_record(const RecordSet& set, const std::string& value,
                                   std::uint32_t ttl);

Result<Bytes> to_wire(const ldns_pkt* packet);
Result<Owned<ldns_pkt>> from_wire(const Bytes& bytes);

// "NXDOMAIN".
std::string word_of(ldns_pkt_rcode code);

}  // namespace bascule::dns
