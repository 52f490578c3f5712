#include "actor/physics/simd/simd_backend.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/overflow_log.h"
#include "actor/physics/simd/stepper.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

class SimdBlock final : public PhysicsBlock {
 public:
  explicit SimdBlock(std::shared_ptr<const StepperModel> model)
      : stepper_(Stepper::Create(std::move(model))) {}

  void Reset(uint32_t lane, const double* qpos, const double* qvel) override {
    stepper_->Reset(lane, qpos, qvel);
  }

  LaneMask Step(const float* controls, uint32_t substeps) override {
    const uint64_t before = stepper_->overflows();
    const LaneMask failed = stepper_->Step(controls, substeps);
    LogOverflows(before, stepper_->overflows());
    return failed;
  }

  void Read(uint32_t lane, double* qpos, double* qvel) const override {
    stepper_->Read(lane, qpos, qvel);
  }

  uint64_t overflows() const override { return stepper_->overflows(); }

 private:
  const std::unique_ptr<Stepper> stepper_;
};

class SimdModel final : public PhysicsModel {
 public:
  SimdModel(const RobotModel<double>& robot,
            std::shared_ptr<const StepperModel> stepper,
            std::string description)
      : stepper_(std::move(stepper)),
        description_(std::move(description)),
        dimensions_(DimensionsOf(robot)) {}

  const PhysicsDimensions& dimensions() const override { return dimensions_; }
  std::string Description() const override { return description_; }
  absl::StatusOr<std::unique_ptr<PhysicsBlock>> CreateBlock() const override {
    return std::make_unique<SimdBlock>(stepper_);
  }

 private:
  const std::shared_ptr<const StepperModel> stepper_;
  const std::string description_;
  const PhysicsDimensions dimensions_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateSimdModel(
    const std::string& mjcf) {
  KMYRIAD_ASSIGN_OR_RETURN(const SimdLevel level, ChooseSimdLevel());
  KMYRIAD_ASSIGN_OR_RETURN(Robot robot, CompileRobot(mjcf));
  KMYRIAD_ASSIGN_OR_RETURN(
      std::shared_ptr<const StepperModel> stepper,
      CreateStepperModel(*robot.model, std::move(robot.boxes),
                         {.real = StepperReal::kFloat, .level = level}));
  return std::make_shared<const SimdModel>(
      *robot.model, std::move(stepper),
      absl::StrCat("simd fp32, arithmetic ", kStepperArithmetic,
                   ", constants of mujoco ", CompilerVersion(), "\n", mjcf));
}

}  // namespace kmyriad
