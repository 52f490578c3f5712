#include "common/base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"

namespace kmyriad {
namespace {

TEST(ThreadPoolTest, OneThreadRunsTasksInOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1);
    EXPECT_EQ(pool.threads(), 1);
    for (int i = 0; i < 100; ++i) {
      pool.Schedule([&order, i] { order.push_back(i); });
    }
  }
  std::vector<int> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(order, expected);
}

TEST(ThreadPoolTest, DestructorRunsWhatWasScheduled) {
  std::atomic<int> runs{0};
  {
    ThreadPool pool(3);
    for (int i = 0; i < 1000; ++i) pool.Schedule([&runs] { ++runs; });
  }
  EXPECT_EQ(runs, 1000);
}

TEST(ThreadPoolTest, ParallelForVisitsEveryIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const size_t count : {0, 1, 2, 7, 1000}) {
      std::vector<int> visits(count);
      pool.ParallelFor(count, [&](size_t i) { ++visits[i]; });
      EXPECT_EQ(visits, std::vector<int>(count, 1));
    }
  }
}

TEST(ThreadPoolTest, ParallelForDoesNotWaitForBusyWorkers) {
  absl::Notification release;
  ThreadPool pool(2);
  for (int i = 0; i < 2; ++i) {
    pool.Schedule([&release] { release.WaitForNotification(); });
  }
  std::atomic<int> visits{0};
  pool.ParallelFor(10, [&](size_t) { ++visits; });
  EXPECT_EQ(visits, 10);
  release.Notify();
}

TEST(ThreadPoolTest, ParallelForFromSeveralThreads) {
  ThreadPool pool(2);
  std::atomic<size_t> sum{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        pool.ParallelFor(50, [&](size_t index) { sum += index; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 4u * 20u * 1225u);
}

TEST(ThreadPoolDeathTest, NeedsAThread) {
  EXPECT_DEATH(ThreadPool(0), "threads >= 1");
}

}  // namespace
}  // namespace kmyriad
