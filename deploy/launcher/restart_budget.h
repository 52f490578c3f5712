#ifndef KMYRIAD_DEPLOY_LAUNCHER_RESTART_BUDGET_H_
#define KMYRIAD_DEPLOY_LAUNCHER_RESTART_BUDGET_H_

#include <deque>

#include "absl/types/optional.h"

namespace kmyriad {

// When a process that died may start again, and when there is an end to it. A
// process that was ready did its work until something hit it, perhaps several
// times in a row: it starts again at once, since others wait for it. The wait
// of one that dies before it is ready doubles from 0.1 to 5 s. Times are
// monotonic seconds. Not thread-safe.
class RestartBudget {
 public:
  // More deaths than this within a minute are not a hiccup.
  static constexpr int kRestartsPerMinute = 10;

  // A process died at `now`, after it had been ready or before: seconds to
  // wait before the next start, or nothing if the budget is used up.
  absl::optional<double> OnDeath(bool was_ready, double now);

 private:
  std::deque<double> deaths_;
  double wait_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_DEPLOY_LAUNCHER_RESTART_BUDGET_H_
