#ifndef KMYRIAD_COMMON_DEVICE_DEVICE_H_
#define KMYRIAD_COMMON_DEVICE_DEVICE_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kmyriad {

// The memory of a GPU, or of the host where kernels run as their twin. Work is
// done in the order of the calls; Upload may return before it is done, and
// Download waits for all of it. Thread-safe; calls of several threads follow
// each other in some order. Errors: RESOURCE_EXHAUSTED for memory, INTERNAL
// with CUDA's own words for the rest.
class Device {
 public:
  virtual ~Device() = default;

  // Not filled; bytes > 0. Aligned to 256.
  virtual absl::StatusOr<void*> Allocate(size_t bytes) = 0;
  // Waits for what uses the memory.
  virtual void Free(void* memory) = 0;
  // `from` may be reused once the call is back.
  virtual absl::Status Upload(const void* from, size_t bytes, void* to) = 0;
  virtual absl::Status Download(const void* from, size_t bytes, void* to) = 0;
};

}  // namespace kmyriad

#endif  // KMYRIAD_COMMON_DEVICE_DEVICE_H_
