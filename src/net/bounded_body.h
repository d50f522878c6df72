// A Beast body that grows with what arrives, never with what was announced, and stops growing at
// its limit: a header that promises 100 GB reserves nothing. For http_client.cpp and
// http_server.cpp.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/optional.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bascule::net {

struct BoundedBody {
  // The names are Beast's.
  struct value_type {  // NOLINT(readability-identifier-naming)
    std::string bytes;
    std::size_t limit = 0;
    bool overflowed = false;  // bytes were left out
  };

  class reader {  // NOLINT(readability-identifier-naming)
   public:
    template <typename Header>
    reader(const Header&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>&, boost::beast::error_code& failed) {
      failed = {};
    }

    template <typename Buffers>
    std::size_t put(const Buffers& buffers, boost::beast::error_code& failed) {
      failed = {};
      std::size_t taken = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer buffer(*it);
        const std::size_t room = body_.limit - body_.bytes.size();
        const std::size_t kept = std::min(room, buffer.size());
        body_.bytes.append(static_cast<const char*>(buffer.data()), kept);
        if (kept < buffer.size()) body_.overflowed = true;
        taken += buffer.size();
      }
      return taken;
    }

    void finish(boost::beast::error_code& failed) { failed = {}; }

   private:
    value_type& body_;
  };
};

}  // namespace bascule::net
