#include "actor/physics/cuda/cuda_backend.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/physics/cuda/robot_fleet.h"
#include "actor/physics/mujoco/robot_reader.h"
#include "actor/physics/overflow_log.h"
#include "actor/physics/simd/stepper.h"
#include "common/base/check.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

class CudaBlock final : public PhysicsBlock {
 public:
  CudaBlock(std::shared_ptr<StepDevice> device, uint32_t motors,
            std::unique_ptr<RobotFleet<float>> fleet)
      : device_(std::move(device)), motors_(motors), fleet_(std::move(fleet)) {}

  void Reset(uint32_t lane, const double* qpos, const double* qvel) override {
    fleet_->Reset(lane, qpos, qvel);
  }

  LaneMask Step(const float* controls, uint32_t substeps) override {
    StepView<float> view = fleet_->view();
    view.substeps = substeps;
    absl::Status status =
        fleet_->Upload({controls, size_t{motors_} * kStepLanes});
    if (status.ok()) status = device_->Step(view);
    if (status.ok()) status = fleet_->Download();
    // A GPU that fails does not come back within a process.
    if (!status.ok()) LogError("physics: ", status.ToString());
    KMYRIAD_CHECK(status.ok());
    const uint64_t now = fleet_->Counters().overflows;
    LogOverflows(std::exchange(overflows_, now), now);
    LaneMask failed = 0;
    for (uint32_t lane = 0; lane < kStepLanes; ++lane) {
      if (fleet_->bad(lane)) failed |= 1u << lane;
    }
    return failed;
  }

  void Read(uint32_t lane, double* qpos, double* qvel) const override {
    fleet_->Read(lane, qpos, qvel, nullptr);
  }

  uint64_t overflows() const override { return overflows_; }

 private:
  const std::shared_ptr<StepDevice> device_;
  const uint32_t motors_;
  const std::unique_ptr<RobotFleet<float>> fleet_;
  uint64_t overflows_ = 0;
};

class CudaModel final : public PhysicsModel {
 public:
  CudaModel(Robot robot, MakeStepDevice make_device, std::string description)
      : robot_(std::move(robot)),
        dimensions_(DimensionsOf(*robot_.model)),
        make_device_(std::move(make_device)),
        description_(std::move(description)) {}

  const PhysicsDimensions& dimensions() const override { return dimensions_; }
  std::string Description() const override { return description_; }
  absl::StatusOr<std::unique_ptr<PhysicsBlock>> CreateBlock() const override {
    KMYRIAD_ASSIGN_OR_RETURN(std::shared_ptr<StepDevice> device,
                             make_device_());
    KMYRIAD_ASSIGN_OR_RETURN(
        std::unique_ptr<RobotFleet<float>> fleet,
        RobotFleet<float>::Create(*device, *robot_.model, robot_.boxes,
                                  kStepLanes));
    const std::vector<double> rest(dimensions_.velocity);
    for (uint32_t lane = 0; lane < kStepLanes; ++lane) {
      fleet->Reset(lane, dimensions_.reference_position.data(), rest.data());
    }
    return std::make_unique<CudaBlock>(std::move(device), dimensions_.control,
                                       std::move(fleet));
  }

 private:
  const Robot robot_;
  const PhysicsDimensions dimensions_;
  const MakeStepDevice make_device_;
  const std::string description_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateCudaModel(
    const std::string& mjcf, MakeStepDevice make_device) {
  KMYRIAD_ASSIGN_OR_RETURN(Robot robot, CompileRobot(mjcf));
  return std::make_shared<const CudaModel>(
      std::move(robot), std::move(make_device),
      absl::StrCat("cuda fp32, arithmetic ", kStepperArithmetic,
                   ", constants of mujoco ", CompilerVersion(), "\n", mjcf));
}

}  // namespace kmyriad
