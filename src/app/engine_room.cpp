#include "app/engine_room.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <utility>

#include "app/catalog.h"
#include "app/configuration_file.h"
#include "app/version.h"
#include "model/record_codec.h"
#include "runtime/standings.h"

namespace bascule::app {
namespace {

constexpr Duration kNotifyLast{3'000};
constexpr Duration kReload{10'000};
constexpr std::size_t kBatch = 1'000;

Term term_of(const StoredRecord& stored) {
  Result<Record> record = decode(stored.bytes);
  return record ? record->term : 0;
}

// Everything another process has written so far. Opening blocks, and so does this: before any loop
// runs.
awaitable<Result<std::vector<StoredRecord>>> read_all(Journal& journal) {
  std::vector<StoredRecord> all;
  while (true) {
    auto page = co_await journal.read(all.empty() ? 0 : all.back().seq, kBatch);
    if (!page) co_return error_of(page);
    if (page->empty()) co_return all;
    all.insert(all.end(), page->begin(), page->end());
  }
}

Result<std::vector<StoredRecord>> copy_of(const std::string& path) {
  boost::asio::io_context io;
  SystemClock clock(io);
  auto journal = open_sqlite_journal_read_only(clock, path);
  if (!journal) return error_of(journal);
  std::optional<Result<std::vector<StoredRecord>>> all;
  struct Reader {
    static awaitable<void> read(Journal& from,
                                std::optional<Result<std::vector<StoredRecord>>>* into) {
      into->emplace(co_await read_all(from));
    }
  };
  boost::asio::co_spawn(io, Reader::read(**journal, &all), boost::asio::detached);
  io.run();
  return std::move(*all);
}

// What a process is made of when it starts, or is known by to others.
std::vector<std::string> fixed_differences(const Configuration& before,
                                           const Configuration& after) {
  std::vector<std::string> names;
  const auto compare = [&](const char* name, bool same) {
    if (!same) names.emplace_back(name);
  };
  compare("cluster", before.cluster == after.cluster);
  compare("observer.name", before.observer.name == after.observer.name);
  compare("listen", before.listen == after.listen);
  compare("access.tls", before.access.has_tls() == after.access.has_tls());
  compare("store",
          before.store_kind == after.store_kind && before.store_settings == after.store_settings);
  compare("resolvers", before.resolvers == after.resolvers);
  compare("kubernetes", before.kubernetes_contexts == after.kubernetes_contexts);
  return names;
}

awaitable<void> tell(SqliteJournal& journal) {
  // What could not be noted is said again at the next start.
  [[maybe_unused]] const Result<void> noted = co_await journal.told();
}

}  // namespace

EngineRoom::EngineRoom(boost::asio::io_context& io, config::Loaded loaded)
    : io_(io),
      clock_(io),
      configuration_(std::move(loaded.configuration)),
      secrets_(std::move(loaded.inline_secrets)),
      services_{io_, clock_, secrets_} {}

EngineRoom::~EngineRoom() = default;

Result<void> EngineRoom::open_store(Access access) {
  const std::string path = store_path(configuration_);
  if (access == Access::act) {
    auto opened = open_sqlite_journal(clock_, path, configuration_.cluster);
    if (!opened) return error_of(opened);
    sqlite_ = std::move(*opened);
    journal_ = sqlite_.get();
    lease_ = sqlite_.get();
    return {};
  }
  auto store = std::make_shared<MemoryStore>();
  if (std::filesystem::exists(path)) {
    auto copied = copy_of(path);
    if (!copied) return error_of(copied);
    const Term term = copied->empty() ? 0 : term_of(copied->back());
    store = std::make_shared<MemoryStore>(std::move(*copied), term);
  }
  memory_ = std::make_unique<MemoryJournal>(clock_, std::move(store));
  journal_ = memory_.get();
  lease_ = memory_.get();
  return {};
}

Result<std::unique_ptr<EngineRoom>> EngineRoom::open(boost::asio::io_context& io,
                                                     config::Loaded loaded, Access access,
                                                     std::vector<runtime::Follower*> followers) {
  std::unique_ptr<EngineRoom> room(new EngineRoom(io, std::move(loaded)));
  const Configuration& configuration = room->configuration_;
  auto resolver = net::Resolver::make(io, room->clock_, configuration.resolvers);
  if (!resolver) return fail(in_context("resolvers", resolver.error()));
  room->resolver_ = std::move(*resolver);
  room->catalog_ = make_catalog(*room->resolver_, configuration.kubernetes_contexts);
  if (auto opened = room->open_store(access); !opened) return error_of(opened);
  auto channels = runtime::make_channels(configuration, room->catalog_, room->services_);
  if (!channels) return error_of(channels);
  room->services_.channels = std::move(*channels);
  if (access == Access::act) {
    room->notifications_ = std::make_unique<runtime::Notifications>(
        room->clock_, io.get_executor(), room->services_.channels, told_path(configuration));
    followers.push_back(room->notifications_.get());
  }
  room->supervisor_ = std::make_unique<runtime::Supervisor>(
      runtime::Assembly{configuration, room->catalog_, room->services_, *room->journal_,
                        *room->lease_, std::move(followers), kVersion, access == Access::look_only,
                        room->sqlite_ ? room->sqlite_->suspicion() : "",
                        [journal = room->sqlite_.get()] { return tell(*journal); }});
  if (room->notifications_) {
    runtime::Supervisor* const supervisor = room->supervisor_.get();
    room->notifications_->refresh_with([supervisor] {
      const runtime::Loop* loop = supervisor->loop();
      return loop == nullptr ? std::vector<Standing>() : runtime::standings(*loop);
    });
  }
  room->routes_ = std::make_unique<api::Routes>(
      room->clock_, *room->supervisor_,
      api::Speaker{configuration.observer.name, access == Access::act, ""});
  return room;
}

awaitable<Result<void>> EngineRoom::reload(config::Loaded loaded) {
  Configuration& after = loaded.configuration;
  if (const auto fixed = fixed_differences(configuration_, after); !fixed.empty()) {
    co_return fail(Error{ErrorCode::invalid,
                         fmt::format("{} cannot change while it runs", fmt::join(fixed, ", ")),
                         "restart `bascule serve` for that", std::nullopt});
  }
  const auto known = secrets_.known();
  secrets_.add(std::move(loaded.inline_secrets));
  Result<void> taken;
  auto channels = runtime::make_channels(after, catalog_, services_);
  if (!channels) {
    taken = error_of(channels);
  } else {
    taken = co_await supervisor_->reload(after, *channels, Deadline::in(clock_, kReload));
  }
  if (!taken) {
    secrets_.put_back(known);
    co_return taken;
  }
  services_.channels = *channels;
  if (notifications_) notifications_->replace(std::move(*channels));
  configuration_ = std::move(after);
  co_return taken;
}

awaitable<Result<void>> EngineRoom::run() {
  Result<void> ended = co_await supervisor_->run();
  if (notifications_) co_await notifications_->stop(Deadline::in(clock_, kNotifyLast));
  co_return ended;
}

}  // namespace bascule::app
