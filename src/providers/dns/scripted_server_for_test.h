// A name server that answers as badly as a test wants, over UDP and TCP at one port of 127.0.0.1,
// and DNS messages made by hand for it. Only tests include this.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "async/scope.h"
#include "net/stream.h"
#include "providers/dns/message.h"
#include "providers/dns/name_server_for_test.h"

namespace bascule::dns {

// The messages that come back for one that arrived, in this order; none: silence.
using DnsScript = std::function<std::vector<Bytes>(const Bytes& message, bool over_tcp)>;

class ScriptedServer {
 public:
  // `port` 0: one that is free.
  ScriptedServer(PlainWorld& world, DnsScript script, std::uint16_t port = 0)
      : world_(world),
        script_(std::move(script)),
        port_(port == 0 ? free_dns_port() : port),
        socket_(world.context, {boost::asio::ip::address_v4::loopback(), port_}),
        acceptor_(world.context, {boost::asio::ip::address_v4::loopback(), port_}),
        scope_(world.context.get_executor(), nullptr) {
    scope_.spawn("datagrams", serve_datagrams());
    scope_.spawn("connections", accept());
  }
  ~ScriptedServer() {
    scope_.request_stop();
    world_.wait(scope_.join());
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  awaitable<void> serve_datagrams() {
    while (true) {
      Bytes message(65'535);
      boost::asio::ip::udp::endpoint from;
      const std::size_t n = co_await socket_.async_receive_from(boost::asio::buffer(message), from,
                                                                boost::asio::use_awaitable);
      message.resize(n);
      for (const Bytes& answer : script_(message, false)) {
        co_await socket_.async_send_to(boost::asio::buffer(answer), from,
                                       boost::asio::use_awaitable);
      }
    }
  }

  awaitable<void> accept() {
    while (true) {
      auto socket = co_await acceptor_.async_accept(boost::asio::use_awaitable);
      scope_.spawn("client", serve(net::make_stream(world_.clock, std::move(socket))));
    }
  }

  awaitable<void> serve(std::unique_ptr<net::Stream> client) {
    const Deadline limit = world_.in(Duration{20'000});
    Bytes message;
    std::string buffer(4096, '\0');
    while (message.size() < 2 || message.size() < 2U + (message[0] << 8 | message[1])) {
      const auto n = co_await client->read_some(buffer, limit);
      if (!n || *n == 0) co_return;
      message.insert(message.end(), buffer.begin(), buffer.begin() + static_cast<long>(*n));
    }
    message.erase(message.begin(), message.begin() + 2);
    for (const Bytes& answer : script_(message, true)) {
      std::string framed{static_cast<char>(answer.size() >> 8),
                         static_cast<char>(answer.size() & 0xFF)};
      framed.append(answer.begin(), answer.end());
      co_await client->write_all(framed, limit);
    }
    co_await client->finish_sending(limit);
    // Holds the connection until the other side lets go.
    while (true) {
      const auto n = co_await client->read_some(buffer, limit);
      if (!n || *n == 0) co_return;
    }
  }

  PlainWorld& world_;
  DnsScript script_;
  std::uint16_t port_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::tcp::acceptor acceptor_;
  Scope scope_;
};

// The answer to `question`: its id and its question, these flags, and A records with the last byte
// of 127.0.1.N. `flags`: 0x8400 an authoritative answer, | 0x0200 truncated, | RCODE.
inline Bytes answer_to(const Bytes& question, std::uint16_t flags,
                       const std::vector<std::uint8_t>& hosts = {}) {
  constexpr std::size_t kHeader = 12;
  Bytes answer(question.begin(), question.begin() + kHeader);
  answer[2] = static_cast<std::uint8_t>(flags >> 8);
  answer[3] = static_cast<std::uint8_t>(flags & 0xFF);
  answer[6] = 0;
  answer[7] = static_cast<std::uint8_t>(hosts.size());
  for (std::size_t i = 8; i < kHeader; ++i) answer[i] = 0;
  answer.insert(answer.end(), question.begin() + kHeader, question.end());
  for (const std::uint8_t host : hosts) {
    const Bytes record = {0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 127, 0, 1, host};
    answer.insert(answer.end(), record.begin(), record.end());
  }
  return answer;
}

// The type that a question asks for.
inline int type_asked(const Bytes& question) {
  return question[question.size() - 4] << 8 | question[question.size() - 3];
}

}  // namespace bascule::dns
