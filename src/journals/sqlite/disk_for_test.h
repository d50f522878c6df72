// A disk whose syncs can fail or hang, under a real SQLite file: a shim over the default VFS. While
// an object lives, every file that is opened is behind it. Only tests include this.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace bascule::sqlite {

class DiskForTest {
 public:
  DiskForTest() {
    real_ = sqlite3_vfs_find(nullptr);
    shim_ = *real_;
    shim_.zName = "disk-for-test";
    shim_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    shim_.xOpen = open;
    EXPECT_EQ(sqlite3_vfs_register(&shim_, 1), SQLITE_OK);
  }
  ~DiskForTest() {
    let_go();
    sqlite3_vfs_register(real_, 1);
    sqlite3_vfs_unregister(&shim_);
  }
  DiskForTest(const DiskForTest&) = delete;
  DiskForTest& operator=(const DiskForTest&) = delete;

  // Every sync is an input/output error.
  static void fail_syncs(bool failing) { fails_ = failing; }
  // Every sync waits until let_go().
  static void hang() { hangs_ = true; }
  static void let_go() {
    {
      const std::lock_guard lock(mutex_);
      hangs_ = false;
    }
    changed_.notify_all();
  }
  // Whether a sync is waiting.
  static bool is_hanging() { return waiting_ > 0; }

 private:
  // The real file lies behind the shim's in the same piece of memory.
  struct File {
    sqlite3_file base;
    sqlite3_io_methods methods;
  };
  static sqlite3_file* real_of(sqlite3_file* file) {
    return reinterpret_cast<sqlite3_file*>(reinterpret_cast<File*>(file) + 1);
  }

  static int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
    sqlite3_file* real = real_of(file);
    file->pMethods = nullptr;
    const int opened = real_->xOpen(real_, name, real, flags, out);
    if (opened != SQLITE_OK || real->pMethods == nullptr) return opened;
    auto* shim = reinterpret_cast<File*>(file);
    shim->methods = methods_over(*real->pMethods);
    file->pMethods = &shim->methods;
    return opened;
  }

  static sqlite3_io_methods methods_over(const sqlite3_io_methods& real) {
    sqlite3_io_methods made = real;
    made.xClose = [](sqlite3_file* f) { return real_of(f)->pMethods->xClose(real_of(f)); };
    made.xRead = [](sqlite3_file* f, void* into, int size, sqlite3_int64 at) {
      return real_of(f)->pMethods->xRead(real_of(f), into, size, at);
    };
    made.xWrite = [](sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
      return real_of(f)->pMethods->xWrite(real_of(f), from, size, at);
    };
    made.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      return real_of(f)->pMethods->xTruncate(real_of(f), size);
    };
    made.xSync = sync;
    made.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return real_of(f)->pMethods->xFileSize(real_of(f), size);
    };
    made.xLock = [](sqlite3_file* f, int how) {
      return real_of(f)->pMethods->xLock(real_of(f), how);
    };
    made.xUnlock = [](sqlite3_file* f, int how) {
      return real_of(f)->pMethods->xUnlock(real_of(f), how);
    };
    made.xCheckReservedLock = [](sqlite3_file* f, int* out) {
      return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
    };
    made.xFileControl = [](sqlite3_file* f, int what, void* argument) {
      return real_of(f)->pMethods->xFileControl(real_of(f), what, argument);
    };
    made.xSectorSize = [](sqlite3_file* f) {
      return real_of(f)->pMethods->xSectorSize(real_of(f));
    };
    made.xDeviceCharacteristics = [](sqlite3_file* f) {
      return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
    };
    made.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
      return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
    };
    made.xShmLock = [](sqlite3_file* f, int offset, int count, int flags) {
      return real_of(f)->pMethods->xShmLock(real_of(f), offset, count, flags);
    };
    made.xShmBarrier = [](sqlite3_file* f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); };
    made.xShmUnmap = [](sqlite3_file* f, int remove) {
      return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
    };
    made.xFetch = [](sqlite3_file* f, sqlite3_int64 at, int size, void** out) {
      return real_of(f)->pMethods->xFetch(real_of(f), at, size, out);
    };
    made.xUnfetch = [](sqlite3_file* f, sqlite3_int64 at, void* page) {
      return real_of(f)->pMethods->xUnfetch(real_of(f), at, page);
    };
    return made;
  }

  static int sync(sqlite3_file* file, int flags) {
    if (fails_) return SQLITE_IOERR_FSYNC;
    if (hangs_) {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.wait(lock, [] { return !hangs_; });
      --waiting_;
    }
    return real_of(file)->pMethods->xSync(real_of(file), flags);
  }

  sqlite3_vfs shim_{};
  inline static sqlite3_vfs* real_ = nullptr;
  inline static std::atomic<bool> fails_ = false;
  inline static std::atomic<bool> hangs_ = false;
  inline static std::atomic<int> waiting_ = 0;
  inline static std::mutex mutex_;
  inline static std::condition_variable changed_;
};

}  // namespace bascule::sqlite
