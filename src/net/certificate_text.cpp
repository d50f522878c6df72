#include "net/certificate_text.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/x509v3.h>

#include <cstddef>
#include <ctime>
#include <memory>
#include <string_view>

#include "net/http.h"

namespace bascule::net {
namespace {

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using MemoryHandle = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;
using NamesHandle = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES, GENERAL_NAMES_free>>;

constexpr std::size_t kShownOfName = 100;  // certificates come from strangers

std::string day_of(const ASN1_TIME* time) {
  const std::optional<Instant> instant = instant_of(time);
  return instant ? to_rfc3339(*instant).substr(0, 10) : "an unknown day";
}

// The names a certificate is for: a few, then "…".
std::string names_of(X509* certificate) {
  constexpr int kShown = 4;
  std::string text;
  const NamesHandle names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    std::string shown;
    if (name->type == GEN_DNS) {
      const std::string_view bytes(
          reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
          static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
      shown = excerpt(bytes, kShownOfName);
    } else if (name->type == GEN_IPADD) {
      const auto* bytes = ASN1_STRING_get0_data(name->d.iPAddress);
      if (ASN1_STRING_length(name->d.iPAddress) == 4) {
        shown = fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
      }
    }
    if (shown.empty()) continue;
    if (i >= kShown) return text + ", …";
    text += (text.empty() ? "" : ", ") + shown;
  }
  return text.empty() ? subject_of(certificate) : text;
}

}  // namespace

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string subject_of(X509* certificate) {
  const MemoryHandle memory(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  return excerpt(text_of(memory.get()), kShownOfName);
}

std::optional<Instant> instant_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return Instant(std::chrono::seconds(::timegm(&parts)));
}

std::string words_for(int code, X509* certificate, const std::string& wanted) {
  switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "certificate has expired on " + day_of(X509_get0_notAfter(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "certificate is not valid before " + day_of(X509_get0_notBefore(certificate));
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "self-signed certificate: " + subject_of(certificate);
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "certificate of an unknown authority";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return fmt::format("host name mismatch: certificate is for {}, not {}", names_of(certificate),
                         wanted);
    case X509_V_ERR_CERT_REVOKED:
      return "certificate has been revoked";
    default:
      return fmt::format("certificate is refused: {}", X509_verify_cert_error_string(code));
  }
}

}  // namespace bascule::net
