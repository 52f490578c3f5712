#include "common/base/thread_pool.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "common/base/check.h"

namespace kmyriad {
namespace {

// One ParallelFor. Shared, since a worker may get to its part only after the
// call has returned; it then finds no index left and does not touch `body`.
struct Loop {
  Loop(size_t loop_count, const std::function<void(size_t)>& loop_body)
      : count(loop_count), body(loop_body) {}

  void Run() {
    while (true) {
      const size_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      body(index);
      if (finished.fetch_add(1, std::memory_order_acq_rel) + 1 == count) {
        done.Notify();
      }
    }
  }

  const size_t count;
  const std::function<void(size_t)>& body;
  std::atomic<size_t> next{0};
  std::atomic<size_t> finished{0};
  absl::Notification done;
};

}  // namespace

ThreadPool::ThreadPool(int threads) {
  KMYRIAD_CHECK(threads >= 1);
  workers_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    workers_.emplace_back([this] { Work(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Schedule(std::function<void()> task) {
  absl::MutexLock lock(&mutex_);
  tasks_.push_back(std::move(task));
}

void ThreadPool::ParallelFor(size_t count,
                             const std::function<void(size_t)>& body) {
  if (count == 0) return;
  auto loop = std::make_shared<Loop>(count, body);
  // The calling thread takes part, so one worker fewer than indices is enough.
  for (size_t i = 0; i < workers_.size() && i + 1 < count; ++i) {
    Schedule([loop] { loop->Run(); });
  }
  loop->Run();
  loop->done.WaitForNotification();
}

void ThreadPool::Work() {
  while (true) {
    std::function<void()> task;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &ThreadPool::CanWork));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace kmyriad
