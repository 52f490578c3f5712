#include "deploy/launcher/restart_budget.h"

#include <algorithm>

namespace kmyriad {
namespace {

constexpr double kFirstWait = 0.1;
constexpr double kLongestWait = 5;

}  // namespace

absl::optional<double> RestartBudget::OnDeath(bool was_ready, double now) {
  while (!deaths_.empty() && now - deaths_.front() > 60) deaths_.pop_front();
  if (static_cast<int>(deaths_.size()) >= kRestartsPerMinute) {
    return absl::nullopt;
  }
  deaths_.push_back(now);
  const bool again = wait_ > 0 && !was_ready;
  wait_ = again ? std::min(kLongestWait, 2 * wait_) : kFirstWait;
  return wait_;
}

}  // namespace kmyriad
