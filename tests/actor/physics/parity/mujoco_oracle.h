#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_MUJOCO_ORACLE_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_MUJOCO_ORACLE_H_

#include <mujoco/mujoco.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/actor/physics/parity/parity_step.h"

namespace kmyriad {

// A rule of the engine that an imitation could get wrong. The oracle can be
// made to have each of these errors: a comparison that passes against such an
// oracle could not have seen the error in an imitation either.
enum class OracleError {
  kNone,
  kMarginIsMaximum,   // of a pair, instead of the sum; equal margins only
  kNoPyramidFactor,   // R of a pyramid's rows is that of its normal
  kOtherTangentSeed,  // of every contact frame
  kOneNewtonIteration,
};

// MuJoCo C, converged to 1e-14, one evaluation at a time. One thread.
class MujocoOracle : public ParitySubject {
 public:
  // INVALID_ARGUMENT with the engine's message.
  static absl::StatusOr<std::unique_ptr<MujocoOracle>> Create(
      const std::string& mjcf, OracleError error = OracleError::kNone);

  void Evaluate(absl::Span<const ParityState> states, Integrator integrator,
                std::vector<ParityStep>* steps) override;

  // Energy (potential + kinetic) in joules and the number of contacts of a
  // state.
  struct Summary {
    double energy = 0;
    int contacts = 0;
  };
  Summary Summarize(const std::vector<double>& qpos,
                    const std::vector<double>& qvel);

  // Replaces positions and velocities of the state with those one step later.
  // False if the engine warned about bad numbers or full buffers.
  bool Advance(ParityState* state, Integrator integrator);

  const mjModel& model() const { return *model_; }

 private:
  struct Free {
    void operator()(mjModel* m) const { mj_deleteModel(m); }
    void operator()(mjData* d) const { mj_deleteData(d); }
  };

  MujocoOracle(mjModel* model, OracleError error);
  void Load(const ParityState& state);
  void Step(const ParityState& state, Integrator integrator);
  void ReadStages(ParityStep* step) const;

  std::unique_ptr<mjModel, Free> model_;
  std::unique_ptr<mjData, Free> data_;
  const OracleError error_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_PARITY_MUJOCO_ORACLE_H_
