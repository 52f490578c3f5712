#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_PHYSICS_PEERS_BENCHMARK_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_PHYSICS_PEERS_BENCHMARK_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace kmyriad {

struct PhysicsPeersOptions {
  // Our backend, as CreateAntPhysics takes it.
  std::string backend = "simd";
  // Shipped name or path.
  std::string terrain = "maze";
  std::string integrator = "implicitfast";
  // Robots; a multiple of 16.
  uint32_t envs = 128;
  // The process is confined to as many processors.
  uint32_t threads = 1;
  // Wall time to measure for, all engines together.
  double seconds = 10;
};

// Steps Ants under random actions (frame skip 5, scale 0.3, a reset every 400
// steps) in our backend, in a loop of mj_step and in MuJoCo's batch interface:
// the same model, states and actions, in short slices in turns, so that noise
// of the machine meets all alike; the fall after a reset is not measured, nor
// are threads that look for work after their engine's slice. Then whole env
// steps of one block (observation, inference of a 512-256 policy, physics) of
// the backend.
//
// Fields: backend, terrain, integrator, envs, threads, boxes, env_steps,
// engines.NAME.* (NAME = mujoco_loop, mujoco_batch, backend):
// evaluations_per_second of wall time, evaluations_per_cpu_second of processor
// time of the process, ratio (processor time of the loop over the engine's);
// whole_env_step.*: env_steps_per_second of processor time, one thread, and
// inference_share, the part of it that is inference.
// INTERNAL if the engines' positions differ after two env steps by more than
// 1e-3. INVALID_ARGUMENT and others for options.
absl::StatusOr<nlohmann::json> RunPhysicsPeersBenchmark(
    const PhysicsPeersOptions& options);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_PHYSICS_PEERS_BENCHMARK_H_
