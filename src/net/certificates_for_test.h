// Certificates made on the spot, in a folder that goes with the test. Only for tests.
#pragma once

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "net/tls.h"

namespace bascule::net {

class Certificates {
 public:
  struct Wanted {
    std::string file = {};   // FILE.pem and FILE.key in the folder
    std::string names = {};  // "DNS:localhost,IP:127.0.0.1"; empty: none
    long begins_in = -3600;  // seconds from now
    long ends_in = 86400;
    bool self_signed = false;
  };

  Certificates() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bascule-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    authority_key_.reset(EVP_EC_gen("P-256"));
    authority_.reset(begin("Test Authority", -3600, 86400));
    X509_set_issuer_name(authority_.get(), X509_get_subject_name(authority_.get()));
    X509_set_pubkey(authority_.get(), authority_key_.get());
    extend(authority_.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(authority_.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    X509_sign(authority_.get(), authority_key_.get(), EVP_sha256());
    write(authority_.get(), nullptr, "authority");
  }
  ~Certificates() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  void make(const Wanted& wanted) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate(begin(wanted.file, wanted.begins_in, wanted.ends_in));
    X509* issuer = wanted.self_signed ? certificate.get() : authority_.get();
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
    X509_set_pubkey(certificate.get(), key.get());
    extend(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    if (!wanted.names.empty()) {
      extend(certificate.get(), NID_subject_alt_name, wanted.names.c_str());
    }
    X509_sign(certificate.get(), wanted.self_signed ? key.get() : authority_key_.get(),
              EVP_sha256());
    write(certificate.get(), key.get(), wanted.file);
  }

  // The same, loaded for a server; with `ask`, clients must show a certificate of the authority.
  std::shared_ptr<const TlsContext> serve(const Wanted& wanted, bool ask = false) {
    make(wanted);
    TlsSettings settings;
    settings.certificate_file = path(wanted.file + ".pem");
    settings.key_file = path(wanted.file + ".key");
    if (ask) settings.authority_file = authority();
    Result<std::shared_ptr<const TlsContext>> loaded = TlsContext::for_server(settings);
    EXPECT_TRUE(loaded) << loaded.error().message;
    return *loaded;
  }

  [[nodiscard]] std::string path(const std::string& file) const { return folder_ + "/" + file; }
  [[nodiscard]] std::string authority() const { return path("authority.pem"); }

 private:
  struct Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  using Certificate = std::unique_ptr<X509, Free>;
  using Key = std::unique_ptr<EVP_PKEY, Free>;

  X509* begin(const std::string& name, long begins_in, long ends_in) {
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(certificate), begins_in);
    X509_gmtime_adj(X509_getm_notAfter(certificate), ends_in);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    return certificate;
  }

  static void extend(X509* certificate, int kind, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  void write(X509* certificate, EVP_PKEY* key, const std::string& file) {
    FILE* out = std::fopen(path(file + ".pem").c_str(), "w");
    PEM_write_X509(out, certificate);
    std::fclose(out);
    if (key == nullptr) return;
    out = std::fopen(path(file + ".key").c_str(), "w");
    PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }

  std::string folder_;
  long serial_ = 0;
  Key authority_key_;
  Certificate authority_;
};

}  // namespace bascule::net
