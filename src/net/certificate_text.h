// What a certificate says, in words for people. It comes from strangers: bounded and printable.
// Internal to tls.cpp.
#pragma once

#include <openssl/bio.h>
#include <openssl/x509.h>

#include <optional>
#include <string>

#include "base/time.h"

namespace bascule::net {

// What a BIO in memory holds.
std::string text_of(BIO* memory);

std::string subject_of(X509* certificate);
std::optional<Instant> instant_of(const ASN1_TIME* time);

// Why it is refused: `code` is X509_V_ERR_…, `wanted` the host that was asked for.
std::string words_for(int code, X509* certificate, const std::string& wanted);

}  // namespace bascule::net
