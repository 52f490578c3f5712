#define KMYRIAD_LANES_LEVEL 3
#include <cstring>

#include "actor/physics/cuda/step_robots.h"
#include "tests/actor/physics/cuda/step_device.h"

namespace kmyriad {
namespace {

class TwinDevice final : public StepDevice {
 public:
  TwinDevice(uint32_t threads, bool reversed)
      : threads_(threads), stream_(reversed) {}

  std::shared_ptr<void> Allocate(size_t bytes) override {
    constexpr std::align_val_t kAlignment{64};
    return {::operator new(bytes + 1, kAlignment),
            [](void* p) { ::operator delete(p, kAlignment); }};
  }
  void Upload(void* to, const void* from, size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void Download(void* to, const void* from, size_t bytes) override {
    std::memcpy(to, from, bytes);
  }
  void Step(const StepView<float>& view) override { Enqueue(view); }
  void Step(const StepView<double>& view) override { Enqueue(view); }
  size_t GeneralSlotBytes(bool is_double) const override {
    return is_double ? kmyriad::GeneralSlotBytes<double>()
                     : kmyriad::GeneralSlotBytes<float>();
  }

 private:
  template <class Real>
  void Enqueue(const StepView<Real>& view) {
    if (threads_ == 32) {
      EnqueueSteps<32>(view, stream_);
    } else if (threads_ == 64) {
      EnqueueSteps<64>(view, stream_);
    } else {
      EnqueueSteps<128>(view, stream_);
    }
  }

  const uint32_t threads_;
  TwinStream stream_;
};

}  // namespace

std::unique_ptr<StepDevice> MakeTwinDevice(uint32_t threads, bool reversed) {
  return std::make_unique<TwinDevice>(threads, reversed);
}

}  // namespace kmyriad
