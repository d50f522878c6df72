// What every kind that asks over HTTP has in its configuration (an address, headers, whom to
// trust), what is made of it, and what any answer says beside its content.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "model/kind.h"
#include "model/observation.h"
#include "net/http_client.h"

namespace bascule::net {

// url, connect, headers, tls.
std::vector<Field> request_fields();
// Adds tls.expires_within, for who asks the site itself: a certificate that is about to expire
// makes a good answer degraded. Without the setting it never does.
void add_expiry(std::vector<Field>& fields);

// The text of a setting that may be a secret (ports/secrets.h).
using Reveal = std::function<Result<std::string>(const Json& setting)>;

// A GET of `url` with its headers, over a fresh connection. Errors: invalid, with the name of the
// setting; no secret is in them. What the client writes by itself (Host, …) may not be a header.
Result<Request> configured_request(const Json& settings, const Reveal& reveal);

// The client for the settings of one check. Certificates that change on disk are read again before
// the next request, since a client certificate is rotated while the daemon runs; while the new ones
// cannot be read, the old ones stay in use.
//
// Clock and resolver outlive it; it outlives its fetches. One thread.
class ConfiguredClient {
 public:
  // Errors: invalid, with the file of `tls` that cannot be used.
  static Result<std::shared_ptr<ConfiguredClient>> make(const Json& settings, Clock& clock,
                                                        Resolver& resolver);

  // See HttpClient::fetch.
  awaitable<Result<Response>> fetch(Request request, Limits limits, Deadline deadline);

  // Tells what the exchange says whatever its content: how long it took, who answered, and under
  // which certificate. A healthy observation becomes degraded when less than `tls.expires_within`,
  // and less than a third, is left of the certificate's life; that a certificate was not verified
  // is shown.
  void note(const Response& response, Observation& observation) const;

 private:
  using Stamps = std::vector<std::filesystem::file_time_type>;

  ConfiguredClient(Clock& clock, Resolver& resolver, const Json& tls);
  [[nodiscard]] Stamps stamps() const;
  Result<void> load();

  Clock& clock_;
  Resolver& resolver_;
  TlsSettings tls_;
  bool own_tls_ = false;  // else the system's authorities, loaded when they are needed
  Duration expires_within_{0};
  Stamps loaded_;
  std::shared_ptr<HttpClient> client_;
};

}  // namespace bascule::net
