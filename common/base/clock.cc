#include "common/base/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace kmyriad {
namespace {

class SystemClock : public Clock {
 public:
  double MonotonicSeconds() const override {
    return std::chrono::duration<double>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  absl::Time WallTime() const override { return absl::Now(); }
};

}  // namespace

Clock& RealClock() {
  static SystemClock* const clock = new SystemClock;
  return *clock;
}

}  // namespace kmyriad
