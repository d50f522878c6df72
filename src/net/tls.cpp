// TLS on OpenSSL with memory buffers between it and the Stream below, so that it needs neither
// sockets nor Asio's TLS types, and its reasons for refusing a certificate can be told in words.
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "net/certificate_text.h"
#include "net/http.h"

namespace bascule::net {

namespace {

template <typename T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using ContextHandle = std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>>;
using SessionHandle = std::unique_ptr<SSL, Freed<SSL, SSL_free>>;
using CertificateHandle = std::unique_ptr<X509, Freed<X509, X509_free>>;
using MemoryHandle = std::unique_ptr<BIO, Freed<BIO, BIO_free_all>>;

std::string reason_of(unsigned long error) {
  const char* text = ERR_reason_error_string(error);
  return text == nullptr ? fmt::format("OpenSSL error {:#x}", error) : std::string(text);
}

// The oldest error of the thread's queue: the cause; the newer ones are its consequences.
std::string take_reason() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  return error == 0 ? "no reason given" : reason_of(error);
}

// What the verification found wrong, noted while the certificate is at hand: OpenSSL keeps no
// certificate that it refused.
struct Refusal {
  std::string wanted;  // the host
  std::string because;
};

int refusal_index() {
  static const int kIndex = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return kIndex;
}

int note_refusal(int accepted, X509_STORE_CTX* store) {
  if (accepted == 1) return 1;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* refusal = static_cast<Refusal*>(SSL_get_ex_data(ssl, refusal_index()));
  X509* certificate = X509_STORE_CTX_get_current_cert(store);
  if (refusal != nullptr && certificate != nullptr && refusal->because.empty()) {
    refusal->because = words_for(X509_STORE_CTX_get_error(store), certificate, refusal->wanted);
  }
  return 0;
}

// In place of OpenSSL's own verification: `pinned` is the one certificate that is accepted.
int accept_only(X509_STORE_CTX* store, void* pinned) {
  X509* shown = X509_STORE_CTX_get0_cert(store);
  int problem = X509_V_OK;
  std::string because;
  if (shown == nullptr || X509_cmp(shown, static_cast<X509*>(pinned)) != 0) {
    problem = X509_V_ERR_CERT_REJECTED;
    because = "certificate is not the one that is expected";
  } else if (X509_cmp_current_time(X509_get0_notAfter(shown)) < 0) {
    problem = X509_V_ERR_CERT_HAS_EXPIRED;
    because = words_for(problem, shown, "");
  }
  X509_STORE_CTX_set_error(store, problem);
  if (problem == X509_V_OK) return 1;
  auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (auto* refusal = static_cast<Refusal*>(SSL_get_ex_data(ssl, refusal_index()))) {
    refusal->because = std::move(because);
  }
  return 0;
}

// Never ask for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> plain, std::shared_ptr<const TlsContext> context,
            SessionHandle session)
      : context_(std::move(context)), plain_(std::move(plain)), ssl_(std::move(session)) {
    BIO* incoming = BIO_new(BIO_s_mem());
    BIO* outgoing = BIO_new(BIO_s_mem());
    BASCULE_ASSERT(incoming != nullptr && outgoing != nullptr, "out of memory");
    BIO_set_mem_eof_return(incoming, -1);
    BIO_set_mem_eof_return(outgoing, -1);
    SSL_set_bio(ssl_.get(), incoming, outgoing);
  }

  awaitable<Result<void>> handshake(std::string wanted, Deadline deadline) {
    refusal_.wanted = std::move(wanted);
    SSL_set_ex_data(ssl_.get(), refusal_index(), &refusal_);
    std::function<int()> step = [this] { return SSL_do_handshake(ssl_.get()); };
    const Result<std::size_t> done = co_await drive(std::move(step), deadline);
    if (!done) co_return error_of(done);
    shaken_ = true;
    co_return Result<void>();
  }

  awaitable<Result<std::size_t>> read_some(std::span<char> into, Deadline deadline) override {
    const int size = static_cast<int>(std::min<std::size_t>(into.size(), 1 << 30));
    std::function<int()> step = [this, into, size] {
      return SSL_read(ssl_.get(), into.data(), size);
    };
    co_return co_await drive(std::move(step), deadline);
  }

  awaitable<Result<void>> write_all(std::string_view bytes, Deadline deadline) override {
    // In pieces, so that a large body is not held twice.
    for (std::size_t at = 0; at < bytes.size();) {
      const std::string_view piece = bytes.substr(at, 64 * 1024);
      std::function<int()> step = [this, piece] {
        return SSL_write(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
      };
      const Result<std::size_t> n = co_await drive(std::move(step), deadline);
      if (!n) co_return error_of(n);
      at += *n;
    }
    co_return Result<void>();
  }

  awaitable<Result<void>> finish_sending(Deadline deadline) override {
    ERR_clear_error();
    if (shaken_) SSL_shutdown(ssl_.get());
    const Result<void> sent = co_await flush(deadline);
    if (!sent) co_return sent;
    co_return co_await plain_->finish_sending(deadline);
  }

  awaitable<Result<void>> close(Deadline deadline) override {
    Result<void> sent;
    ERR_clear_error();
    if (shaken_ && !broken_) {
      SSL_shutdown(ssl_.get());
      sent = co_await flush(deadline);
    }
    const Result<void> closed = co_await plain_->close(deadline);
    co_return sent ? closed : sent;
  }

  void abort() override { plain_->abort(); }

  [[nodiscard]] bool is_idle() const override {
    return !broken_ && SSL_pending(ssl_.get()) == 0 && plain_->is_idle();
  }
  [[nodiscard]] std::optional<Endpoint> peer() const override { return plain_->peer(); }

  [[nodiscard]] std::optional<TlsDetails> tls() const override {
    TlsDetails details;
    details.protocol = SSL_get_version(ssl_.get());
    details.cipher = SSL_get_cipher_name(ssl_.get());
    details.verified = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
    const CertificateHandle certificate(SSL_get1_peer_certificate(ssl_.get()));
    if (certificate) {
      details.subject = subject_of(certificate.get());
      details.begins = instant_of(X509_get0_notBefore(certificate.get()));
      details.expires = instant_of(X509_get0_notAfter(certificate.get()));
    }
    return details;
  }

 private:
  // Calls `step` until OpenSSL has done it, carrying bytes between it and the stream below. The
  // number of bytes it did; 0 at the orderly end.
  awaitable<Result<std::size_t>> drive(std::function<int()> step, Deadline deadline) {
    while (true) {
      ERR_clear_error();
      const int done = step();
      const int why = done > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
      // The error queue belongs to the thread: look before anybody else runs.
      const unsigned long error = ERR_peek_error();
      const Result<void> sent = co_await flush(deadline);
      if (done > 0 && !sent) co_return error_of(sent);
      if (done > 0) co_return static_cast<std::size_t>(done);
      if (why == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        broken_ = true;
        co_return explain(error);
      }
      if (!sent) co_return error_of(sent);
      if (why == SSL_ERROR_WANT_WRITE) continue;
      const Result<std::size_t> n = co_await plain_->read_some(received_, deadline);
      if (!n) co_return error_of(n);
      if (*n == 0) {
        broken_ = true;
        co_return fail(ErrorCode::unavailable, "{}",
                       shaken_ ? "connection was cut without a TLS goodbye"
                               : "connection was closed during the TLS handshake");
      }
      BIO_write(SSL_get_rbio(ssl_.get()), received_.data(), static_cast<int>(*n));
    }
  }

  // Sends what OpenSSL has written. A reader and a writer may both get here; whoever came first
  // sends for both, so that the bytes keep their order.
  awaitable<Result<void>> flush(Deadline deadline) {
    if (flushing_) co_return Result<void>();
    BIO* outgoing = SSL_get_wbio(ssl_.get());
    Result<void> sent;
    while (sent && BIO_ctrl_pending(outgoing) > 0) {
      std::string bytes = text_of(outgoing);
      BIO_reset(outgoing);
      flushing_ = true;
      sent = co_await plain_->write_all(bytes, deadline);
      flushing_ = false;
    }
    co_return sent;
  }

  std::unexpected<Error> explain(unsigned long error) const {
    if (!refusal_.because.empty()) {
      return fail(ErrorCode::unavailable, "{}", refusal_.because);
    }
    const int reason = ERR_GET_REASON(error);
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
      return fail(ErrorCode::unavailable, "TLS failed: {}",
                  error == 0 ? "connection was cut" : reason_of(error));
    }
    switch (reason) {
      case SSL_R_WRONG_VERSION_NUMBER:
      case SSL_R_HTTP_REQUEST:
      case SSL_R_PACKET_LENGTH_TOO_LONG:
      case SSL_R_BAD_RECORD_TYPE:
        return fail(ErrorCode::unavailable, "{}",
                    shaken_ ? "TLS record is malformed" : "plain text on a TLS port");
      case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
        return fail(ErrorCode::denied, "the other side wants a client certificate");
      case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
      case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
        return fail(ErrorCode::denied, "the other side refuses our certificate: {}",
                    reason_of(error));
      case SSL_R_UNSUPPORTED_PROTOCOL:
      case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return fail(ErrorCode::unavailable, "no common TLS version (1.2 or newer is needed)");
      default:
        return fail(ErrorCode::unavailable, "TLS failed: {}", reason_of(error));
    }
  }

  std::shared_ptr<const TlsContext> context_;
  std::unique_ptr<Stream> plain_;
  SessionHandle ssl_;
  Refusal refusal_;
  bool shaken_ = false;
  bool broken_ = false;
  bool flushing_ = false;
  std::array<char, 16 * 1024> received_{};
};

Result<ContextHandle> base_context(const SSL_METHOD* method) {
  ContextHandle context(SSL_CTX_new(method));
  if (!context) return fail(ErrorCode::unavailable, "TLS cannot be set up: {}", take_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_default_passwd_cb(context.get(), no_passphrase);
  return context;
}

Result<void> load_authorities(SSL_CTX* context, const TlsSettings& settings) {
  const char* file = settings.authority_file.c_str();
  const char* directory = settings.authority_directory.c_str();
  if (!settings.authority_file.empty() && SSL_CTX_load_verify_file(context, file) != 1) {
    return fail(ErrorCode::invalid, "authority file {} cannot be used: {}", file, take_reason());
  }
  if (!settings.authority_directory.empty() && SSL_CTX_load_verify_dir(context, directory) != 1) {
    return fail(ErrorCode::invalid, "authority folder {} cannot be used: {}", directory,
                take_reason());
  }
  return {};
}

Result<CertificateHandle> load_certificate(const std::string& path) {
  const MemoryHandle file(BIO_new_file(path.c_str(), "r"));
  CertificateHandle certificate(
      file ? PEM_read_bio_X509(file.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (certificate) return certificate;
  return fail(ErrorCode::invalid, "certificate file {} cannot be used: {}", path, take_reason());
}

Result<void> load_identity(SSL_CTX* context, const TlsSettings& settings) {
  const std::string& certificate = settings.certificate_file;
  const std::string& key = settings.key_file;
  if (certificate.empty() != key.empty()) {
    return fail(ErrorCode::invalid, "a certificate needs its key, and a key its certificate");
  }
  if (certificate.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return fail(ErrorCode::invalid, "certificate file {} cannot be used: {}", certificate,
                take_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH) {
      ERR_clear_error();
      return fail(ErrorCode::invalid, "key {} does not belong to certificate {}", key, certificate);
    }
    return fail(ErrorCode::invalid, "key file {} cannot be used: {}", key, take_reason());
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorCode::invalid, "key {} does not belong to certificate {}", key, certificate);
  }
  return {};
}

// SNI and the name to verify. A final dot is part of DNS, not of certificates.
Result<void> expect_host(SSL* ssl, std::string host) {
  if (parse_address(host)) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1) return {};
    return fail(ErrorCode::invalid, "{} cannot be verified as an address", host);
  }
  if (host.ends_with('.')) host.pop_back();
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (!is_host_name(host) || SSL_set1_host(ssl, host.c_str()) != 1 ||
      SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) {
    return fail(ErrorCode::invalid, "\"{}\" is not a host name", host);
  }
  return {};
}

awaitable<Result<std::unique_ptr<Stream>>> shake_hands(Clock& clock,
                                                       std::unique_ptr<TlsStream> stream,
                                                       std::string wanted, Deadline deadline) {
  const Duration allowed = deadline.left(clock);
  const Result<void> shaken = co_await stream->handshake(std::move(wanted), deadline);
  if (shaken) co_return std::unique_ptr<Stream>(std::move(stream));
  stream->abort();
  if (shaken.error().code != ErrorCode::timeout) co_return error_of(shaken);
  co_return fail(ErrorCode::timeout, "TLS handshake gave no answer within {}ms", allowed.count());
}

}  // namespace

struct TlsContext::Loaded {
  ContextHandle context;
  TlsSettings settings;
  CertificateHandle pinned;
};

TlsContext::TlsContext(std::unique_ptr<Loaded> loaded) : loaded_(std::move(loaded)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::for_client(TlsSettings settings) {
  ERR_clear_error();
  Result<ContextHandle> context = base_context(TLS_client_method());
  if (!context) return error_of(context);
  SSL_CTX* raw = context->get();
  SSL_CTX_set_verify(raw, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     settings.verify ? note_refusal : nullptr);
  CertificateHandle pinned;
  if (settings.verify && !settings.pinned_certificate_file.empty()) {
    Result<CertificateHandle> read = load_certificate(settings.pinned_certificate_file);
    if (!read) return error_of(read);
    pinned = std::move(*read);
    SSL_CTX_set_cert_verify_callback(raw, accept_only, pinned.get());
  } else if (settings.verify) {
    const bool own = !settings.authority_file.empty() || !settings.authority_directory.empty();
    const Result<void> loaded = own ? load_authorities(raw, settings) : Result<void>();
    if (!loaded) return error_of(loaded);
    if (!own && SSL_CTX_set_default_verify_paths(raw) != 1) {
      return fail(ErrorCode::unavailable, "the system's authorities cannot be loaded: {}",
                  take_reason());
    }
  }
  if (const Result<void> identity = load_identity(raw, settings); !identity) {
    return error_of(identity);
  }
  auto loaded =
      std::make_unique<Loaded>(std::move(*context), std::move(settings), std::move(pinned));
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(loaded)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::for_server(TlsSettings settings) {
  ERR_clear_error();
  Result<ContextHandle> context = base_context(TLS_server_method());
  if (!context) return error_of(context);
  SSL_CTX* raw = context->get();
  if (settings.certificate_file.empty()) {
    return fail(ErrorCode::invalid, "a TLS server needs a certificate and its key");
  }
  if (const Result<void> identity = load_identity(raw, settings); !identity) {
    return error_of(identity);
  }
  if (!settings.authority_file.empty() || !settings.authority_directory.empty()) {
    if (const Result<void> trusted = load_authorities(raw, settings); !trusted) {
      return error_of(trusted);
    }
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, note_refusal);
  }
  auto loaded = std::make_unique<Loaded>(std::move(*context), std::move(settings), nullptr);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(loaded)));
}

std::optional<Instant> TlsContext::certificate_ends() const {
  X509* certificate = SSL_CTX_get0_certificate(loaded_->context.get());
  if (certificate == nullptr) return std::nullopt;
  return instant_of(X509_get0_notAfter(certificate));
}

awaitable<Result<std::unique_ptr<Stream>>> start_tls(Clock& clock, std::unique_ptr<Stream> plain,
                                                     std::shared_ptr<const TlsContext> context,
                                                     std::string host, Deadline deadline) {
  const TlsSettings& settings = context->loaded().settings;
  if (!settings.server_name.empty()) host = settings.server_name;
  SessionHandle session(SSL_new(context->loaded().context.get()));
  if (!session) co_return fail(ErrorCode::unavailable, "TLS cannot be set up: {}", take_reason());
  SSL_set_connect_state(session.get());
  if (const Result<void> named = expect_host(session.get(), host); !named) {
    plain->abort();
    co_return error_of(named);
  }
  auto stream =
      std::make_unique<TlsStream>(std::move(plain), std::move(context), std::move(session));
  co_return co_await shake_hands(clock, std::move(stream), std::move(host), deadline);
}

awaitable<Result<std::unique_ptr<Stream>>> accept_tls(Clock& clock, std::unique_ptr<Stream> plain,
                                                      std::shared_ptr<const TlsContext> context,
                                                      Deadline deadline) {
  SessionHandle session(SSL_new(context->loaded().context.get()));
  if (!session) co_return fail(ErrorCode::unavailable, "TLS cannot be set up: {}", take_reason());
  SSL_set_accept_state(session.get());
  auto stream =
      std::make_unique<TlsStream>(std::move(plain), std::move(context), std::move(session));
  co_return co_await shake_hands(clock, std::move(stream), "this server", deadline);
}

}  // namespace bascule::net
