#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_STEP_PLACE_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_STEP_PLACE_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "actor/physics/cuda/step_view.h"
#include "common/device/device.h"

namespace kmyriad {

// Where the kernels of actor/physics/cuda run, in both precisions.
struct StepPlace {
  std::shared_ptr<Device> device;
  std::function<absl::Status(const StepView<float>&)> step_float;
  std::function<absl::Status(const StepView<double>&)> step_double;

  absl::Status Step(const StepView<float>& view) const {
    return step_float(view);
  }
  absl::Status Step(const StepView<double>& view) const {
    return step_double(view);
  }
};

// The host twin with blocks of 32 or 64 threads, run forwards or backwards.
StepPlace MakeTwinPlace(uint32_t threads, bool reversed);
// Without a device where there is no GPU.
StepPlace MakeGpuPlace();

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_STEP_PLACE_H_
