#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_TWIN_STEP_DEVICE_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_TWIN_STEP_DEVICE_H_

#include <memory>

#include "actor/physics/cuda/step_device.h"
#include "common/device/forwarding_device.h"
#include "common/device/twin_device.h"
#include "tests/actor/physics/cuda/step_place.h"

namespace kmyriad {

// The host twin as a backend's device; can be made to fail.
class TwinStepDevice final : public ForwardingDevice<StepDevice, TwinDevice> {
 public:
  TwinStepDevice() : ForwardingDevice(std::make_unique<TwinDevice>()) {}

  absl::Status Step(const StepView<float>& view) override {
    return broken ? absl::InternalError("on fire") : place_.Step(view);
  }

  bool broken = false;

 private:
  const StepPlace place_ = MakeTwinPlace(64, false);
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_TWIN_STEP_DEVICE_H_
