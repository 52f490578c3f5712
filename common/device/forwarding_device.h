#ifndef KMYRIAD_COMMON_DEVICE_FORWARDING_DEVICE_H_
#define KMYRIAD_COMMON_DEVICE_FORWARDING_DEVICE_H_

#include <memory>
#include <utility>

#include "common/device/device.h"

namespace kmyriad {

// The memory of an Interface, which is a Device that also runs kernels, is that
// of a device it owns: what derives from this adds the kernels.
template <typename Interface, typename Owned>
class ForwardingDevice : public Interface {
 public:
  explicit ForwardingDevice(std::unique_ptr<Owned> device)
      : device_(std::move(device)) {}

  absl::StatusOr<void*> Allocate(size_t bytes) override {
    return device_->Allocate(bytes);
  }
  void Free(void* memory) override { device_->Free(memory); }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    return device_->Upload(from, bytes, to);
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    return device_->Download(from, bytes, to);
  }

 protected:
  Owned& device() { return *device_; }

 private:
  const std::unique_ptr<Owned> device_;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_FORWARDING_DEVICE_H_
