#ifndef KMYRIAD_COMMON_DEVICE_TWIN_DEVICE_H_
#define KMYRIAD_COMMON_DEVICE_TWIN_DEVICE_H_

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "common/base/copy_bytes.h"
#include "common/device/device.h"

namespace kmyriad {

// The host's memory, for kernels that run as their twin (block.h).
class TwinDevice final : public Device {
 public:
  absl::StatusOr<void*> Allocate(size_t bytes) override {
    constexpr size_t kAlignment = 256;
    void* memory = std::aligned_alloc(
        kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
    if (memory == nullptr) {
      return absl::ResourceExhaustedError(
          absl::StrCat("no ", bytes, " bytes of memory are left"));
    }
    return memory;
  }
  void Free(void* memory) override { std::free(memory); }
  absl::Status Upload(const void* from, size_t bytes, void* to) override {
    CopyBytes(to, from, bytes);
    return absl::OkStatus();
  }
  absl::Status Download(const void* from, size_t bytes, void* to) override {
    CopyBytes(to, from, bytes);
    return absl::OkStatus();
  }
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_TWIN_DEVICE_H_
