#ifndef KMYRIAD_COMMON_BASE_BOUNDED_QUEUE_H_
#define KMYRIAD_COMMON_BASE_BOUNDED_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace kmyriad {

// First-in first-out queue of at most `capacity` elements, for any number of
// producers and consumers. Close() ends all waits; what is queued can still be
// popped.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  // Waits for room. False, and the element is dropped, once closed.
  bool Push(T element) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BoundedQueue::CanPush));
    if (closed_) return false;
    elements_.push_back(std::move(element));
    return true;
  }

  // Never waits. False, and `element` is untouched, if full or closed.
  bool TryPush(T& element) {
    absl::MutexLock lock(&mutex_);
    if (closed_ || elements_.size() >= capacity_) return false;
    elements_.push_back(std::move(element));
    return true;
  }

  // Waits up to `timeout` for an element; empty on timeout, or when closed and
  // drained.
  absl::optional<T> Pop(absl::Duration timeout) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &BoundedQueue::CanPop),
                            timeout);
    if (elements_.empty()) return absl::nullopt;
    absl::optional<T> element(std::move(elements_.front()));
    elements_.pop_front();
    return element;
  }

  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  bool closed() const {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }

  size_t size() const {
    absl::MutexLock lock(&mutex_);
    return elements_.size();
  }

 private:
  bool CanPush() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || elements_.size() < capacity_;
  }
  bool CanPop() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !elements_.empty();
  }

  const size_t capacity_;
  mutable absl::Mutex mutex_;
  std::deque<T> elements_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_BOUNDED_QUEUE_H_
