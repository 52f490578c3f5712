#ifndef KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_STEP_DEVICE_H_
#define KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_STEP_DEVICE_H_

#include <cstddef>
#include <memory>

#include "actor/physics/cuda/step_view.h"

namespace kmyriad {

// Where the kernels of actor/physics/cuda run: on the host or on a GPU.
class StepDevice {
 public:
  virtual ~StepDevice() = default;
  virtual std::shared_ptr<void> Allocate(size_t bytes) = 0;
  virtual void Upload(void* to, const void* from, size_t bytes) = 0;
  virtual void Download(void* to, const void* from, size_t bytes) = 0;
  // Steps, and waits for it. A GPU has the kernels of single precision alone.
  virtual void Step(const StepView<float>& view) = 0;
  virtual void Step(const StepView<double>& view) = 0;
  virtual size_t GeneralSlotBytes(bool is_double) const = 0;
};

// The host twin with blocks of 32, 64 or 128 threads, run forwards or
// backwards.
std::unique_ptr<StepDevice> MakeTwinDevice(uint32_t threads, bool reversed);
// Null without a GPU.
std::unique_ptr<StepDevice> MakeCudaDevice();

}  // namespace kmyriad

#endif  // KMYRIAD_TESTS_ACTOR_PHYSICS_CUDA_STEP_DEVICE_H_
