#ifndef KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_PEER_ENGINE_H_
#define KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_PEER_ENGINE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/physics/physics_backend.h"

namespace kmyriad {

// What all engines of a comparison step: the same robots on the same ground.
struct PeerTask {
  std::string mjcf;
  uint32_t frame_skip = 5;
  uint32_t blocks = 1;  // of 16 robots
  uint32_t threads = 1;
  uint32_t positions = 0, velocities = 0, controls = 0;  // of one robot
};

// An engine that steps all robots of a task, on all of its threads.
class PeerEngine {
 public:
  virtual ~PeerEngine() = default;

  // Puts all robots to rest at qpos [blocks * 16, positions].
  virtual void Reset(const std::vector<double>& qpos) = 0;
  // One env step under controls [blocks, controls, 16].
  virtual void Step(const std::vector<float>& controls) = 0;
  // The positions of all robots, as Reset takes them.
  virtual std::vector<double> Positions() const = 0;
};

// A plain loop of mj_step, one mjData per robot, blocks dealt to threads.
absl::StatusOr<std::unique_ptr<PeerEngine>> CreateMujocoLoop(
    const PeerTask& task);

// MuJoCo's batch interface (mjbatch.h): its own threads, one mjData each.
absl::StatusOr<std::unique_ptr<PeerEngine>> CreateMujocoBatch(
    const PeerTask& task);

// One of our backends, blocks dealt to threads.
absl::StatusOr<std::unique_ptr<PeerEngine>> CreateBackendEngine(
    const PeerTask& task, std::shared_ptr<const PhysicsModel> model);

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_BENCHMARK_PHYSICS_PEERS_PEER_ENGINE_H_
