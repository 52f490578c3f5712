#define KMYRIAD_LANES_LEVEL 3
#include "tests/actor/rollout/cuda/twin_segment_device.h"

#include "actor/physics/cuda/step_robots.h"
#include "actor/rollout/cuda/segment_kernels.h"
#include "common/device/twin_device.h"

namespace kmyriad {
namespace {

class TwinSegmentDevice final : public SegmentDevice {
 public:
  explicit TwinSegmentDevice(const TwinSegmentOptions& options)
      : options_(options) {}

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    return memory_.Allocate(bytes);
  }
  void Free(void* memory) override { memory_.Free(memory); }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return memory_.Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return memory_.Download(from, bytes, to);
  }
  absl::Status Run(const SegmentView& view) override {
    if (!options_.failure.ok()) return options_.failure;
    TwinStream stream(options_.reversed);
    uint32_t step = 0;
    EnqueueSegment(view, stream, [&](const StepView<float>& steps) {
      EnqueueSteps<kStepThreads>(steps, stream);
      if (options_.after_step) options_.after_step(step, steps);
      ++step;
    });
    return absl::OkStatus();
  }

 private:
  const TwinSegmentOptions options_;
  TwinDevice memory_;
};

}  // namespace

std::unique_ptr<SegmentDevice> MakeTwinSegmentDevice(
    const TwinSegmentOptions& options) {
  return std::make_unique<TwinSegmentDevice>(options);
}

}  // namespace kmyriad
