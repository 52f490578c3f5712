#include "tests/testing/fake_clock.h"

#include "common/base/check.h"

namespace kmyriad {

double FakeClock::MonotonicSeconds() const {
  absl::MutexLock lock(&mutex_);
  return seconds_;
}

absl::Time FakeClock::WallTime() const {
  return absl::FromUnixSeconds(1'700'000'000 - 1000) +
         absl::Seconds(MonotonicSeconds());
}

void FakeClock::Advance(double seconds) {
  KMYRIAD_CHECK(seconds >= 0);
  absl::MutexLock lock(&mutex_);
  seconds_ += seconds;
}

}  // namespace kmyriad
