// Bytes into Beast's parser by hand, for the two files that do it: http_client.cpp and
// http_conversation.cpp.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <cstddef>
#include <string_view>

#include "net/bounded_body.h"

namespace bascule::net {

// How many of the bytes the parser took; the rest must come again, with more behind it.
// REQUIRES: `bytes` is not empty, the message is not complete.
template <bool IsRequest>
std::size_t feed(boost::beast::http::parser<IsRequest, BoundedBody>& parser, std::string_view bytes,
                 boost::beast::error_code& failed) {
  // Beast 1.81 ends the process by an assertion when the "0\r\n" of the last chunk was there alone
  // and a single byte joins it. Four bytes never complete a chunked body, so they can wait.
  constexpr std::size_t kTooFew = 4;
  if (bytes.size() == kTooFew && parser.is_header_done() && parser.chunked()) {
    failed = boost::beast::http::error::need_more;
    return 0;
  }
  return parser.put(boost::asio::buffer(bytes.data(), bytes.size()), failed);
}

}  // namespace bascule::net
