#ifndef KMYRIAD_COMMON_BASE_THREAD_POOL_H_
#define KMYRIAD_COMMON_BASE_THREAD_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kmyriad {

// A fixed number of worker threads. Thread-safe. The destructor runs what was
// scheduled and joins. Results must not depend on which thread runs what.
class ThreadPool {
 public:
  // threads >= 1.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()); }

  // Runs `task` on some worker, in the order of calls.
  void Schedule(std::function<void()> task);

  // Calls body(i) for i in [0, count), spread over workers and the calling
  // thread; returns when all are done. Not to be nested.
  void ParallelFor(size_t count, const std::function<void(size_t)>& body);

 private:
  void Work();
  bool CanWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !tasks_.empty();
  }

  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_THREAD_POOL_H_
