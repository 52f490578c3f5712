#define KMYRIAD_LANES_LEVEL 3
#include "tests/actor/rollout/cuda/twin_segment_device.h"

#include "actor/physics/cuda/step_robots.h"
#include "actor/rollout/cuda/segment_kernels.h"
#include "common/device/forwarding_device.h"
#include "common/device/twin_device.h"

namespace kmyriad {
namespace {

class TwinSegmentDevice final
    : public ForwardingDevice<SegmentDevice, TwinDevice> {
 public:
  explicit TwinSegmentDevice(const TwinSegmentOptions& options)
      : ForwardingDevice(std::make_unique<TwinDevice>()), options_(options) {}

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
};

}  // namespace

std::unique_ptr<SegmentDevice> MakeTwinSegmentDevice(
    const TwinSegmentOptions& options) {
  return std::make_unique<TwinSegmentDevice>(options);
}

}  // namespace kmyriad
