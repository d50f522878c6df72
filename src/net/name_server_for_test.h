// A name server of a few lines: it answers from a table, with a time to live that a cache would
// obey, says NXDOMAIN for the rest, and swallows every question about a name that begins with
// "silent", and those for IPv6 addresses of a name that begins with "no-aaaa". Only for tests.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "net/endpoint.h"

namespace bascule::net {

class NameServer {
 public:
  explicit NameServer(boost::asio::io_context& context)
      : socket_(context,
                boost::asio::ip::udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        scope_(context.get_executor(), nullptr) {
    scope_.spawn("name server", serve());
  }
  [[nodiscard]] std::string place() const {
    return fmt::format("127.0.0.1:{}", socket_.local_endpoint().port());
  }
  awaitable<void> stop() {
    scope_.request_stop();
    co_await scope_.join();
  }

  std::map<std::string, std::vector<IpAddress>> table;
  int questions = 0;    // all of them
  int questions_a = 0;  // those for IPv4 addresses
  int refuse_with = 0;  // an RCODE for every question, when not 0

 private:
  static std::string name_in(const std::vector<unsigned char>& message, std::size_t* end) {
    std::string name;
    std::size_t at = 12;
    while (at < message.size() && message[at] != 0) {
      if (!name.empty()) name += '.';
      name.append(reinterpret_cast<const char*>(&message[at + 1]), message[at]);
      at += message[at] + 1U;
    }
    *end = at + 5;
    return name;
  }

  // Nothing: swallow it.
  std::vector<unsigned char> answer(std::vector<unsigned char> message) {
    std::size_t end = 0;
    const std::string name = name_in(message, &end);
    const bool v6 = message[end - 3] == 28;
    ++questions;
    if (!v6) ++questions_a;
    if (name.starts_with("silent") || (v6 && name.starts_with("no-aaaa"))) return {};
    message.resize(end);
    const auto known = table.find(name);
    const int code = refuse_with != 0 ? refuse_with : known == table.end() ? 3 : 0;
    message[2] = 0x85;
    message[3] = static_cast<unsigned char>(code);
    std::fill(message.begin() + 6, message.begin() + 12, 0);
    if (code != 0) return message;
    for (const IpAddress& address : known->second) {
      if (address.is_v6() != v6) continue;
      ++message[7];
      const std::vector<unsigned char> fixed = {
          0xC0, 12, 0, static_cast<unsigned char>(v6 ? 28 : 1), 0, 1, 0, 0,
          0,    60, 0, static_cast<unsigned char>(v6 ? 16 : 4)};
      message.insert(message.end(), fixed.begin(), fixed.end());
      if (v6) {
        const auto bytes = address.to_v6().to_bytes();
        message.insert(message.end(), bytes.begin(), bytes.end());
      } else {
        const auto bytes = address.to_v4().to_bytes();
        message.insert(message.end(), bytes.begin(), bytes.end());
      }
    }
    return message;
  }

  awaitable<void> serve() {
    while (true) {
      std::vector<unsigned char> message(512);
      boost::asio::ip::udp::endpoint from;
      const std::size_t n = co_await socket_.async_receive_from(boost::asio::buffer(message), from,
                                                                boost::asio::use_awaitable);
      message.resize(n);
      const std::vector<unsigned char> reply = answer(std::move(message));
      if (reply.empty()) continue;
      co_await socket_.async_send_to(boost::asio::buffer(reply), from, boost::asio::use_awaitable);
    }
  }

  boost::asio::ip::udp::socket socket_;
  Scope scope_;
};

}  // namespace bascule::net
