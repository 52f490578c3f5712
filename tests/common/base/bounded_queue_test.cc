#include "common/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace kmyriad {
namespace {

const absl::Duration kLong = absl::Seconds(60);

TEST(BoundedQueueTest, IsFirstInFirstOut) {
  BoundedQueue<int> queue(3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue.Push(i));
  EXPECT_EQ(queue.size(), 3u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(queue.Pop(kLong), i);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(BoundedQueueTest, TryPushLeavesTheElementWhenFullOrClosed) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  auto first = std::make_unique<int>(1);
  auto second = std::make_unique<int>(2);
  EXPECT_TRUE(queue.TryPush(first));
  EXPECT_EQ(first, nullptr);
  EXPECT_FALSE(queue.TryPush(second));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(**queue.Pop(kLong), 1);
  queue.Close();
  EXPECT_FALSE(queue.TryPush(second));
  EXPECT_NE(second, nullptr);
}

TEST(BoundedQueueTest, PopGivesUpAfterItsTimeout) {
  BoundedQueue<int> queue(1);
  EXPECT_FALSE(queue.Pop(absl::ZeroDuration()).has_value());
}

TEST(BoundedQueueTest, WhatIsQueuedCanBePoppedAfterClose) {
  BoundedQueue<int> queue(2);
  queue.Push(1);
  EXPECT_FALSE(queue.closed());
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.Push(2));
  EXPECT_EQ(queue.Pop(kLong), 1);
  EXPECT_FALSE(queue.Pop(kLong).has_value());
}

TEST(BoundedQueueTest, CloseEndsWaits) {
  BoundedQueue<int> full(1);
  BoundedQueue<int> empty(1);
  full.Push(1);
  bool pushed = true, popped = true;
  std::thread producer([&] { pushed = full.Push(2); });
  std::thread consumer([&] { popped = empty.Pop(kLong).has_value(); });
  full.Close();
  empty.Close();
  producer.join();
  consumer.join();
  EXPECT_FALSE(pushed);
  EXPECT_FALSE(popped);
}

TEST(BoundedQueueTest, ManyThreadsLoseAndRepeatNothing) {
  constexpr int kProducers = 3, kEach = 2000;
  BoundedQueue<int> queue(4);
  std::vector<int> seen(kProducers * kEach);
  std::vector<std::thread> producers, consumers;
  absl::Mutex mutex;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = 0; i < kEach; ++i) queue.Push(p * kEach + i);
    });
    consumers.emplace_back([&] {
      while (const absl::optional<int> element = queue.Pop(kLong)) {
        absl::MutexLock lock(&mutex);
        ++seen[static_cast<size_t>(*element)];
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  queue.Close();
  for (std::thread& consumer : consumers) consumer.join();
  EXPECT_EQ(seen, std::vector<int>(seen.size(), 1));
}

}  // namespace
}  // namespace kmyriad
