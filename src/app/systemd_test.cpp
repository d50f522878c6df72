// What systemd hears, on a real socket and on simulated time.
#include "app/systemd.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <string>

#include "async/event.h"
#include "async/world_for_test.h"

namespace bascule::app {
namespace {

using namespace std::chrono_literals;

// The other end of NOTIFY_SOCKET.
struct Listener {
  // `name` begins with '@' for an abstract one.
  explicit Listener(std::string name) : path(std::move(name)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.front() == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), size), 0);
  }
  ~Listener() {
    ::close(descriptor);
    if (path.front() != '@') std::filesystem::remove(path);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Everything that has come since the last call.
  std::vector<std::string> heard() const {
    std::vector<std::string> all;
    std::array<char, 4096> text{};
    while (true) {
      const ssize_t size = ::recv(descriptor, text.data(), text.size(), MSG_DONTWAIT);
      if (size < 0) return all;
      all.emplace_back(text.data(), static_cast<std::size_t>(size));
    }
  }

  std::string path;
  int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

struct SystemdTest : testing::Test {
  SystemdWishes wishes(std::optional<Microseconds> watchdog = std::nullopt) const {
    return {listener.path, watchdog};
  }
  void begin(const SystemdWishes& wished) {
    SignsOfLife signs;
    signs.is_ready = [this] { return ready; };
    signs.turns = [this](Deadline deadline) { return turned.wait(world.clock, deadline); };
    signs.waits_for_store = [this] { return store_is_silent; };
    signs.status = [this] { return status; };
    systemd.emplace(world.clock, world.context.get_executor(), wished, std::move(signs));
    systemd->start();
    world.clock.drain();
  }
  void TearDown() override {
    if (systemd) boost::asio::co_spawn(world.context, systemd->stop(), boost::asio::detached);
    world.clock.drain();
  }
  // The engine turns each 100 ms for that long.
  void turn_for(Duration span) {
    for (Duration passed{0}; passed < span; passed += 100ms) {
      turned.notify_all();
      world.clock.advance(100ms);
    }
  }
  void get_ready() {
    ready = true;
    turned.notify_all();
    world.clock.drain();
  }
  static int count(const std::vector<std::string>& messages, std::string_view words) {
    return static_cast<int>(std::ranges::count_if(messages, [&](const std::string& message) {
      return message.find(words) != std::string::npos;
    }));
  }

  SimulatedWorld world;
  Listener listener{std::filesystem::temp_directory_path() /
                    ("bascule-systemd-" + std::to_string(::getpid()))};
  bool ready = false;
  bool store_is_silent = false;
  std::string status = "shop HEALTHY at amsterdam";
  Event turned;
  std::optional<Systemd> systemd;
};

using Heard = std::vector<std::string>;

TEST_F(SystemdTest, ReadyIsSaidOnceItIsTrueAndTheStartIsGivenTimeUntilThen) {
  begin(wishes());
  const Heard starting = listener.heard();
  EXPECT_EQ(count(starting, "EXTEND_TIMEOUT_USEC=10000000"), 1);
  turn_for(12s);
  const Heard waiting = listener.heard();
  EXPECT_EQ(count(waiting, "EXTEND_TIMEOUT_USEC="), 2);
  EXPECT_EQ(count(waiting, "READY=1"), 0);
  get_ready();
  EXPECT_EQ(listener.heard(), Heard{"READY=1\nSTATUS=shop HEALTHY at amsterdam"});
}

TEST_F(SystemdTest, TheWatchdogHearsOfAnEngineThatTurnsTwiceInItsTimeAtLeast) {
  begin(wishes(30s));
  get_ready();
  static_cast<void>(listener.heard());
  turn_for(60s);
  EXPECT_GE(count(listener.heard(), "WATCHDOG=1"), 4);
}

TEST_F(SystemdTest, TheWatchdogHearsNothingOfAnEngineThatStandsStillThoughTimersGoOn) {
  begin(wishes(30s));
  get_ready();
  turn_for(30s);
  static_cast<void>(listener.heard());
  world.clock.advance(300s);
  EXPECT_EQ(count(listener.heard(), "WATCHDOG=1"), 0);
  turn_for(20s);
  EXPECT_GE(count(listener.heard(), "WATCHDOG=1"), 1) << "it turns again";
}

TEST_F(SystemdTest, AnEngineThatWaitsForItsStoreIsNotStuck) {
  begin(wishes(30s));
  get_ready();
  static_cast<void>(listener.heard());
  store_is_silent = true;
  status = "can do nothing: the journal has not answered for 9000ms";
  world.clock.advance(60s);
  const Heard heard = listener.heard();
  EXPECT_GE(count(heard, "WATCHDOG=1"), 4);
  EXPECT_EQ(count(heard, "STATUS=can do nothing: the journal"), 1) << "a status is told once";
}

TEST_F(SystemdTest, WithoutAWatchdogOnlyWhatChangesIsTold) {
  begin(wishes());
  get_ready();
  static_cast<void>(listener.heard());
  turn_for(60s);
  EXPECT_EQ(listener.heard(), Heard{});
  status = "shop CRITICAL\nat amsterdam";
  turn_for(12s);
  EXPECT_EQ(listener.heard(), Heard{"STATUS=shop CRITICAL at amsterdam"}) << "on one line";
}

TEST_F(SystemdTest, AReloadIsFramedAndARefusedOneIsSaidUntilAGoodOne) {
  begin(wishes());
  systemd->reload_begins();
  systemd->reload_ended(true);
  EXPECT_EQ(count(listener.heard(), "READY=1"), 0) << "nothing is ready yet";
  get_ready();
  static_cast<void>(listener.heard());
  systemd->reload_begins();
  systemd->reload_ended(false);
  const Heard refused = listener.heard();
  ASSERT_EQ(refused.size(), 2U);
  EXPECT_TRUE(refused[0].starts_with("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(refused[1],
            "READY=1\nSTATUS=shop HEALTHY at amsterdam; the newest configuration was refused");
  systemd->reload_begins();
  systemd->reload_ended(true);
  EXPECT_EQ(listener.heard().back(), "READY=1\nSTATUS=shop HEALTHY at amsterdam");
}

TEST_F(SystemdTest, AStopIsSaidOnceAndGivenTimeButNotForEver) {
  begin(wishes());
  get_ready();
  static_cast<void>(listener.heard());
  systemd->stop_begins();
  systemd->stop_begins();
  EXPECT_EQ(count(listener.heard(), "STOPPING=1"), 1);
  turn_for(12s);
  EXPECT_GE(count(listener.heard(), "EXTEND_TIMEOUT_USEC=10000000"), 1);
  turn_for(90s);
  static_cast<void>(listener.heard());
  turn_for(60s);
  EXPECT_EQ(listener.heard(), Heard{});
}

TEST_F(SystemdTest, ASocketThatIsFullHoldsNothingUp) {
  begin(wishes(1s));
  get_ready();
  for (int i = 0; i < 10'000; ++i) systemd->reload_ended(true);
  turn_for(5s);
  EXPECT_GT(listener.heard().size(), 0U);
}

TEST(SystemdSocket, MayBeAbstractMissingOrNobodys) {
  SimulatedWorld world;
  SignsOfLife signs;
  signs.is_ready = [] { return false; };
  signs.turns = [](Deadline) -> awaitable<bool> { co_return false; };
  signs.status = [] { return std::string(); };
  const Listener abstract("@bascule-systemd-" + std::to_string(::getpid()));
  for (const std::string& name :
       {abstract.path, std::string(), std::string("/nowhere/at/all"), std::string(300, 'x')}) {
    Systemd systemd(world.clock, world.context.get_executor(), {name, {}}, signs);
    systemd.stop_begins();
  }
  const Heard heard = abstract.heard();
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_TRUE(heard[0].starts_with("STOPPING=1"));
}

TEST(SystemdWishes, AWatchdogOfAnotherProcessIsNotOurs) {
  ::setenv("NOTIFY_SOCKET", "/run/x", 1);
  ::setenv("WATCHDOG_USEC", "30000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  EXPECT_EQ(systemd_wishes().socket, "/run/x");
  EXPECT_EQ(systemd_wishes().watchdog, Microseconds{30'000'000});
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_EQ(systemd_wishes().watchdog, std::nullopt);
  ::unsetenv("WATCHDOG_PID");
  EXPECT_EQ(systemd_wishes().watchdog, Microseconds{30'000'000});
  for (const char* nonsense : {"", "soon", "-5", "0", "5x"}) {
    ::setenv("WATCHDOG_USEC", nonsense, 1);
    EXPECT_EQ(systemd_wishes().watchdog, std::nullopt) << nonsense;
  }
  for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC"}) ::unsetenv(name);
  EXPECT_EQ(systemd_wishes().socket, "");
}

Standing standing(const char* name, const char* state, bool is_protected) {
  Standing group;
  group.group = GroupName(name);
  group.state = state;
  group.active = "amsterdam";
  group.is_protected = is_protected;
  return group;
}

TEST(SystemdStatus, SaysFirstWhatIsNotWell) {
  EXPECT_EQ(status_line({}, ""), "no groups");
  EXPECT_EQ(status_line({standing("shop", "HEALTHY", true)}, ""), "shop HEALTHY at amsterdam");
  EXPECT_EQ(status_line({standing("a", "HEALTHY", true), standing("b", "HEALTHY", true),
                         standing("c", "HEALTHY", true), standing("d", "HEALTHY", true),
                         standing("e", "CRITICAL", false)},
                        ""),
            "e CRITICAL at amsterdam, exposed; a HEALTHY at amsterdam; b HEALTHY at amsterdam; "
            "2 others are well");
  EXPECT_EQ(status_line({standing("shop", "HEALTHY", true)}, "the disk is full"),
            "can do nothing: the disk is full");
}

}  // namespace
}  // namespace bascule::app
