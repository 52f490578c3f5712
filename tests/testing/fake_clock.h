#ifndef KMYRIAD_TESTS_TESTING_FAKE_CLOCK_H_
#define KMYRIAD_TESTS_TESTING_FAKE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/base/clock.h"

namespace kmyriad {

// A clock that stands still unless it is advanced. Thread-safe.
class FakeClock : public Clock {
 public:
  double MonotonicSeconds() const override;
  // Starts at 2023-11-14T22:13:20Z and advances with the other one.
  absl::Time WallTime() const override;

  // seconds >= 0.
  void Advance(double seconds);

 private:
  mutable absl::Mutex mutex_;
  double seconds_ ABSL_GUARDED_BY(mutex_) = 1000;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_TESTING_FAKE_CLOCK_H_
