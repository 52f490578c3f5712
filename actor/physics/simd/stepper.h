#ifndef KMYRIAD_ACTOR_PHYSICS_SIMD_STEPPER_H_
#define KMYRIAD_ACTOR_PHYSICS_SIMD_STEPPER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "actor/physics/simd/robot_model.h"
#include "common/base/simd_level.h"

namespace kmyriad {

// To be counted up by every change that changes bits.
inline constexpr int kStepperArithmetic = 1;

enum class StepperReal { kFloat, kDouble };

struct StepperOptions {
  // Arithmetic and state: single precision for speed, double for parity.
  StepperReal real = StepperReal::kFloat;
  // Every level gives the same bits.
  SimdLevel level = SimdLevel::kScalar;
};

// A contact of the last evaluation. The frame is the normal, then both
// tangents, as rows; the normal points from the plane to the geom, or from the
// geom to the box.
struct ContactTrace {
  int geom = 0;         // of the robot, id in the compiled model
  int static_geom = 0;  // plane or box, id in the compiled model
  double distance = 0;  // negative in penetration
  double position[3] = {};
  double frame[9] = {};
  // Whether it makes rows (distance < margin); else it was only detected.
  bool constrains = false;
};

struct RowTrace {
  std::vector<double> jacobian;  // [nv]
  double regularizer = 0;        // R; D = 1 / R
  double reference = 0;          // aref
  double force = 0;
};

// What the last evaluation of the last Step computed in one lane. With RK4 it
// is the fourth stage.
struct LaneTrace {
  std::vector<double> mass_matrix;          // [nv, nv]
  std::vector<double> bias_force;           // [nv]
  std::vector<double> smooth_acceleration;  // [nv]
  std::vector<double> acceleration;         // [nv], of the solver
  std::vector<ContactTrace> contacts;       // planes, then boxes; ids ascending
  // Limits by joint, then four rows for each contact that constrains.
  std::vector<RowTrace> rows;
  uint32_t iterations = 0;  // of Newton's method
};

struct StepperCounters {
  uint64_t lane_evaluations = 0;
  uint64_t newton_iterations = 0;  // sum over lanes
  uint64_t newton_rounds = 0;      // of whole blocks
  uint64_t block_evaluations = 0;
  uint64_t contacts = 0;        // sum over lanes
  uint64_t contact_rounds = 0;  // most contacts of a lane, summed
  uint64_t box_pairs = 0;       // pairs of geom and box that were examined
  // Lane evaluations with more contacts than the fast slots hold; they were
  // computed with more memory, nothing was left out.
  uint64_t enlarged = 0;
  // Lane evaluations in which Newton's method met its cap of iterations.
  uint64_t unconverged = 0;
};

// The constant part: robot, surfaces, arithmetic. Thread-safe; shared by all
// steppers.
class StepperModel;

// `boxes` have ascending ids.
absl::StatusOr<std::shared_ptr<const StepperModel>> CreateStepperModel(
    const RobotModel<double>& robot, std::vector<SurfaceBox> boxes,
    const StepperOptions& options);

template <class Real>
struct StepKernel;
// In floats, by an instance of the step that observes stages or operations
// (step_stages.h). The kernel outlives the model and suits the machine.
std::shared_ptr<const StepperModel> CreateStepperModel(
    const RobotModel<double>& robot, std::vector<SurfaceBox> boxes,
    const StepKernel<float>& kernel);

// 16 robots side by side; the whole step of MuJoCo C 3.17.0 for the subset of
// mujoco/robot_reader.h (reference/physics.md 2). What happens in a lane
// depends on that lane alone, bit for bit, at every instruction set. One thread
// at a time.
class Stepper {
 public:
  virtual ~Stepper() = default;

  // In the reference state, at rest.
  static std::unique_ptr<Stepper> Create(
      std::shared_ptr<const StepperModel> model);

  // Puts one lane into a state and clears the solver's warm start. qpos
  // [positions], qvel [dofs] are rounded to the stepper's arithmetic; a free
  // root's position to two numbers of it.
  virtual void Reset(uint32_t lane, const double* qpos, const double* qvel) = 0;
  // The accelerations [dofs] that the solver of the next step starts from.
  virtual void SetWarmStart(uint32_t lane, const double* qacc) = 0;

  // Advances all lanes by `substeps` steps under constant controls
  // [motors, 16] (lane-minor). Returns the lanes whose numbers were not finite
  // or beyond 1e10, or that needed more contacts than there is memory for; they
  // hold no valid state, and stay in the returned set until they are reset.
  [[nodiscard]] virtual uint32_t Step(const float* controls,
                                      uint32_t substeps) = 0;

  // Copies the state of one lane: qpos [positions], qvel [dofs], and the warm
  // start [dofs] unless it is null.
  virtual void Read(uint32_t lane, double* qpos, double* qvel,
                    double* qacc = nullptr) const = 0;

  // From the memory of the last evaluation: call it before anything else steps.
  virtual LaneTrace Trace(uint32_t lane) const = 0;

  virtual const StepperCounters& counters() const = 0;
  // Lanes that were given up for lack of contact memory, so far.
  virtual uint64_t overflows() const = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_ACTOR_PHYSICS_SIMD_STEPPER_H_
