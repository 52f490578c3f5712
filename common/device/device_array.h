#ifndef KMYRIAD_COMMON_DEVICE_DEVICE_ARRAY_H_
#define KMYRIAD_COMMON_DEVICE_DEVICE_ARRAY_H_

#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/base/check.h"
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
    size_ = size;
    return absl::OkStatus();
  }
  // Fills the front of the memory, which has room for `values`.
  absl::Status Upload(absl::Span<const T> values) {
    KMYRIAD_CHECK(data_ != nullptr && values.size() <= size_);
    return device_.Upload(values.data(), values.size() * sizeof(T), data_);
  }
  // Allocate, unless the memory is for as many values, and Upload.
  absl::Status AllocateCopy(absl::Span<const T> values) {
    if (data_ == nullptr || size_ != values.size()) {
      KMYRIAD_RETURN_IF_ERROR(Allocate(values.size()));
    }
    return Upload(values);
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
  size_t size_ = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_DEVICE_ARRAY_H_
