// A real name server for a test: Knot or BIND, in a folder and on a free port of 127.0.0.1 of its
// own, with the zone shop.test. and one TSIG key that may update it. Killed by the destructor, and
// by the kernel when the test dies first. Only tests include this.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "ports/plain_world_for_test.h"

namespace bascule::dns {

enum class Product : std::uint8_t { knot, bind };

std::string name_of(Product product);                    // "Knot"
std::optional<std::string> program_of(Product product);  // where it is installed
std::string package_of(Product product);

inline constexpr const char* kTestKey = "bascule-key.";
inline constexpr const char* kTestSecret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
inline constexpr const char* kTestZone = "shop.test.";
inline constexpr const char* kTestName = "www.shop.test.";

struct ServerOptions {
  bool signs = false;  // the zone, by DNSSEC
};

class NameServer {
 public:
  // Serves when it returns. `records`: lines below the zone's apex. REQUIRES: it is installed.
  NameServer(PlainWorld& world, Product product, const std::string& records,
             ServerOptions options = ServerOptions());
  ~NameServer();
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  void freeze() const;  // takes connections and datagrams, answers nothing
  void thaw() const;
  // As an operator freezes a zone to edit it: it answers, and refuses updates.
  void freeze_zone();
  void thaw_zone();
  [[nodiscard]] std::string log() const { return folder_.read("log"); }

 private:
  void start(const std::string& program);
  void control(const std::string& knot_word, const std::string& bind_word);

  PlainWorld& world_;
  TemporaryFolder folder_;
  Product product_;
  ServerOptions options_;
  std::uint16_t port_ = 0;
  std::uint16_t control_port_ = 0;
  pid_t process_ = 0;
};

// A port that is free for TCP and UDP, below those that the kernel gives out by itself.
std::uint16_t free_dns_port();

}  // namespace bascule::dns
