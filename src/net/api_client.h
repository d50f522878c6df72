// The client of one API of somebody else to which we speak JSON again and again, made from
// settings: whom it trusts, its secrets, and what a status means here, in the same words for every
// vendor, so that whoever retries need not know them.
//
// No error of it holds a secret: it names hosts alone, for the rest of an address may be one, and
// blots out what it has revealed where a server repeats it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/kind.h"
#include "net/http_client.h"
#include "net/request_settings.h"

namespace bascule::net {

// `ca`, which every kind has that is made with an ApiClient.
Field authority_field();

// Clock and resolver outlive it; it outlives its calls. One thread.
class ApiClient {
 public:
  // Errors: invalid (`ca` cannot be used).
  static Result<std::shared_ptr<ApiClient>> make(const Json& settings, Reveal reveal, Clock& clock,
                                                 Resolver& resolver);

  [[nodiscard]] const Json& settings() const { return settings_; }
  [[nodiscard]] Clock& clock() const { return clock_; }
  // The text of a setting, read now; one that is a secret is from now on in no error.
  Result<std::string> reveal(const std::string& name);
  Result<std::string> reveal(const std::string& name, const Json& setting);
  // A request to `address`, which came from the setting `name`; to the address that is a secret
  // itself.
  static Result<Request> request(std::string method, const std::string& name,
                                 const std::string& address);
  Result<Request> request_to_secret(std::string method, const std::string& name);

  // Sends it as JSON, without following redirects: what is sent is for whom the configuration
  // names, and for no other host. A 2xx is the Response. Errors:
  //   throttled     429 and 503 with Retry-After, with that wait
  //   unavailable   408 and every other 5xx; nobody there
  //   denied        401, 403
  //   invalid       what is left: the same request will not be taken another time either
  awaitable<Result<Response>> ask(Request request, Deadline deadline);
  // The same, where nothing is read from the answer.
  awaitable<Result<void>> tell(Request request, Deadline deadline);
  // Whether anybody answers: any answer shows that.
  awaitable<Result<void>> find(Request request, Deadline deadline);

 private:
  ApiClient(Json settings, Reveal reveal, Clock& clock, Resolver& resolver,
            ClientSettings client_settings);
  void conceal(const std::string& name, std::vector<std::string> parts);
  [[nodiscard]] std::string blotted(const std::string& text) const;
  [[nodiscard]] Error error_of_answer(const std::string& host, const Response& response) const;

  Json settings_;
  Reveal reveal_;
  Clock& clock_;
  HttpClient client_;
  std::map<std::string, std::vector<std::string>> secrets_;  // by setting, as it was read last
};

// Seconds, or a date (RFC 9110, section 10.2.3); at most an hour. Nothing for anything else.
std::optional<Duration> parse_retry_after(std::string_view text, Instant now);

}  // namespace bascule::net
