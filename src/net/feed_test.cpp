// Messages with one mistake at every place, in pieces of every size: nothing of it ends the
// process, and what is understood does not depend on how the bytes arrived.
#include "net/feed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bascule::net {
namespace {

namespace http = boost::beast::http;

const std::vector<std::string> kResponses = {
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n4;x=y;z=\"q\\\"r\"\r\ndefg\r\n0\r\nA: b\r\n c\r\n\r\n"),
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close, x\r\n\r\n"
     "00;a\r\n\r\n"),
    "HTTP/1.0 200 OK\r\nContent-Length: 5, 5\r\nConnection: keep-alive\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nX-A: b\r\n\tfolded\r\nUpgrade: h2c\r\n\r\nto the end",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
};
const std::vector<std::string> kRequests = {
    ("POST /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\nA: b\r\n\r\n"),
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
};
constexpr std::array<std::string_view, 20> kMistakes = {"",
                                                        "\r\n",
                                                        "\r",
                                                        "\n",
                                                        "0",
                                                        "0\r\n",
                                                        "\r\n\r\n",
                                                        "1\r\n",
                                                        ";",
                                                        "=",
                                                        "\"",
                                                        ":",
                                                        " ",
                                                        "\t",
                                                        ",",
                                                        "-",
                                                        "\xFF",
                                                        "\x7F",
                                                        "ffffffffffffffff",
                                                        "Content-Length: 3\r\n"};

// What became of the message when its bytes came in pieces of this size.
template <bool IsRequest>
std::string outcome(const std::string& message, std::size_t piece) {
  http::parser<IsRequest, BoundedBody> parser;
  parser.eager(true);
  parser.get().body().limit = 1000;
  std::string buffer;
  for (std::size_t at = 0; at < message.size(); at += piece) {
    buffer.append(message, at, piece);
    while (!buffer.empty()) {
      boost::beast::error_code failed;
      const std::size_t used = feed(parser, buffer, failed);
      buffer.erase(0, used);
      if (failed && failed != http::error::need_more) return "refused";
      if (parser.is_done()) return "complete: " + parser.get().body().bytes;
      if (failed || used == 0) break;
    }
  }
  return "open: " + parser.get().body().bytes;
}

template <bool IsRequest>
void try_all(const std::string& message) {
  const std::string whole = outcome<IsRequest>(message, message.size());
  for (const std::size_t piece : {1U, 2U, 3U, 4U, 5U, 7U}) {
    const std::string in_pieces = outcome<IsRequest>(message, piece);
    // A mistake may be found before all that would show it is there.
    if (whole.starts_with("complete") || in_pieces.starts_with("complete")) {
      ASSERT_EQ(in_pieces, whole) << message << "\nin pieces of " << piece;
    }
  }
}

template <bool IsRequest>
void with_mistakes(const std::vector<std::string>& messages) {
  for (const std::string& message : messages) {
    for (std::size_t at = 0; at < message.size(); ++at) {
      for (const std::string_view mistake : kMistakes) {
        for (const std::size_t instead_of : {0U, 1U, 3U}) {
          std::string wrong = message;
          wrong.replace(at, instead_of, mistake);
          if (!wrong.empty()) ASSERT_NO_FATAL_FAILURE(try_all<IsRequest>(wrong));
        }
      }
    }
  }
}

TEST(Feed, ResponsesWithAMistakeAnywhereAreReadTheSameInAnyPieces) {
  with_mistakes<false>(kResponses);
}

TEST(Feed, RequestsWithAMistakeAnywhereAreReadTheSameInAnyPieces) {
  with_mistakes<true>(kRequests);
}

}  // namespace
}  // namespace bascule::net
