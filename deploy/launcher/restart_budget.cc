#include "deploy/launcher/restart_budget.h"

#include <algorithm>

namespace kmyriad {
namespace {

constexpr double kFirstWait = 0.1;
constexpr double kLongestWait = 5;
// A process that ran this long was healthy: the next wait is short again.
constexpr double kHealthySeconds = 10;

}  // namespace

absl::optional<double> RestartBudget::OnDeath(double started, double now) {
  while (!deaths_.empty() && now - deaths_.front() > 60) deaths_.pop_front();
  if (static_cast<int>(deaths_.size()) >= kRestartsPerMinute) {
    return absl::nullopt;
  }
  deaths_.push_back(now);
  if (wait_ == 0 || now - started >= kHealthySeconds) {
    wait_ = kFirstWait;
  } else {
    wait_ = std::min(kLongestWait, 2 * wait_);
  }
  return wait_;
}

}  // namespace kmyriad
