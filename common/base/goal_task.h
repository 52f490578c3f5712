#ifndef KMYRIAD_COMMON_BASE_GOAL_TASK_H_
#define KMYRIAD_COMMON_BASE_GOAL_TASK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/environment_spec.h"

namespace kmyriad {

// A sparse task: to be within `radius` of a named goal of the terrain, in the
// plane, at the end of any step of an episode (reference/method.md 2.1). A
// goal's height is that of the ground there.
struct GoalTask {
  Goal goal;
  float radius = 0;  // metres (PointMass: cells), above 0
};

// Radius of method.md 2.1: 0.5 m for robots (D4RL, OGBench), 0.3 cells for
// PointMass.
float DefaultGoalRadius(const std::string& task);

// INVALID_ARGUMENT naming the goals that there are, if `goal` is none of them,
// if it cannot be reached, or if the start lies within the radius, where every
// policy would succeed.
absl::StatusOr<GoalTask> FindGoalTask(const EnvironmentSpec& spec,
                                      const std::string& goal, float radius);

// First step of an episode, from 0, after which the robot is at the goal;
// `steps` if there is none. `features` [steps, dims] are places after each
// step, x and y first; masked samples (flags [steps]) do not count.
uint32_t FirstStepAtGoal(const GoalTask& task, const float* features,
                         uint32_t dims, const uint8_t* flags, uint32_t steps);

// The agents that have a success, best first: more successes, among equals
// fewer steps, then the lower number; never by distance, which would leak a
// dense signal (reference/method.md 2.3). successes [agents]; steps [agents] to
// the goal, of an agent's successful episodes together.
std::vector<uint32_t> RankBySuccess(const std::vector<uint32_t>& successes,
                                    const std::vector<uint64_t>& steps);

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_BASE_GOAL_TASK_H_
