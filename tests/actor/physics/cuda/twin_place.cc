#define KMYRIAD_LANES_LEVEL 3
#include "actor/physics/cuda/step_robots.h"
#include "common/device/twin_device.h"
#include "tests/actor/physics/cuda/step_place.h"

namespace kmyriad {

StepPlace MakeTwinPlace(uint32_t threads, bool reversed) {
  const auto step = [threads, reversed](const auto& view) {
    TwinStream stream(reversed);
    if (threads == 32) {
      EnqueueSteps<32>(view, stream);
    } else {
      EnqueueSteps<64>(view, stream);
    }
    return absl::OkStatus();
  };
  return {std::make_shared<TwinDevice>(), step, step};
}

}  // namespace kmyriad
