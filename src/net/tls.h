// TLS by OpenSSL 3 on top of any Stream. The name of the server is always sent (SNI) and always
// verified, unless verification is switched off as a whole, which is visible in TlsDetails.
// At least TLS 1.2.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/awaitable.h"
#include "async/clock.h"
#include "async/deadline.h"
#include "base/result.h"
#include "base/time.h"
#include "net/stream.h"

namespace bascule::net {

struct TlsSettings {
  // Whom we trust: a PEM file, a directory of hashed PEM files, both; none: the system's
  // authorities.
  std::string authority_file;
  std::string authority_directory;
  // What we show of ourselves, PEM files; both or none.
  std::string certificate_file;
  std::string key_file;
  // Of a client: exactly the first certificate of this PEM file is accepted, as long as it is
  // valid, whoever issued it and whatever it is for: for who shares a disk with the server. Instead
  // of authorities and names.
  std::string pinned_certificate_file;
  bool verify = true;
  // Asked for and verified instead of the host that was connected to, when not empty.
  std::string server_name;
};

// The loaded form of one configuration, made once and shared by all its connections. Immutable, so
// that a changed certificate file needs a new context.
class TlsContext {
 public:
  // Errors: invalid, with the file and what is wrong with it. Reads files: blocks for a moment.
  static Result<std::shared_ptr<const TlsContext>> for_client(TlsSettings settings);
  // For a server: certificate and key are needed; with an authority, clients must show a
  // certificate of it.
  static Result<std::shared_ptr<const TlsContext>> for_server(TlsSettings settings);

  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // When the certificate that is shown here ends; nothing where none is.
  [[nodiscard]] std::optional<Instant> certificate_ends() const;

  struct Loaded;
  [[nodiscard]] const Loaded& loaded() const { return *loaded_; }

 private:
  explicit TlsContext(std::unique_ptr<Loaded> loaded);
  std::unique_ptr<Loaded> loaded_;
};

// The client's handshake. `host` is the name or address the caller wanted; an address is sent
// without SNI and looked for among the certificate's addresses. `plain` is closed on an error.
//
// Errors say why: unavailable "certificate has expired", "self-signed certificate", "host name
// mismatch: certificate is for …, not …", "certificate of an unknown authority", "plain text on a
// TLS port", "connection was closed during the TLS handshake"; denied when the other side refuses
// our certificate; timeout "TLS handshake gave no answer within Nms".
awaitable<Result<std::unique_ptr<Stream>>> start_tls(Clock& clock, std::unique_ptr<Stream> plain,
                                                     std::shared_ptr<const TlsContext> context,
                                                     std::string host, Deadline deadline);

// The server's handshake.
awaitable<Result<std::unique_ptr<Stream>>> accept_tls(Clock& clock, std::unique_ptr<Stream> plain,
                                                      std::shared_ptr<const TlsContext> context,
                                                      Deadline deadline);

}  // namespace bascule::net
