#include "actor/physics/mujoco/mujoco_backend.h"

#include <mujoco/mujoco.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "actor/physics/mujoco/compiled_model.h"
#include "actor/physics/mujoco/engine_errors.h"
#include "actor/physics/overflow_log.h"
#include "common/base/segment.h"
#include "common/base/status_macros.h"

namespace kmyriad {
namespace {

enum class LaneOutcome { kFine, kInvalid, kOverflow };

bool AllFinite(const mjtNum* values, mjtSize count) {
  for (mjtSize i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) return false;
  }
  return true;
}

LaneOutcome Judge(const mjModel* model, const mjData* data) {
  if (data->warning[mjWARN_CONTACTFULL].number != 0 ||
      data->warning[mjWARN_CNSTRFULL].number != 0) {
    return LaneOutcome::kOverflow;
  }
  // After a bad number mj_step has put the lane back to the model's reference
  // state, which is not its start: the counters tell.
  const bool valid = data->warning[mjWARN_BADQPOS].number == 0 &&
                     data->warning[mjWARN_BADQVEL].number == 0 &&
                     data->warning[mjWARN_BADQACC].number == 0 &&
                     data->warning[mjWARN_BADCTRL].number == 0 &&
                     AllFinite(data->qpos, model->nq) &&
                     AllFinite(data->qvel, model->nv) &&
                     AllFinite(data->qacc, model->nv);
  return valid ? LaneOutcome::kFine : LaneOutcome::kInvalid;
}

// A function of its own, since an engine error jumps out of it past whatever
// it holds.
LaneOutcome StepLane(const mjModel* model, mjData* data, uint32_t substeps) {
  EngineErrorTrap trap;
  if (setjmp(trap.target()) != 0) return LaneOutcome::kOverflow;
  for (uint32_t i = 0; i < substeps; ++i) mj_step(model, data);
  return Judge(model, data);
}

class MujocoModel;

class MujocoBlock : public PhysicsBlock {
 public:
  MujocoBlock(std::shared_ptr<const MujocoModel> owner, const mjModel* model,
              std::array<DataPointer, kBlockLanes> lanes)
      : owner_(std::move(owner)), model_(model), lanes_(std::move(lanes)) {}

  void Reset(uint32_t lane, const double* qpos, const double* qvel) override {
    mjData* data = lanes_[lane].get();
    mj_resetData(model_, data);
    std::copy_n(qpos, model_->nq, data->qpos);
    std::copy_n(qvel, model_->nv, data->qvel);
  }

  LaneMask Step(const float* controls, uint32_t substeps) override;

  void Read(uint32_t lane, double* qpos, double* qvel) const override {
    std::copy_n(lanes_[lane]->qpos, model_->nq, qpos);
    std::copy_n(lanes_[lane]->qvel, model_->nv, qvel);
  }

  uint64_t overflows() const override { return overflows_; }

 private:
  const std::shared_ptr<const MujocoModel> owner_;
  const mjModel* const model_;
  const std::array<DataPointer, kBlockLanes> lanes_;
  uint64_t overflows_ = 0;
};

LaneMask MujocoBlock::Step(const float* controls, uint32_t substeps) {
  const uint64_t before = overflows_;
  LaneMask failed = 0;
  for (uint32_t lane = 0; lane < kBlockLanes; ++lane) {
    mjData* data = lanes_[lane].get();
    for (mjtSize i = 0; i < model_->nu; ++i) {
      data->ctrl[i] = static_cast<double>(controls[i * kBlockLanes + lane]);
    }
    const LaneOutcome outcome = StepLane(model_, data, substeps);
    if (outcome == LaneOutcome::kFine) continue;
    failed |= LaneMask{1} << lane;
    if (outcome == LaneOutcome::kOverflow) ++overflows_;
  }
  LogOverflows(before, overflows_);
  return failed;
}

class MujocoModel : public PhysicsModel,
                    public std::enable_shared_from_this<MujocoModel> {
 public:
  MujocoModel(ModelPointer model, std::string description)
      : model_(std::move(model)), description_(std::move(description)) {
    dimensions_.position = static_cast<uint32_t>(model_->nq);
    dimensions_.velocity = static_cast<uint32_t>(model_->nv);
    dimensions_.control = static_cast<uint32_t>(model_->nu);
    dimensions_.reference_position.assign(model_->qpos0,
                                          model_->qpos0 + model_->nq);
  }

  const PhysicsDimensions& dimensions() const override { return dimensions_; }
  std::string Description() const override { return description_; }

  absl::StatusOr<std::unique_ptr<PhysicsBlock>> CreateBlock() const override {
    std::array<DataPointer, kBlockLanes> lanes;
    for (DataPointer& lane : lanes) {
      lane.reset(MakeData(model_.get()));
      if (lane == nullptr) {
        return absl::ResourceExhaustedError(
            "physics: no memory for a block of environments");
      }
    }
    return std::make_unique<MujocoBlock>(shared_from_this(), model_.get(),
                                         std::move(lanes));
  }

 private:
  static mjData* MakeData(const mjModel* model) {
    EngineErrorTrap trap;
    if (setjmp(trap.target()) != 0) return nullptr;
    return mj_makeData(model);
  }

  const ModelPointer model_;
  const std::string description_;
  PhysicsDimensions dimensions_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const PhysicsModel>> CreateMujocoModel(
    const std::string& mjcf) {
  KMYRIAD_ASSIGN_OR_RETURN(ModelPointer model, CompileModel(mjcf));
  return std::make_shared<const MujocoModel>(
      std::move(model),
      absl::StrCat("mujoco ", mj_versionString(), "\n", mjcf));
}

}  // namespace kmyriad
