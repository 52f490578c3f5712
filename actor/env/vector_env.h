#ifndef KMYRIAD_ACTOR_ENV_VECTOR_ENV_H_
#define KMYRIAD_ACTOR_ENV_VECTOR_ENV_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/digest.h"
#include "common/base/environment_spec.h"
#include "common/base/segment.h"

namespace kmyriad {

struct VectorEnvOptions {
  std::string task;     // "ant" or "point_mass"
  std::string terrain;  // shipped name or path
  uint32_t horizon = 0;
  uint32_t frame_skip = 0;
  std::string integrator;  // "implicitfast", "rk4"; "none" for point_mass
  float action_scale = 0;
  std::string backend;  // "simd", "mujoco", "cuda"; "none" for point_mass
  // What particles consist of, as entropy.features names it.
  std::string features = "xy";
};

class VectorEnv;

// The constant part of an environment, shared by all blocks of a process:
// compiled terrain, physics model, specification. Thread-safe.
class EnvironmentModel {
 public:
  // NOT_FOUND or INVALID_ARGUMENT for a terrain that is missing or wrong, with
  // file, line and mend; FAILED_PRECONDITION for "cuda" without a GPU.
  static absl::StatusOr<std::shared_ptr<const EnvironmentModel>> Create(
      const VectorEnvOptions& options);
  virtual ~EnvironmentModel() = default;

  virtual const VectorEnvOptions& options() const = 0;
  virtual const EnvironmentSpec& spec() const = 0;
  // What each action drives, [act_dim].
  virtual std::vector<std::string> action_names() const = 0;
  // SHA-256 over everything that a segment depends on here: task, terrain and
  // model by content, backend and its version, integrator, time step, frame
  // skip, action scale, horizon.
  virtual Digest fingerprint() const = 0;

 private:
  friend class VectorEnv;
  // A block that shares this model and keeps it alive.
  virtual absl::StatusOr<std::unique_ptr<VectorEnv>> CreateBlock() const = 0;
};

// One block of 16 environments. One thread at a time.
class VectorEnv {
 public:
  static absl::StatusOr<std::unique_ptr<VectorEnv>> Create(
      std::shared_ptr<const EnvironmentModel> model);
  virtual ~VectorEnv() = default;

  // Fully resets all 16 lanes, solver warm start included; lane l is
  // environment first_env + l. Depends on (seed, epoch, environment) alone.
  // First call: before it nothing else may be called.
  virtual void Reset(uint64_t seed, uint32_t epoch, uint32_t first_env) = 0;

  // Raw observations of the current state, [obs_dim, 16] (lane-minor).
  virtual void Observe(float* observations) const = 0;

  // One environment step from squashed actions [act_dim, 16] in [-1, 1].
  // Writes the entropy features of the new state [feature_dim, 16] and its
  // flags [16]. A lane that becomes non-finite is put back to its start
  // state, and its features are those of the start state.
  virtual void Step(const float* squashed_actions, float* features,
                    uint8_t* flags) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_ENV_VECTOR_ENV_H_
