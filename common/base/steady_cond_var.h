#ifndef KMYRIAD_COMMON_BASE_STEADY_COND_VAR_H_
#define KMYRIAD_COMMON_BASE_STEADY_COND_VAR_H_

#include <algorithm>
#include <chrono>
#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kmyriad {

// A condition variable for an absl::Mutex whose waits end by the monotonic
// clock. Those of the packaged Abseil (20220623) end by the real-time clock: if
// it is set back by an hour, a wait of a second becomes an hour long. So
// nothing else waits for a time. Thread-safe.
class SteadyCondVar {
 public:
  // Wakes all that wait: to be called by whoever makes a condition true.
  void SignalAll() { variable_.notify_all(); }

  // Waits until `condition()` holds, at most `timeout`; returns whether it
  // holds. It is called with `mutex` held, as the caller holds it.
  template <typename Condition>
  bool AwaitWithTimeout(absl::Mutex& mutex, absl::Duration timeout,
                        Condition condition)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    Lockable lockable(mutex);
    return variable_.wait_for(
        lockable, absl::ToChronoNanoseconds(std::min(timeout, kLongest)),
        condition);
  }

 private:
  // Far from the end of what a time point holds.
  static constexpr absl::Duration kLongest = absl::Hours(24 * 365);

  // The mutex by the names that the standard library calls it by.
  class Lockable {
   public:
    explicit Lockable(absl::Mutex& mutex) : mutex_(mutex) {}
    void lock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Lock(); }
    void unlock() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_.Unlock(); }

   private:
    absl::Mutex& mutex_;
  };

  std::condition_variable_any variable_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_STEADY_COND_VAR_H_
