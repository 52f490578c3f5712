#include "common/base/steady_cond_var.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace {

// What the real-time clock is ahead by, as it is for a wait that began before
// the clock was set back.
std::atomic<int> g_seconds_ahead{0};

}  // namespace

// Abseil and the standard library ask these in the place of libc's.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const long result = syscall(SYS_clock_gettime, clock, time);
  if (clock == CLOCK_REALTIME) time->tv_sec += g_seconds_ahead;
  return static_cast<int>(result);
}

extern "C" int gettimeofday(timeval* time, void* zone) noexcept {
  const long result = syscall(SYS_gettimeofday, time, zone);
  time->tv_sec += g_seconds_ahead;
  return static_cast<int>(result);
}

namespace kmyriad {
namespace {

constexpr int kHour = 3600;
constexpr absl::Duration kShort = absl::Milliseconds(20);
constexpr absl::Duration kLong = absl::Hours(24);

class SteadyCondVarTest : public testing::Test {
 protected:
  ~SteadyCondVarTest() override { g_seconds_ahead = 0; }

  // Sets flag_ from a second thread.
  std::thread Setter() {
    return std::thread([this] {
      absl::MutexLock lock(&mutex_);
      flag_ = true;
      changed_.SignalAll();
    });
  }
  auto Flag() {
    return [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return flag_; };
  }

  absl::Mutex mutex_;
  SteadyCondVar changed_;
  bool flag_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST_F(SteadyCondVarTest, ASignalEndsTheWait) {
  absl::MutexLock lock(&mutex_);
  // The second thread gets the mutex from the wait alone.
  std::thread setter = Setter();
  EXPECT_TRUE(changed_.AwaitWithTimeout(mutex_, kLong, Flag()));
  mutex_.Unlock();
  setter.join();
  mutex_.Lock();
}

TEST_F(SteadyCondVarTest, TimeEndsTheWait) {
  absl::MutexLock lock(&mutex_);
  EXPECT_FALSE(changed_.AwaitWithTimeout(mutex_, kShort, Flag()));
  EXPECT_FALSE(changed_.AwaitWithTimeout(mutex_, absl::ZeroDuration(), Flag()));
  EXPECT_FALSE(changed_.AwaitWithTimeout(mutex_, -kLong, Flag()));
}

TEST_F(SteadyCondVarTest, WhatHoldsAlreadyIsNotWaitedFor) {
  absl::MutexLock lock(&mutex_);
  flag_ = true;
  EXPECT_TRUE(
      changed_.AwaitWithTimeout(mutex_, absl::InfiniteDuration(), Flag()));
}

// Would otherwise end in an hour.
TEST_F(SteadyCondVarTest, AClockThatIsSetBackDoesNotLengthenTheWait) {
  g_seconds_ahead = kHour;
  absl::MutexLock lock(&mutex_);
  EXPECT_FALSE(changed_.AwaitWithTimeout(mutex_, kShort, Flag()));
}

// The negative control: Abseil's own wait of a millisecond is still there when
// this thread's wait of 20 has ended, and ends by its condition.
TEST_F(SteadyCondVarTest, ItLengthensThoseOfAbseil) {
  g_seconds_ahead = kHour;
  bool held = false;
  std::atomic<bool> begun{false};
  std::thread waiter([&] {
    absl::MutexLock lock(&mutex_);
    begun = true;
    held =
        mutex_.AwaitWithTimeout(absl::Condition(&flag_), absl::Milliseconds(1));
  });
  while (!begun) std::this_thread::yield();
  {
    absl::MutexLock lock(&mutex_);
    const auto never = [] { return false; };
    changed_.AwaitWithTimeout(mutex_, kShort, never);
    flag_ = true;
  }
  waiter.join();
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace kmyriad
