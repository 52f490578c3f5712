#ifndef KMYRIAD_COMMON_BASE_CLOCK_H_
#define KMYRIAD_COMMON_BASE_CLOCK_H_

#include "absl/time/time.h"

namespace kmyriad {

// Time as a dependency, so that deadlines are tested without sleeping.
// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic seconds from an arbitrary origin: for deadlines and durations.
  virtual double MonotonicSeconds() const = 0;
  // Wall-clock time: for records that people read, never for decisions.
  virtual absl::Time WallTime() const = 0;
};

// The system's clocks. Never destroyed.
Clock& RealClock();

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_CLOCK_H_
