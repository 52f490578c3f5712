#ifndef KMYRIAD_DEPLOY_LAUNCHER_RESTART_BUDGET_H_
#define KMYRIAD_DEPLOY_LAUNCHER_RESTART_BUDGET_H_

#include <deque>

#include "absl/types/optional.h"

namespace kmyriad {

// When a process that died may start again: the wait doubles from 0.1 to 5 s
// while it dies within 10 s of its start, and there is an end to it. Times are
// monotonic seconds. Not thread-safe.
class RestartBudget {
 public:
  // More deaths than this within a minute are not a hiccup.
  static constexpr int kRestartsPerMinute = 10;

  // A process that was started at `started` died at `now`: seconds to wait
  // before the next start, or nothing if the budget is used up.
  absl::optional<double> OnDeath(double started, double now);

 private:
  std::deque<double> deaths_;
  double wait_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_RESTART_BUDGET_H_
