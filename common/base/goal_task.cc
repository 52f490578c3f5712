#include "common/base/goal_task.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/segment.h"

namespace kmyriad {
namespace {

// Episodes start this far from the terrain's start, at most, along each axis
// (actor/env/tasks).
constexpr double kStartJitter = 0.25;

}  // namespace

float DefaultGoalRadius(const std::string& task) {
  return task == "point_mass" ? 0.3f : 0.5f;
}

absl::StatusOr<GoalTask> FindGoalTask(const EnvironmentSpec& spec,
                                      const std::string& goal, float radius) {
  if (!(radius > 0) || !std::isfinite(radius)) {
    return absl::InvalidArgumentError(
        absl::StrCat("goal radius = ", radius, ": must be above 0"));
  }
  std::vector<std::string> names;
  for (const Goal& candidate : spec.goals) {
    names.push_back(candidate.name);
    if (candidate.name != goal) continue;
    if (!std::isfinite(candidate.geodesic_distance)) {
      return absl::InvalidArgumentError(
          absl::StrCat("goal ", goal, " of terrain ", spec.terrain,
                       ": cannot be reached from the start; choose another"));
    }
    const double x = std::abs(double{candidate.x} - spec.start_x);
    const double y = std::abs(double{candidate.y} - spec.start_y);
    if (std::hypot(std::max(0.0, x - kStartJitter),
                   std::max(0.0, y - kStartJitter)) <= radius) {
      return absl::InvalidArgumentError(
          absl::StrCat("goal ", goal, " of terrain ", spec.terrain,
                       ": episodes may start within its radius of ", radius,
                       "; take a smaller one, or another goal"));
    }
    return GoalTask{candidate, radius};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "goal ", goal, ": terrain ", spec.terrain, " has no such goal; ",
      names.empty() ? "it has none"
                    : absl::StrCat("use one of ", absl::StrJoin(names, ", "))));
}

uint32_t FirstStepAtGoal(const GoalTask& task, const float* features,
                         uint32_t dims, const uint8_t* flags, uint32_t steps) {
  const double reach = double{task.radius} * task.radius;
  for (uint32_t step = 0; step < steps; ++step) {
    if ((flags[step] & kSampleMasked) != 0) continue;
    const float* place = features + size_t{step} * dims;
    const double x = double{place[0]} - task.goal.x;
    const double y = double{place[1]} - task.goal.y;
    if (x * x + y * y <= reach) return step;
  }
  return steps;
}

std::vector<uint32_t> RankBySuccess(const std::vector<uint32_t>& successes,
                                    const std::vector<uint64_t>& steps) {
  std::vector<uint32_t> ranked;
  for (uint32_t agent = 0; agent < successes.size(); ++agent) {
    if (successes[agent] > 0) ranked.push_back(agent);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [&](uint32_t a, uint32_t b) {
    if (successes[a] != successes[b]) return successes[a] > successes[b];
    return steps[a] < steps[b];
  });
  return ranked;
}

}  // namespace kmyriad
