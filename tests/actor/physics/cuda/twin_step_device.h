#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_TWIN_STEP_DEVICE_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_TWIN_STEP_DEVICE_H_

#include "actor/physics/cuda/step_device.h"
#include "tests/actor/physics/cuda/step_place.h"

namespace kmyriad {

// The host twin as a backend's device; can be made to fail.
class TwinStepDevice final : public StepDevice {
 public:
  absl::StatusOr<void*> Allocate(size_t bytes) override {
    return place_.device->Allocate(bytes);
  }
  void Free(void* memory) override { place_.device->Free(memory); }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return place_.device->Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return place_.device->Download(from, bytes, to);
  }
  absl::Status Step(const StepView<float>& view) override {
    return broken ? absl::InternalError("on fire") : place_.Step(view);
  }

  bool broken = false;

 private:
  const StepPlace place_ = MakeTwinPlace(64, false);
};

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_TWIN_STEP_DEVICE_H_
