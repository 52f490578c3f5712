#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_BENCHMARK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct PhysicsBenchmarkOptions {
  // As CreateAntPhysics takes it.
  std::string backend = "mujoco";
  // Shipped name or path.
  std::string terrain = "maze";
  std::string integrator = "implicitfast";
  uint32_t envs = 64;
  // 0: one per core.
  uint32_t threads = 0;
  // Wall time to measure for, both sides together.
  double seconds = 5;
};

// Steps Ants under random actions (frame skip 5, action scale 0.3, a reset
// every 400 steps), and the same Ants in a bare mj_step loop: every thread
// alternates short slices of both, so that noise of the machine meets both
// alike. Fields: backend, engine, terrain, integrator, envs, threads, seconds,
// env_steps, env_steps_per_second and evaluations_per_second (sums over the
// threads, wall time of our slices alone), bare_evaluations_per_second, and
// ratio (bare over ours, CPU time for the same work). With the backend simd
// also lane_use: contacts, Newton iterations and examined pairs of geom and box
// in the mean of an evaluation, the share of lanes that work while their 16 do
// a contact or an iteration, and the share of evaluations beyond the fast
// slots; and stages, where the time goes (RunStageBenchmark), which takes as
// many seconds again. INTERNAL if a lane fails, or if, with the backend mujoco,
// the states of both sides differ in any bit; INVALID_ARGUMENT and
// UNIMPLEMENTED for options.
absl::StatusOr<nlohmann::json> RunPhysicsBenchmark(
    const PhysicsBenchmarkOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_BENCHMARK_H_
