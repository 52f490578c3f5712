#ifndef KMYRIAD_COMMON_DEVICE_DEVICE_ARRAY_H_
#define KMYRIAD_COMMON_DEVICE_DEVICE_ARRAY_H_

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "common/device/device.h"

namespace kmyriad {

// Owns memory of a device, which must outlive it. Empty until Allocate.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(Device& device) : device_(device) {}
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { Clear(); }

  // Replaces the memory by some, not filled, for max(size, 1) values.
  absl::Status Allocate(size_t size) {
    Clear();
    KMYRIAD_ASSIGN_OR_RETURN(
        void* memory, device_.Allocate((size == 0 ? 1 : size) * sizeof(T)));
    data_ = static_cast<T*>(memory);
    return absl::OkStatus();
  }
  absl::Status AllocateCopy(absl::Span<const T> values) {
    KMYRIAD_RETURN_IF_ERROR(Allocate(values.size()));
    return device_.Upload(values.data(), values.size() * sizeof(T), data_);
  }
  // Waits for what the device was asked to do before.
  absl::Status Download(absl::Span<T> out) const {
    return device_.Download(data_, out.size() * sizeof(T), out.data());
  }
  T* data() const { return data_; }

 private:
  void Clear() {
    if (data_ != nullptr) device_.Free(data_);
    data_ = nullptr;
  }

  Device& device_;
  T* data_ = nullptr;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_DEVICE_ARRAY_H_
